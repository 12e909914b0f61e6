"""Head pose, position of the head and gaze, by MediaPipe's face landmarker."""

import numpy as np
import numpy.typing as npt

from sentiprism.features import gaze, landmarks
from sentiprism.features.extractors.base import Shown
from sentiprism.features.extractors.face import BLENDSHAPES, RATE, FaceMesh, MeshExtractor
from sentiprism.recipe import Recipe

OPEN = "eyes_open"
CLOSED = 0.5
"""Score of a blink from which the eyes count as closed; their gaze is then meaningless."""
_BLINKS = [BLENDSHAPES.index(f"eye_blink_{side}") for side in ("left", "right")]


class Gaze(MeshExtractor):
    """Degrees of head and gaze, centimetres of the head's position, and whether the eyes are open (1 or 0)."""

    name = "gaze"
    recipe = Recipe(
        extractor="gaze",
        columns=(*landmarks.POSE, *landmarks.POSITION, *gaze.EYE, *gaze.GAZE, OPEN),
        units=(
            *("deg" for _ in landmarks.POSE),
            *("cm" for _ in landmarks.POSITION),
            *("deg" for _ in (*gaze.EYE, *gaze.GAZE)),
            "1",
        ),
        rate=RATE,
    )
    shown = {
        "gaze_yaw": Shown("gaze to the side", where=OPEN, unit="°"),
        "gaze_pitch": Shown("gaze up or down", where=OPEN, unit="°"),
        "head_yaw": Shown("head turned", unit="°"),
        "head_pitch": Shown("head up or down", unit="°"),
    }

    def describe(self, face: FaceMesh) -> npt.NDArray[np.float64]:
        """See `MeshExtractor`."""
        return np.concatenate(
            [
                landmarks.pose(face.transformation),
                landmarks.position(face.transformation),
                gaze.gaze(face.points, face.transformation, face.width, face.height),
                [float(np.mean([face.scores[blink] for blink in _BLINKS]) < CLOSED)],
            ]
        )
