"""The map from blendshapes to action units, reckoned by hand and tried on a real smile."""

import re
from pathlib import Path

import numpy as np
import pytest

from sentiprism.features.extractors import EXTRACTORS
from sentiprism.features.extractors.action_units import UNITS, ActionUnits
from sentiprism.features.extractors.face import Face
from sentiprism.features.track import Track
from sentiprism.media.decode import frames
from sentiprism.media.probe import probe
from sentiprism.recipe import Recipe

INTENSITIES = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
PRESENCES = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45)
OPENFACE = [*(f"AU{number:02d}_r" for number in INTENSITIES), *(f"AU{number:02d}_c" for number in PRESENCES)]
DOCUMENT = Path(__file__).parents[2] / "docs" / "action_units.md"


def derive(**scores: float) -> dict[str, float]:
    """Units of one step whose scores are 0 but for these."""
    values = np.zeros((1, len(Face.recipe.columns)), np.float32)
    for name, score in scores.items():
        values[0, Face.recipe.columns.index(name)] = score
    track = ActionUnits().derive(Track(np.array([0.4]), values))
    assert track.times.tolist() == [0.4]
    return dict(zip(ActionUnits.recipe.columns, track.values[0].tolist(), strict=True))


def test_columns_are_those_of_openface() -> None:
    assert list(ActionUnits.recipe.columns) == OPENFACE
    assert EXTRACTORS["action_units"] is ActionUnits


def test_dataset_of_openface_means_has_our_recipe_by_the_utterance() -> None:
    theirs = Recipe(extractor="action_units", columns=tuple(OPENFACE), units=("1",) * len(OPENFACE), per="utterance")
    assert ActionUnits.recipe.with_step("utterance").difference(theirs) is None


def test_real_openface_file_fits(shared_data: Path) -> None:
    """Its intensities reach from 0 to 5, its presences from 0 to 1, and happy actors pull their lip corners."""
    with np.load(shared_data / "ravdess/openface_au35.npz") as file:
        means, emotion = file["au"], file["emotion"]
    assert means.shape[1] == len(OPENFACE)
    graded = [name.endswith("_r") for name in OPENFACE]
    assert 4 < means[:, graded].max() <= 5
    assert means[:, [not one for one in graded]].max() == pytest.approx(1)
    smile = means[:, OPENFACE.index("AU12_r")]
    happy = 3
    assert smile[emotion == happy].mean() > 2 * max(smile[emotion == e].mean() for e in range(1, 9) if e != happy)


def test_face_at_rest_has_no_unit() -> None:
    assert set(derive().values()) == {0.0}


def test_intensities_by_hand() -> None:
    smile = derive(mouth_smile_left=0.8, mouth_smile_right=0.725)  # 5 * (0.7625 - 0.05) / 0.95
    assert smile["AU12_r"] == pytest.approx(3.75)
    assert smile["AU12_c"] == 1
    assert {name for name, value in smile.items() if value} == {"AU12_r", "AU12_c"}
    brows = derive(brow_inner_up=0.28, brow_outer_up_left=0.32, brow_outer_up_right=0.0)
    assert brows["AU01_r"] == pytest.approx(1.0)  # 5 * 0.18 / 0.9: a trace, and there
    assert (brows["AU01_c"], brows["AU02_r"]) == (1, pytest.approx(5 * 0.01 / 0.85))
    assert brows["AU02_c"] == 0
    assert derive(mouth_opening=0.155)["AU25_r"] == pytest.approx(2.5)


def test_strongest_is_five() -> None:
    most = derive(**dict.fromkeys(Face.recipe.columns, 1.0))
    assert all(most[name] == (5 if name.endswith("_r") else 1) for name in OPENFACE)


def test_unit_is_as_strong_as_the_weakest_of_its_parts() -> None:
    eyes = {"eye_squint_left": 0.5, "eye_squint_right": 0.5}
    assert derive(**eyes)["AU07_r"] == pytest.approx(2.0)
    assert derive(**eyes)["AU06_r"] == 0  # narrow eyes without a smile
    smile = {"mouth_smile_left": 1.0, "mouth_smile_right": 1.0}
    assert derive(**eyes, **smile)["AU06_r"] == pytest.approx(2.0)
    assert derive(mouth_roll_lower=0.9)["AU28_c"] == 0
    assert derive(mouth_roll_lower=0.9, mouth_roll_upper=0.3)["AU28_c"] == 1


def test_each_unit_rises_with_each_of_its_columns() -> None:
    for unit in UNITS:
        for part in unit.parts:
            full = {name: other.full for other in unit.parts for name in other.columns}
            for name in part.columns:
                weaker = derive(**{**full, name: part.rest})
                column = "AU28_c" if unit.number == 28 else f"{unit.code}_r"
                assert weaker[column] < derive(**full)[column]


@pytest.mark.usefixtures("face_landmarker")
def test_real_smile_is_one(shared_data: Path) -> None:
    recording = probe(shared_data / "clips/pyfeat_single_face.mp4")
    (track,) = ActionUnits()(frames(recording))
    (face,) = Face()(frames(recording))
    assert np.array_equal(ActionUnits().derive(face).values, track.values)
    strength = {name: track.values[:, i] for i, name in enumerate(OPENFACE)}
    before, after = track.times < 0.4, track.times > 1
    for unit in ("AU12", "AU25", "AU10"):
        assert strength[f"{unit}_r"][before].max() < 0.5
        assert strength[f"{unit}_r"][after].min() > 2
        assert strength[f"{unit}_c"].tolist() == (strength[f"{unit}_r"] >= 1).tolist()
    for unit in ("AU04", "AU15", "AU20"):
        assert strength[f"{unit}_r"].max() < 0.5


def test_document_says_the_same() -> None:
    rows = re.findall(r"^\| (AU\d\d) ([^|]+?) \| ([^|]+?) \| ([^|]+?) \| ([^|]*?) *\|", DOCUMENT.read_text(), re.M)
    said = {code: (name, made, ends, bool(worth)) for code, name, made, ends, worth in rows}
    for unit in UNITS:
        made = " and ".join(
            ", ".join(f"`{name}`" for name in dict.fromkeys(re.sub("_(left|right)$", "", c) for c in part.columns))
            for part in unit.parts
        )
        ends = " and ".join(f"{part.rest:.2f} to {part.full:.2f}" for part in unit.parts)
        assert said[unit.code] == (unit.name, made, ends, unit.weak is not None)
    assert len(said) == len(UNITS)
