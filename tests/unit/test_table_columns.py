"""Tables with columns, files, folds and classes of their own."""

from pathlib import Path

import numpy as np
import pytest

from makers_table import table, without
from sentiprism.data.importers.import_dataset import import_dataset
from sentiprism.data.importers.labels import LabelSpec
from sentiprism.data.importers.sources import TableSource
from sentiprism.data.importers.table import parse_label, read_table
from sentiprism.errors import UserError


def meld(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    return table(path, [{"Dialogue": d, "Number": n, "Words": "w", "Mood": mood} for d, n, mood in rows])


MELD = {"id": "{split}-{Dialogue}_{Number}", "video_id": "{split}-{Dialogue}", "text": "Words", "label": "Mood"}


def test_columns_are_named_or_made_of_others_and_files_may_be_splits(tmp_path: Path) -> None:
    files = {
        "train": meld(tmp_path / "t.csv", [("0", "0", "good"), ("0", "1", "bad")]),
        "dev": meld(tmp_path / "v.csv", [("0", "0", "good")]),
        "test": meld(tmp_path / "s.csv", [("0", "0", "fine")]),
    }
    notes: list[str] = []
    classes = ("bad", "fine", "good")
    rows = list(read_table(files, features={}, columns=MELD, classes=classes, notes=notes))
    assert [split for split, _ in rows] == ["train", "train", "valid", "test"]
    assert [u.id for _, u in rows] == ["train-0_0", "train-0_1", "valid-0_0", "test-0_0"]
    assert [u.video_id for _, u in rows] == ["train-0", "train-0", "valid-0", "test-0"]
    assert [u.labels["M"] for _, u in rows] == [2.0, 0.0, 2.0, 1.0]
    assert {u.text for _, u in rows} == {"w"}
    assert notes == []
    fewer = {name: pattern for name, pattern in MELD.items() if name != "text"}
    list(read_table(files, features={}, columns=fewer, classes=classes, notes=notes))
    assert notes == ["t.csv and v.csv and s.csv: column 'Words' is not known and not read"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"lable": "Mood"}, "no column is called 'lable'; did you mean 'label'"),
        ({"label": "mod"}, "no column 'mod'; did you mean 'Mood'"),
        ({"id": "{Number}-{Dialog}"}, "no column 'Dialog'; did you mean 'Dialogue'"),
        ({}, "no column 'label'; add it, or say what it is made from with `columns` label=NAME"),
    ],
)
def test_columns_that_are_not_there_are_named(tmp_path: Path, columns: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        list(read_table(meld(tmp_path / "t.csv", [("0", "0", "bad")]), features={}, columns=columns))


def test_files_of_splits_have_the_same_columns_and_no_split_of_their_own(tmp_path: Path) -> None:
    one = meld(tmp_path / "t.csv", [("0", "0", "1")])
    more = table(tmp_path / "v.csv", [{"Dialogue": "0", "Number": "0", "Mood": "1", "label_T": "1"}])
    columns = {"id": "{Dialogue}$_${Number}", "label": "Mood"}
    with pytest.raises(UserError, match="do not both have 'label_T'"):
        list(read_table({"train": one, "test": more}, features={}, columns=columns))
    with pytest.raises(UserError, match="has a column 'split' but is given for train"):
        list(read_table({"train": table(tmp_path / "l.csv")}, features={}))


def test_labels_are_names_of_classes_or_their_places() -> None:
    assert [parse_label(text, ("negative", "neutral")) for text in ("neutral", "0", "1.0")] == [1.0, 0.0, 1.0]
    assert [parse_label(text, ("-1", "0", "1")) for text in ("-1", "0", "1.0")] == [0.0, 1.0, 2.0]
    for text, classes in (("Neutral", ("negative", "neutral")), ("2", ("-1", "0", "1")), ("nan", ("0", "1"))):
        with pytest.raises(ValueError, match=text):
            parse_label(text, classes)


def test_a_table_without_splits_takes_folds(tmp_path: Path) -> None:
    rows = [row | {"video_id": f"v{n}"} for n, row in enumerate(without("split"))]
    labels = table(tmp_path / "x.csv", rows)
    notes: list[str] = []
    found = [split for split, _ in read_table(labels, features={}, folds="1/4", notes=notes)]
    assert found == ["test", "valid", "train", "train"]
    (tmp_path / "f.csv").write_text("video_id,split\nv0,train\nv3,test\n")
    found = list(read_table(labels, features={}, folds=tmp_path / "f.csv", notes=notes))
    assert [(split, u.id) for split, u in found] == [("train", "a_1"), ("test", "c_1")]
    assert notes[-1] == "2 utterances are of videos in no split of f.csv, not read"
    with pytest.raises(UserError, match=r"states its own splits; leave `folds` out"):
        list(read_table(table(tmp_path / "y.csv"), features={}, folds="1/3"))


def moods(path: Path) -> Path:
    splits = zip(("train", "valid", "test"), ("bad", "good", "1"), strict=True)
    return table(path, [{"id": f"{split}$_$0", "text": "w", "label": label, "split": split} for split, label in splits])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("mine", {}, "not one of the known datasets, and has no range given; give `low` and `high`, or `classes`"),
        ("mine", {"low": 0.0}, "has no highest label given"),
        ("mine", {"high": 0.0}, "has no lowest label given"),
        (
            "mine",
            {"low": 1.0, "high": 1.0},
            "labels from 1 to 1 are not a range; give `low` and `high`, the first below",
        ),
        ("mine", {"low": 2.0, "high": 1.0}, "labels from 2 to 1 are not a range"),
        ("mine", {"low": float("-inf"), "high": float("inf")}, "labels from -inf to inf are not a range"),
        ("mine", {"low": float("nan"), "high": 1.0}, "labels from nan to 1 are not a range"),
        ("mine", {"low": -1e308, "high": 1e308}, "cannot be told apart in float32"),
        ("mine", {"low": 1e6, "high": 1e6 + 1}, "cannot be told apart in float32"),
        ("mine", {"low": 0.0, "high": 1.0, "language": "english"}, r"not a language code; did you mean 'en'"),
        ("mosi", {"language": "xx"}, "'xx' is not a language code; give its two-letter"),
        ("mine", {"classes": ("bad", "good"), "low": -1.0}, "classes have no range"),
        ("mine", {"classes": ("bad", " ")}, "class 1 has a blank name"),
        ("mine", {"classes": ("bad", "\x1b[31m")}, r"holds U\+001B"),
        ("mine", {"classes": ("bad",)}, "'bad' is not a list of different classes"),
        ("mine", {"classes": ("bad", "bad")}, "is not a list of different classes"),
        ("mine", {"classes": ("bad", "goods")}, "label of 'valid.*' is 'good'; did you mean 'goods'"),
        ("mosi", {"classes": ("bad", "good")}, r"'mosi' has labels on \[-3, 3\]"),
        ("urfunny", {"classes": ("bad", "good")}, "'urfunny' has labels on the classes serious, humorous"),
    ],
)
def test_targets_that_contradict_each_other(home: Path, tmp_path: Path, name: str, options: dict, message: str) -> None:
    options = dict(options)
    others = {"language": options.pop("language")} if "language" in options else {}
    with pytest.raises(UserError, match=message):
        import_dataset(name, TableSource(moods(tmp_path / "l.csv")), labels=LabelSpec(**options), **others)


