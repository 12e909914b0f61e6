"""Faces by MediaPipe's face landmarker: 52 blendshapes, head pose, measures of eyes, mouth and brows, position.

Pictures are processed independently: with several faces, the landmarker's video mode gave identical values in tests,
and so a frame does not depend on earlier ones. It runs in the calling process, because its input is decoded pixels of
limited size; the parsers of containers and codecs, which a malicious file attacks, run in a limited child process.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.assets.registry import fetch
from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.features import landmarks
from sentiprism.features.extractors.base import FrameExtractor, Shown
from sentiprism.features.face_tracking import Detection, FrameFaces, frame_thumbnail
from sentiprism.media.types import Frame
from sentiprism.recipe import Recipe
from sentiprism.terminal import silence_native

MOST_FACES = 4
"""Most faces that are detected in one picture."""
RATE = 10.0
"""Frames per second."""

BLENDSHAPES = (
    *("neutral", "brow_down_left", "brow_down_right", "brow_inner_up", "brow_outer_up_left", "brow_outer_up_right"),
    *("cheek_puff", "cheek_squint_left", "cheek_squint_right", "eye_blink_left", "eye_blink_right"),
    *("eye_look_down_left", "eye_look_down_right", "eye_look_in_left", "eye_look_in_right"),
    *("eye_look_out_left", "eye_look_out_right", "eye_look_up_left", "eye_look_up_right"),
    *("eye_squint_left", "eye_squint_right", "eye_wide_left", "eye_wide_right"),
    *("jaw_forward", "jaw_left", "jaw_open", "jaw_right", "mouth_close", "mouth_dimple_left", "mouth_dimple_right"),
    *("mouth_frown_left", "mouth_frown_right", "mouth_funnel", "mouth_left"),
    *("mouth_lower_down_left", "mouth_lower_down_right", "mouth_press_left", "mouth_press_right"),
    *("mouth_pucker", "mouth_right", "mouth_roll_lower", "mouth_roll_upper"),
    *("mouth_shrug_lower", "mouth_shrug_upper", "mouth_smile_left", "mouth_smile_right"),
    *("mouth_stretch_left", "mouth_stretch_right", "mouth_upper_up_left", "mouth_upper_up_right"),
    *("nose_sneer_left", "nose_sneer_right"),
)
"""ARKit's names in MediaPipe's order, in snake case; scores from 0 to 1. neutral, cheek_puff, cheek_squint, jaw_forward
and nose_sneer hardly ever move: they stayed below 0.01 in all tested clips."""

SCORE = "score 0–1"
"""Unit of a blendshape's curve."""


class FaceMesh(NamedTuple):
    """A face in one picture, as the landmarker returns it."""

    scores: Sequence[float]
    """Of `BLENDSHAPES`."""
    points: npt.NDArray[np.float64]
    """(478, 3) x and z as fractions of the picture's width, y of its height."""
    transformation: npt.NDArray[np.float64]
    """(4, 4) matrix that maps an upright, frontal face to its pose."""
    width: int
    height: int


class MeshExtractor(FrameExtractor):
    """Base class of extractors that compute columns from each face that the landmarker finds."""

    @abstractmethod
    def describe(self, face: FaceMesh) -> npt.NDArray[np.float64]:
        """Compute the (F,) columns of a face."""

    def detect(self, frames: Iterable[Frame]) -> Iterator[FrameFaces]:
        """See `FrameExtractor`; at most `MOST_FACES` in one picture.

        Raises:
            UserError: MediaPipe, a system library of it, or the asset ``face-landmarker`` is missing.
        """
        with landmarker() as detect:
            for frame in frames:
                faces = [
                    Detection(landmarks.box(face.points), values)
                    for face in _meshes(detect(frame.image), frame)
                    if np.isfinite(values := self.describe(face)).all()
                ]
                yield FrameFaces(frame.time, frame_thumbnail(frame.image), faces)


class Face(MeshExtractor):
    """Faces in each picture, see the module."""

    name = "face"
    recipe = Recipe(
        extractor="face",
        columns=(*BLENDSHAPES, *landmarks.POSE, *landmarks.SHAPE, *landmarks.PLACE),
        units=(
            *("1" for _ in BLENDSHAPES),
            *("deg" for _ in landmarks.POSE),
            *("1" for _ in (*landmarks.SHAPE, *landmarks.PLACE)),
        ),
        rate=RATE,
    )
    shown = {
        "mouth_smile_left": Shown("smile, left side", unit=SCORE, scale=(0.0, 1.0)),
        "mouth_smile_right": Shown("smile, right side", unit=SCORE, scale=(0.0, 1.0)),
        "brow_inner_up": Shown("inner brows raised", unit=SCORE, scale=(0.0, 1.0)),
        "head_yaw": Shown("head turned", unit="°"),
    }

    def describe(self, face: FaceMesh) -> npt.NDArray[np.float64]:
        """See `MeshExtractor`."""
        return np.concatenate(
            [
                face.scores,
                landmarks.pose(face.transformation),
                landmarks.shape(face.points, face.width, face.height),
                landmarks.place(landmarks.box(face.points)),
            ]
        )


def _meshes(result: Any, frame: Frame) -> Iterator[FaceMesh]:
    height, width = frame.image.shape[:2]
    for scores, points, matrix in zip(
        result.face_blendshapes, result.face_landmarks, result.facial_transformation_matrixes, strict=True
    ):
        mesh = np.array([(point.x, point.y, point.z) for point in points])
        yield FaceMesh([score.score for score in scores], mesh, matrix, width, height)


@contextmanager
def landmarker() -> Iterator[Any]:
    """Yield a function from an (H, W, 3) uint8 picture to MediaPipe's result."""
    model = (fetch("face-landmarker") / "face_landmarker.task").read_bytes()
    try:
        with silence_native():  # MediaPipe's log cannot be disabled otherwise
            import mediapipe
            from mediapipe.tasks.python import BaseOptions, vision

            options = vision.FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_buffer=model),
                num_faces=MOST_FACES,
                output_face_blendshapes=True,
                output_facial_transformation_matrixes=True,
            )
            landmarker = vision.FaceLandmarker.create_from_options(options)
    except ImportError:
        raise UserError("MediaPipe, which detects faces, is not installed", install_extra("media")) from None
    except OSError as error:  # of the dynamic linker
        reason = str(error).partition(":")[0]
        raise UserError(
            f"MediaPipe, which detects faces, lacks a system library ({reason})",
            "on Debian and Ubuntu: apt-get install libegl1 libgles2 libgl1",
        ) from None

    def detect(image: Any) -> Any:
        picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image))
        return landmarker.detect(picture)

    with landmarker:
        with silence_native():  # it still logs with its first picture
            detect(np.zeros((64, 64, 3), np.uint8))
        yield detect
