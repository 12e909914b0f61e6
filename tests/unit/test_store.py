"""The store: what goes in comes out, and what was damaged since is found."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from makers_store import left, pairs, utterance, write
from sentiprism.data import arrow
from sentiprism.data.dataset import SPLITS, Card, Utterance
from sentiprism.data.integrity import hash_files
from sentiprism.data.store import list_datasets, load_dataset, remove_dataset
from sentiprism.errors import UserError
from sentiprism.types import TargetSpec

# what goes in comes out


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=3, max_size=12),
    batch=st.sampled_from([0, 40, 1 << 20]),
)
def test_round_trip_of_any_lengths_in_any_batches(
    home: Path, monkeypatch: pytest.MonkeyPatch, lengths: list[tuple[int, int, int]], batch: int
) -> None:
    monkeypatch.setattr(arrow, "BATCH_BYTES", batch)
    rng = np.random.default_rng(len(lengths))
    given: dict[str, list[Utterance]] = {split: [] for split in SPLITS}
    items = []
    for i, (ids, audio, vision) in enumerate(lengths):
        sequences: dict[str, Any] = {"token_ids": rng.integers(0, 30000, ids)}
        sequences["audio"] = rng.normal(size=(audio, 3)).astype(np.float32)
        if vision:  # absent and empty mean the same
            sequences["vision"] = rng.normal(size=(vision, 2)).astype(np.float32)
        labels = {"M": float(rng.uniform(-3, 3)), "T": 0.5}
        text = None if i % 2 else f"声 {i}"
        sample = Utterance(f"id{i}", f"v{i}", text, labels, sequences, {"w": rng.random(2, np.float32)})
        given[SPLITS[i % 3]].append(sample)
        items.append((SPLITS[i % 3], sample))
    write(items, replace=True)
    dataset = load_dataset("own", verify=True)
    for name, samples in given.items():
        split = dataset.split(name)
        assert split.ids.tolist() == [s.id for s in samples]
        assert split.video_ids.tolist() == [s.video_id for s in samples]
        texts = split.texts or (None,) * len(split)
        assert list(texts) == [s.text for s in samples]
        np.testing.assert_array_equal(split.labels["M"], np.array([s.labels["M"] for s in samples], np.float32))
        np.testing.assert_array_equal(split.planted["w"], np.stack([s.planted["w"] for s in samples]))
        for key, ragged in split.sequences.items():
            for i, sample in enumerate(samples):
                np.testing.assert_array_equal(ragged[i], sample.sequences.get(key, np.empty(ragged[i].shape)))


def test_a_sequence_that_turns_up_late_gets_its_column_in_all_splits(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrow, "BATCH_BYTES", 0)
    late = utterance("late", sequences={"vision": np.ones((2, 5)), "audio": np.full((1, 2), 7)})
    dataset = write(pairs(("train", late), ("train", utterance("last"))))
    assert dataset.card.widths == {"audio": 2, "vision": 5}
    assert dataset.train.sequences["vision"].lengths.tolist() == [0, 2, 0]
    assert dataset.test.sequences["vision"].lengths.tolist() == [0]
    assert dataset.train.sequences["audio"][1].tolist() == [[7, 7]]
    assert left(home) == ["own"]
    assert sorted(os.listdir(home / "datasets" / "own")) == [
        "card.json",
        "test.arrow",
        "train.arrow",
        "valid.arrow",
    ]


def test_classes_are_stored_as_int64(home: Path) -> None:
    target = TargetSpec(kind="classes", classes=("serious", "humorous"))
    dataset = write(pairs(), target=target)
    assert dataset.train.labels["M"].dtype == np.int64
    assert dataset.card.splits["train"].label_histogram == {"serious": 0, "humorous": 1}


def test_texts_are_none_where_no_utterance_has_one(home: Path) -> None:
    dataset = write([(split, utterance(split, text=None)) for split in SPLITS])
    assert dataset.train.texts is None


def test_card_counts(home: Path) -> None:
    more = [
        (
            "train",
            utterance("b", video_id="video-train", labels={"M": -2.4}, sequences={"audio": np.ones((2, 2))}),
        ),
        ("train", utterance("c", labels={"M": -1.6}, sequences={})),
        ("train", utterance("d", labels={"M": -0.4}, sequences={"audio": np.empty((0, 2))})),
    ]
    card = write(pairs(*more), notes=("a note",), vocabulary="bert-base-uncased", language="zh").card
    train = card.splits["train"]
    assert (train.utterances, train.videos) == (4, 3)
    assert train.label_histogram == {"-2": 2, "0": 1, "1": 1}
    assert train.lengths == {"audio": (2, 3.0, 4)}
    assert train.missing == {"audio": 2}
    assert card.warnings == ("a note", "audio: missing in 2 of 4 train utterances")
    assert (card.vocabulary, card.language, card.labels) == ("bert-base-uncased", "zh", ("M",))
    assert Card.parse(json.loads((home / "datasets/own/card.json").read_text())) == card


def test_histogram_of_a_narrow_range_is_by_tenths(home: Path) -> None:
    items = [(split, utterance(split, labels={"M": -0.8})) for split in SPLITS]
    assert write(items, target=TargetSpec(low=-1, high=1)).card.splits["test"].label_histogram == {"-0.8": 1}


def test_content_hash_depends_on_the_data_and_nothing_else(home: Path) -> None:
    first = write(pairs())
    again = write(reversed(pairs()), name="again", notes=("another note",))
    other = write(pairs(("test", utterance("more"))), name="other")
    assert first.card.content == again.card.content == hash_files(home / "datasets" / "own")[1]
    assert first.card.content != other.card.content


def test_progress_counts_utterances(home: Path) -> None:
    seen: list[int] = []
    write(pairs(), progress=seen.append)
    assert seen == [1, 2, 3]


# loading, listing, removing


def test_unknown_names_answer_with_the_near_match(home: Path) -> None:
    write(pairs(), name="mosi")
    with pytest.raises(UserError, match="no dataset is called 'mosii'; did you mean 'mosi'"):
        load_dataset("mosii")
    with pytest.raises(UserError, match="did you mean 'mosi'"):
        remove_dataset("mosi2")


def test_a_folder_is_loaded_wherever_it_lies(home: Path, tmp_path: Path) -> None:
    write(pairs())
    (home / "datasets" / "own").rename(tmp_path / "moved")
    assert load_dataset(tmp_path / "moved").name == "own"
    assert load_dataset(str(tmp_path / "moved")).name == "own"


def test_list_and_remove(home: Path) -> None:
    assert list_datasets() == []
    cards = [write(pairs(), name=name).card for name in ("a", "b")]
    assert list_datasets() == cards
    remove_dataset("a")
    assert list_datasets() == cards[1:]
    assert left(home) == ["b"]


def test_features_are_on_the_memory_map(home: Path) -> None:
    write(pairs())
    steps = load_dataset("own").train.sequences["audio"][0]
    assert not steps.flags.writeable
    maps = Path("/proc/self/maps").read_text() if Path("/proc/self/maps").exists() else ""
    if not maps:
        pytest.skip("this system does not list its memory maps")
    address = steps.__array_interface__["data"][0]
    inside = [
        line
        for line in maps.splitlines()
        if int(line.split("-")[0], 16) <= address < int(line.split("-")[1].split()[0], 16)
    ]
    assert inside[0].endswith("own/train.arrow")


def damage(folder: Path, how: str) -> None:
    train, card = folder / "train.arrow", folder / "card.json"
    if how == "cut":
        train.write_bytes(train.read_bytes()[:-100])
    elif how == "gone":
        train.unlink()
    elif how == "nonsense":
        train.write_bytes(b"nonsense")
    elif how == "another split":
        train.write_bytes((folder / "valid.arrow").read_bytes())
    elif how == "offsets":
        good = np.array([0, 4, 8], np.int64).tobytes()
        assert train.read_bytes().count(good) == 1
        train.write_bytes(train.read_bytes().replace(good, np.array([0, 4, 99], np.int64).tobytes()))
    elif how == "utf-8":
        train.write_bytes(train.read_bytes().replace(b"text of train", b"text of tr\xffin"))
    elif how == "card":
        card.write_text(card.read_text()[:-5])
    elif how == "width":
        card.write_text(card.read_text().replace('"audio": 2', '"audio": 3'))
    elif how == "key":
        card.write_text(card.read_text().replace('"title"', '"titel"'))


@pytest.mark.parametrize(
    "how", ["cut", "gone", "nonsense", "another split", "offsets", "utf-8", "card", "width", "key"]
)
def test_a_damaged_dataset_is_one_line_that_names_the_file(home: Path, how: str) -> None:
    write(pairs(("train", utterance("b"))))
    damage(home / "datasets" / "own", how)
    with pytest.raises(UserError) as error:
        load_dataset("own")
    assert "\n" not in str(error.value)
    assert ("card.json" if how in ("card", "key") else "train.arrow") in error.value.cause
    remove_dataset("own")
    assert left(home) == []