def test_a_classification_dataset_of_ones_own(home: Path, tmp_path: Path) -> None:
    dataset = import_dataset("mine", TableSource(moods(tmp_path / "l.csv")), labels=LabelSpec(classes=("bad", "good")))
    assert [int(split.labels["M"][0]) for split in (dataset.train, dataset.valid, dataset.test)] == [0, 1, 1]
    assert dataset.train.labels["M"].dtype == np.int64
    assert (dataset.card.protocol, dataset.card.source) == ("binary", "labels l.csv")


def test_real_meld_imports_whole(home: Path, shared_data: Path) -> None:
    files = {split: shared_data / f"meld/{split}_sent_emo.csv" for split in ("train", "dev", "test")}
    columns = {
        "id": "{split}-{Dialogue_ID}_{Utterance_ID}",
        "video_id": "{split}-{Dialogue_ID}",
        "text": "Utterance",
        "label": "Sentiment",
    }
    dataset = import_dataset(
        "meld", TableSource(files, renamed=columns), labels=LabelSpec(classes=("negative", "neutral", "positive"))
    )
    assert (len(dataset.train), len(dataset.valid), len(dataset.test)) == (9989, 1109, 2610)
    assert np.bincount(dataset.test.labels["M"]).tolist() == [833, 1256, 521]
    assert dataset.test.texts is not None
    assert dataset.test.texts[0] == "Why do all you’re coffee mugs have numbers on the bottom?"
    assert dataset.card.protocol == "classes"
