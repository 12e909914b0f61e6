"""RAVDESS by its file names: a convention that is at least consistent."""

from pathlib import Path

import numpy as np
import pytest

from sentiprism.data.importers.columns import read_columns
from sentiprism.features.extractors import EXTRACTORS
from tools.ravdess.labels import OPENFACE, SPLITS, VALENCE, rows, units, write


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    for actor in range(1, 25):
        for emotion in VALENCE:
            for intensity in (1, 2)[: 1 if emotion == 1 else 2]:
                (tmp_path / f"03-01-{emotion:02d}-{intensity:02d}-01-01-{actor:02d}.flac").touch()
    return tmp_path


def test_no_actor_is_in_two_splits_and_all_are_in_one(takes):
    found = rows(takes)
    actors = {split: {row["video_id"] for row in found if row["split"] == split} for split in SPLITS}
    assert {split: len(names) for split, names in actors.items()} == {"train": 16, "valid": 4, "test": 4}
    assert len(set.union(*actors.values())) == 24
    assert len(found) == 24 * 15


def test_a_strong_expression_lies_further_out_on_the_same_side(takes):
    label = {row["id"][:11]: float(row["label"]) for row in rows(takes) if row["id"].endswith("-05")}
    assert label["01-01-01-01"] == 0
    for emotion in range(2, 9):
        normal, strong = (label[f"01-01-{emotion:02d}-{intensity:02d}"] for intensity in (1, 2))
        assert 0 < normal / strong < 1
        assert abs(strong) <= 3
    assert all(label[f"01-01-{n:02d}-02"] == -3 for n in (4, 5, 6, 7))
    assert label["01-01-03-02"] == 3


def test_openface_names_are_those_of_the_extractor():
    assert EXTRACTORS["action_units"].recipe.columns == OPENFACE


def test_the_real_files_fit_together(shared_data, tmp_path):
    labels, vision = write(shared_data / "ravdess", tmp_path / "out", OPENFACE)
    table = read_columns({"": labels}, {}, None, [], also=("file",))
    with np.load(vision, allow_pickle=False) as file:
        values = dict(zip(file["id"].tolist(), file["vision"], strict=True))
    assert values.keys() == set(table["id"])
    assert all((shared_data / "ravdess" / name).is_file() for name in table["file"])
    shown = {emotion: [one for name, one in values.items() if int(name[6:8]) == emotion] for emotion in VALENCE}
    means = {emotion: np.mean(those, axis=0) for emotion, those in shown.items()}
    named = {column: n for n, column in enumerate(OPENFACE)}
    # what the names say, if they stand over the right numbers: who smiles, who knits the brows, whose eyes are wide
    assert max(means, key=lambda emotion: means[emotion][named["AU12_r"]]) == 3
    assert max(means, key=lambda emotion: means[emotion][named["AU04_r"]]) == 7
    assert max(means, key=lambda emotion: means[emotion][named["AU05_r"]]) == 8
    some = units(shared_data / "ravdess", ("AU12_c", "AU01_r"))
    np.testing.assert_array_equal(some["vision"][0], values[str(some["id"][0])][[named["AU12_c"], named["AU01_r"]]])
