"""Faces in pictures: real clips, their mirror image, pictures without a face, and what may be missing."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from makers_pose import rotation
from sentiprism.assets.pinned import ASSETS
from sentiprism.assets.registry import digest
from sentiprism.errors import UserError
from sentiprism.features import landmarks
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.features.extractors.face import BLENDSHAPES, Face, landmarker
from sentiprism.features.track import Track
from sentiprism.media.decode import frames
from sentiprism.media.probe import probe
from sentiprism.media.types import Frame

COLUMNS = Face.recipe.columns
needs_face = pytest.mark.usefixtures("face_landmarker")


@pytest.fixture(scope="module")
def smiling(shared_data: Path) -> list[Frame]:
    """2.4 s: a man looks straight ahead, and from the first second on smiles."""
    return list(frames(probe(shared_data / "clips/pyfeat_single_face.mp4")))


@pytest.fixture(scope="module")
def smile(face_landmarker: Path, smiling: list[Frame]) -> Track:
    (track,) = Face()(smiling)
    return track


def column(track: Track, name: str) -> np.ndarray:
    return track.values[:, COLUMNS.index(name)]


@pytest.mark.parametrize("angles", [(0, 0, 0), (20, 0, 0), (0, 35, 0), (0, 0, -50), (-15, 60, 25)])
def test_pose_is_read_back(angles: tuple[float, float, float]) -> None:
    assert landmarks.pose(rotation(*angles)) == pytest.approx(angles)


def test_shape_is_that_of_a_drawn_face() -> None:
    """Eyes 40 pixels wide, 120 between their outer corners; y in shares of the height, x and z of the width."""
    width, height = 400, 200
    drawn = {
        **{33: (140, 80), 160: (150, 75), 158: (170, 75), 133: (180, 80), 153: (170, 85), 144: (150, 85)},
        **{362: (220, 80), 385: (230, 70), 387: (250, 70), 263: (260, 80), 373: (250, 90), 380: (230, 90)},
        **{105: (160, 56), 334: (240, 44), 13: (200, 130), 14: (200, 160), 61: (170, 145), 291: (230, 145)},
    }
    mesh = np.zeros((478, 3))
    for number, (x, y) in drawn.items():
        mesh[number] = x / width, y / height, 0
    expected = dict(zip(landmarks.SHAPE, (0.5, 0.25, 0.25, 0.5, 0.3, 0.2), strict=True))
    assert dict(zip(landmarks.SHAPE, landmarks.shape(mesh, width, height), strict=True)) == pytest.approx(expected)
    turned = mesh.copy()  # by 40 degrees about the vertical axis
    turned[:, 0], turned[:, 2] = mesh[:, 0] * np.cos(0.7), mesh[:, 0] * np.sin(0.7)
    assert landmarks.shape(turned, width, height) == pytest.approx(list(expected.values()))


def test_place_is_cut_at_the_edges() -> None:
    mesh = np.array([[-0.2, 0.1, 0.0], [0.5, 0.6, 0.0], [0.2, 0.3, 0.0]])
    assert landmarks.box(mesh).tolist() == [0.0, 0.1, 0.5, 0.6]
    assert landmarks.place(landmarks.box(mesh)) == pytest.approx([0.25, 0.25, 0.35])


@needs_face
def test_columns_are_named_in_the_order_of_the_model(smiling: list[Frame]) -> None:
    with landmarker() as detect:
        (scores,) = detect(smiling[0].image).face_blendshapes
    names = [score.category_name.lstrip("_") for score in scores]
    snake = ["".join(f"_{c.lower()}" if c.isupper() else c for c in name) for name in names]
    assert snake == list(BLENDSHAPES)


def test_real_face_is_seen_throughout_and_its_smile_begins(smiling: list[Frame], smile: Track) -> None:
    assert smile.times.tolist() == [frame.time for frame in smiling]
    assert smile.values.shape == (24, len(COLUMNS))
    assert np.isfinite(smile.values).all()
    for side in ("left", "right"):
        score = column(smile, f"mouth_smile_{side}")
        assert score[smile.times < 0.4].max() < 0.1
        assert score[smile.times > 1].min() > 0.8
    wide = column(smile, "mouth_width")
    assert wide[smile.times > 1].min() > 1.3 * wide[smile.times < 0.4].max()
    assert np.abs(column(smile, "head_yaw")).max() < 5  # degrees: he looks into the camera
    assert column(smile, "face_share") == pytest.approx(0.125, abs=0.01)


def test_same_numbers_twice_and_whatever_came_before(smiling: list[Frame], smile: Track) -> None:
    (again,) = Face()(iter(smiling))
    assert np.array_equal(again.values, smile.values)
    (half,) = Face()(smiling[12:])
    assert np.array_equal(half.values, smile.values[12:])


@needs_face
def test_mirror_image_turns_the_other_way_and_changes_sides(shared_data: Path) -> None:
    talking = list(frames(probe(shared_data / "clips/sadtalker_WDA_KatieHill_000.mp4"), fps=5))
    (seen,) = Face()(talking)
    (mirrored,) = Face()([Frame(frame.time, frame.image[:, ::-1]) for frame in talking])
    assert len(seen.times) == len(mirrored.times)
    assert np.ptp(column(seen, "head_yaw")) > 20
    for name in ("head_yaw", "head_roll"):
        assert column(mirrored, name) == pytest.approx(-column(seen, name), abs=3)
        assert np.corrcoef(column(mirrored, name), column(seen, name))[0, 1] < -0.98
    assert np.corrcoef(column(mirrored, "head_pitch"), column(seen, "head_pitch"))[0, 1] > 0.9
    assert column(mirrored, "face_x") == pytest.approx(1 - column(seen, "face_x"), abs=0.02)
    for name in ("eye_look_in", "eye_look_out"):
        left, right = (column(seen, f"{name}_{side}") for side in ("left", "right"))
        swapped = column(mirrored, f"{name}_right")
        assert 2 * np.abs(swapped - left).mean() < np.abs(swapped - right).mean()


@needs_face
def test_several_faces_are_told_apart_the_larger_one_first(smiling: list[Frame], smile: Track) -> None:
    def pair(frame: Frame) -> Frame:
        far = frame.image[::2, ::2]
        both = np.zeros_like(frame.image)
        both[:, :320] = frame.image[:, 160:480]
        both[: far.shape[0], 320:] = far
        return Frame(frame.time, both)

    large, small = Face()(map(pair, smiling))
    assert (len(large.times), len(small.times)) == (24, 24)
    assert column(large, "face_x").max() < 0.5 < column(small, "face_x").min()
    assert column(large, "face_share").mean() > 3 * column(small, "face_share").mean()
    for track in (large, small):
        assert np.abs(column(track, "mouth_smile_left") - column(smile, "mouth_smile_left")).mean() < 0.05


@needs_face
def test_pictures_without_a_face_give_no_track() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (5, 120, 160, 3), dtype=np.uint8)
    assert Face()(Frame(n / 10, image) for n, image in enumerate([*noise, np.zeros((1, 1, 3), np.uint8)])) == []
    assert Face()([]) == []


@needs_face
def test_native_code_is_quiet(smiling: list[Frame], capfd: pytest.CaptureFixture[str]) -> None:
    Face()(smiling[:2])
    sys.stderr.write("still there")
    assert capfd.readouterr() == ("", "still there")


def test_recipe_says_what_the_columns_are() -> None:
    assert EXTRACTORS["face"] is Face
    assert len(COLUMNS) == 52 + 3 + 6 + 3
    units = dict(zip(COLUMNS, Face.recipe.units, strict=True))
    assert {name for name, unit in units.items() if unit == "deg"} == {"head_pitch", "head_yaw", "head_roll"}
    assert set(Face.shown) <= set(COLUMNS)


def test_real_asset_is_whole(face_landmarker: Path) -> None:
    asset = ASSETS["face-landmarker"]
    for name, expected in asset.files.items():
        assert digest(face_landmarker / name) == expected
        assert (face_landmarker / name).stat().st_size == asset.size


def test_missing_asset_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIPRISM_ASSET_FACE_LANDMARKER", str(tmp_path))
    with pytest.raises(UserError, match=r"face_landmarker.task is missing"):
        Face()([])


class _Broken(MetaPathFinder):
    """Answers every import of MediaPipe as Python or the dynamic linker does."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> None:
        if name.partition(".")[0] == "mediapipe":
            raise self.error


@pytest.mark.parametrize(
    ("error", "cause", "remedy"),
    [
        (ModuleNotFoundError("No module named 'mediapipe'"), "is not installed", r"[media]"),
        (OSError("libEGL.so.1: cannot open shared object file"), r"libEGL\.so\.1", "libegl1 libgles2"),
    ],
)
@needs_face
def test_missing_library_is_one_line(
    error: Exception, cause: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "mediapipe"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Broken(error), *sys.meta_path])
    with pytest.raises(UserError, match=cause) as caught:
        Face()([])
    assert remedy.replace("\\", "") in caught.value.remedy
