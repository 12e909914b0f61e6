"""`sentiprism adapt` as a user meets it: the starter, twenty-four clips and their table."""

import json

import pytest

from makers_adapt import read_labels, record
from makers_table import table

pytest.importorskip("librosa", reason="librosa (extra media) is not installed")


@pytest.fixture
def labels(minilm, home, tmp_path):
    rows = read_labels(record(tmp_path / "clips", videos=12, clips=2, seed=1))
    good = [{**row, "text": "so good" if float(row["label"]) > 0 else "so bad"} for row in rows]
    return table(tmp_path / "mine.csv", good)


def test_the_starter_is_adapted_and_its_worth_told(cli, labels, tmp_path):
    words = ("adapt", "clips", "--labels", labels.name, "--epochs", 2, "--folds", 3, "--device", "cpu")
    said = cli(*words, "--out", "models/mine")
    assert said.status == 0
    assert said.err.splitlines()[-1] == "next: sentiprism analyze CLIP --model models/mine"
    for part in ("cross-validated by video", "constant predictor", "before", "after minus before", "r within videos"):
        assert part in said.out
    assert "95% bootstrap interval over 12 videos" in said.out
    assert "saved: models/mine" in said.out
    assert max(map(len, said.out.split("saved: ")[0].splitlines())) <= 80
    noted = json.loads((tmp_path / "models" / "mine" / "config.json").read_text(encoding="utf-8"))["metadata"]
    assert noted["licence"].startswith("non-commercial")  # the starter's own
    assert noted["limits"][-1] in said.out
    assert noted["adapted"]["test"] is None
    found = json.loads(cli(*words, "--out", "again", "--json").out)
    assert found["cross_validated"] == noted["adapted"]["cross_validated"]


def test_what_is_there_is_not_written_over(refused, cli, labels, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    assert "mine exists already" in refused("adapt", "clips", "--labels", labels.name, "--out", "mine")
