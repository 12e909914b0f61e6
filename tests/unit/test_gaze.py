"""Gaze and position of the head: drawn eyes with known directions, and people who look into a camera."""

from pathlib import Path

import numpy as np
import pytest

from makers_pose import rotation
from sentiprism.features import gaze, landmarks
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.features.extractors.face import BLENDSHAPES, FaceMesh
from sentiprism.features.extractors.gaze import Gaze
from sentiprism.features.track import Track
from sentiprism.media.decode import frames
from sentiprism.media.probe import probe
from sentiprism.media.types import Frame

COLUMNS = Gaze.recipe.columns
WIDTH, HEIGHT, PIXELS_PER_CM = 640, 360, 17.0


def direction(pitch: float, yaw: float) -> np.ndarray:
    p, y = np.radians([pitch, yaw])
    return np.array([np.cos(p) * np.sin(y), np.sin(p), np.cos(p) * np.cos(y)])


def draw(pose: np.ndarray, ray: np.ndarray) -> np.ndarray:
    """Landmarks of a turned head whose eyeballs look along ``ray``, seen from far away."""
    head, mesh = pose[:3, :3], np.zeros((478, 3))
    for eye, iris, (inner, outer) in zip(landmarks.EYES, gaze.IRISES, ((1.5, 4.45), (-1.5, -4.45)), strict=True):
        corners = {eye[0]: inner, eye[3]: outer} if inner > 0 else {eye[0]: outer, eye[3]: inner}
        for number, x in corners.items():
            mesh[number] = head @ (x, 0.0, 0.0)
        ball = head @ ((inner + outer) / 2, gaze.HEIGHT_CM, -gaze.DEPTH_CM)
        mesh[iris] = ball + gaze.IRIS_CM * ray
        mesh[iris, 2] = 9.0  # the landmarker's depth of an iris is not used
    return mesh * PIXELS_PER_CM * (1, -1, -1) / (WIDTH, HEIGHT, WIDTH) + (0.3, 0.6, 0.0)


@pytest.mark.parametrize("head", [(0, 0, 0), (15, 0, 0), (-10, 30, 20)])
@pytest.mark.parametrize("eyes", [(0, 0), (12, -25), (-20, 10)])
def test_drawn_gaze_is_read_back(head: tuple[float, float, float], eyes: tuple[float, float]) -> None:
    pose = rotation(*head)
    ray = pose[:3, :3] @ direction(*eyes)
    found = gaze.gaze(draw(pose, ray), pose, WIDTH, HEIGHT)
    assert found[:2] == pytest.approx(eyes, abs=1e-6)
    assert direction(*found[2:]) == pytest.approx(ray)


def test_turned_head_that_looks_into_the_camera() -> None:
    pose = rotation(0, 25, 0)
    found = gaze.gaze(draw(pose, direction(0, 0)), pose, WIDTH, HEIGHT)
    assert found == pytest.approx([0, -25, 0, 0], abs=1e-6)
    larger = draw(pose, direction(0, 0)) * 1.7  # nearer to the camera
    assert gaze.gaze(larger, pose, WIDTH, HEIGHT) == pytest.approx(found, abs=1e-6)


def test_position_is_right_up_and_away() -> None:
    assert landmarks.position(rotation(10, 20, 30)).tolist() == [5, -3, 40]


def test_recipe_has_units() -> None:
    assert EXTRACTORS["gaze"] is Gaze
    units = dict(zip(COLUMNS, Gaze.recipe.units, strict=True))
    assert {name: unit for name, unit in units.items() if unit != "deg"} == {
        **dict.fromkeys(("head_x", "head_y", "head_z"), "cm"),
        "eyes_open": "1",
    }
    assert all(shown.where in (None, "eyes_open") for shown in Gaze.shown.values())


@pytest.fixture(scope="module")
def talking(face_landmarker: Path, shared_data: Path) -> tuple[Track, Track]:
    """A woman who turns her head while she speaks to the camera, and the same in a mirror."""
    pictures = list(frames(probe(shared_data / "clips/sadtalker_WDA_KatieHill_000.mp4"), fps=5))
    (seen,) = Gaze()(pictures)
    (mirrored,) = Gaze()(Frame(frame.time, frame.image[:, ::-1]) for frame in pictures)
    return seen, mirrored


def open_eyes(track: Track, name: str) -> np.ndarray:
    return track.values[track.values[:, COLUMNS.index("eyes_open")] > 0.5, COLUMNS.index(name)]


def test_real_eyes_turn_back_by_what_the_head_turns(talking: tuple[Track, Track]) -> None:
    seen, _ = talking
    head, eyes, where = (open_eyes(seen, name) for name in ("head_yaw", "eye_yaw", "gaze_yaw"))
    assert len(head) >= 30
    assert np.corrcoef(head, eyes)[0, 1] < -0.9
    assert np.polyfit(head, eyes, 1)[0] == pytest.approx(-1, abs=0.15)
    assert np.abs(where).max() < 10
    assert where.std() < head.std() / 3


def test_mirror_image_looks_the_other_way(talking: tuple[Track, Track]) -> None:
    seen, mirrored = talking
    for name, sign in (("head_yaw", -1), ("eye_yaw", -1), ("head_x", -1), ("head_z", 1), ("eye_pitch", 1)):
        ours, theirs = (track.values[:, COLUMNS.index(name)] for track in (seen, mirrored))
        assert np.corrcoef(ours, theirs)[0, 1] * sign > 0.85, name
        assert np.median(np.abs(theirs - sign * ours)) < 3, name


@pytest.mark.parametrize(("left", "right", "opened"), [(0.0, 0.0, 1), (0.9, 0.05, 1), (0.7, 0.4, 0)])
def test_closed_eyes_are_marked(left: float, right: float, opened: int) -> None:
    scores = dict.fromkeys(BLENDSHAPES, 0.0) | {"eye_blink_left": left, "eye_blink_right": right}
    pose = rotation(0, 0, 0)
    face = FaceMesh(list(scores.values()), draw(pose, direction(0, 0)), pose, WIDTH, HEIGHT)
    assert Gaze().describe(face)[COLUMNS.index("eyes_open")] == opened
