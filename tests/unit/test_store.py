"""The store: what goes in comes out, faults are refused, oddities warned of, nothing is half-written."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentiprism.data import arrow
from sentiprism.data.dataset import SPLITS, Card, Dataset, Utterance
from sentiprism.data.store import content_hash, list_datasets, load_dataset, remove_dataset, write_dataset
from sentiprism.errors import UserError
from sentiprism.types import TargetSpec

Pairs = list[tuple[str, Utterance]]


def utterance(name: str = "a", **changes: Any) -> Utterance:
    fields: dict[str, Any] = {"video_id": f"video-{name}", "text": f"text of {name}", "labels": {"M": 1.0}}
    fields["sequences"] = {"audio": np.arange(8).reshape(4, 2) + len(name)}
    return Utterance(**{"id": name, **fields, **changes})


def pairs(*extra: tuple[str, Utterance]) -> Pairs:
    return [(split, utterance(split)) for split in SPLITS] + list(extra)


def write(items: Any, name: str = "own", target: TargetSpec | None = None, **options: Any) -> Dataset:
    target = target or TargetSpec()
    return write_dataset(name, items, title="Own", source="a test", target=target, protocol="intensity", **options)


def left(home: Path) -> list[str]:
    folder = home / "datasets"
    return sorted(os.listdir(folder)) if folder.exists() else []


def refusal(items: Any, home: Path, **options: Any) -> str:
    with pytest.raises(UserError) as error:
        write(items, **options)
    assert left(home) == []
    assert "\n" not in str(error.value)
    return str(error.value)


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
    assert first.card.content == again.card.content == content_hash(home / "datasets" / "own")
    assert first.card.content != other.card.content


def test_progress_counts_utterances(home: Path) -> None:
    seen: list[int] = []
    write(pairs(), progress=seen.append)
    assert seen == [1, 2, 3]


# refusals


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (("train", utterance("test")), "two utterances have the id 'test'"),
        (
            ("train", utterance("b", video_id="video-test")),
            "'b': video 'video-test' stands in the splits test and train",
        ),
        (("trian", utterance("b")), "no split is called 'trian'; did you mean 'train'?"),
        (("train", utterance("b", sequences={"audoi": np.ones((1, 2))})), "did you mean 'audio'?"),
        (("train", utterance("b", sequences={"audio": np.ones((1, 3))})), "'b': audio has 3 features a step"),
        (("train", utterance("b", sequences={"audio": np.ones(3)})), "'b': audio has shape (3,)"),
        (
            ("train", utterance("b", sequences={"audio": np.array([["x", "y"]])})),
            "'b': audio has shape (1, 2)",
        ),
        (("train", utterance("b", sequences={"token_ids": np.array([0.5])})), "'b': token_ids"),
        (("train", utterance("b", sequences={"token_ids": np.array([-1])})), "'b': token_ids"),
        (("train", utterance("b", labels={"M": float("nan")})), "'b': label M is nan"),
        (("train", utterance("b", labels={"M": 3.2})), "'b': label M = 3.2 is off the range [-3, 3]"),
        (("train", utterance("b", labels={"M": 1.0, "T": 1.0})), "'b' has the labels M, T, earlier ones M"),
        (("train", utterance("b", labels={"T": 1.0})), "'b' has no label 'M'"),
        (("train", utterance("b", text="\ud800")), "'b': its text is no valid Unicode"),
        (("train", utterance("b", planted={"w": np.ones(1)})), "'b' plants"),
    ],
)
def test_refuses_by_name(home: Path, extra: tuple[str, Utterance], words: str) -> None:
    assert words in refusal(pairs(extra), home)


@pytest.mark.parametrize("value", [2.0, -1.0, 0.5])
def test_refuses_what_is_no_class(home: Path, value: float) -> None:
    items = pairs(("train", utterance("b", labels={"M": value})))
    target = TargetSpec(kind="classes", classes=("no", "yes"))
    assert f"'b': label M = {value:g} is no class from 0 to 1" in refusal(items, home, target=target)


@pytest.mark.parametrize("empty", SPLITS)
def test_refuses_an_empty_split(home: Path, empty: str) -> None:
    items = [pair for pair in pairs() if pair[0] != empty]
    assert f"the {empty} split is empty" in refusal(items, home)


def test_a_label_of_float32_at_the_edge_is_on_the_range(home: Path) -> None:
    target = TargetSpec(low=-8 / 3, high=8 / 3)
    items = [(split, utterance(split, labels={"M": float(np.float32(8 / 3))})) for split in SPLITS]
    assert len(write(items, target=target).train) == 1


def test_refuses_names_that_leave_the_store(home: Path) -> None:
    assert "not usable as a folder name" in refusal(pairs(), home, name="../own")


def test_refuses_a_taken_name_unless_told_to_replace(home: Path) -> None:
    write(pairs())
    with pytest.raises(UserError, match="exists already"):
        write(pairs(("train", utterance("b"))))
    assert len(load_dataset("own").train) == 1
    assert len(write(pairs(("train", utterance("b"))), replace=True).train) == 2
    assert left(home) == ["own"]


# warnings


def test_non_finite_values_become_zero_and_are_counted(home: Path) -> None:
    steps = np.array([[np.nan, 1.0], [np.inf, -np.inf], [np.nan, 2.0]])
    dataset = write(pairs(("train", utterance("b", sequences={"audio": steps}))))
    assert dataset.train.sequences["audio"][1].tolist() == [[0, 1], [0, 0], [0, 2]]
    assert "audio: 2 NaN values set to 0" in dataset.card.warnings
    assert "audio: 2 infinite values set to 0" in dataset.card.warnings
    assert np.isnan(steps).sum() == 2  # the caller's array is left as it is


def test_a_float64_value_too_large_for_float32_is_infinite(home: Path) -> None:
    items = pairs(("train", utterance("b", sequences={"audio": np.array([[1e300, 1.0]])})))
    assert "audio: 1 infinite values set to 0" in write(items).card.warnings


def test_shared_videos_are_a_warning_where_allowed(home: Path) -> None:
    items = pairs(("train", utterance("b", video_id="video-test")))
    warnings = write(items, allow_shared_videos=True).card.warnings
    assert any(warning.startswith("1 videos stand in more than one split") for warning in warnings)


def test_sizes_other_than_the_official_ones(home: Path) -> None:
    warnings = write(pairs(), expected={"train": 1284, "valid": 1, "test": 1}).card.warnings
    assert warnings == ("train has 1 utterances, the official split 1284",)


def test_missing_and_constant_features_are_named(home: Path) -> None:
    steps = np.array([[1.0, 5.0], [2.0, 5.0]])
    items = [(split, utterance(split, sequences={"vision": steps})) for split in SPLITS]
    items.append(("valid", utterance("b", sequences={})))
    assert write(items).card.warnings == (
        "vision: missing in 1 of 2 valid utterances",
        "vision: 1 of 2 features are constant in train: 1",
    )


# faults in the middle


def test_an_importer_that_fails_leaves_nothing_and_is_closed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "BATCH_BYTES", 0)
    ended = []

    def source(fault: str | None) -> Iterator[tuple[str, Utterance]]:
        try:
            yield from pairs()
            if fault:
                raise UserError(fault, "mend it")
            yield "train", utterance("train")
        finally:
            ended.append(fault)

    assert refusal(source("the file ends early"), home) == "the file ends early; mend it"
    assert "two utterances" in refusal(source(None), home)
    assert ended == ["the file ends early", None]


def test_a_fault_while_replacing_keeps_the_old_dataset(home: Path) -> None:
    old = write(pairs()).card
    with pytest.raises(UserError, match="two utterances"):
        write(pairs(("train", utterance("train"))), replace=True)
    assert load_dataset("own", verify=True).card == old
    assert left(home) == ["own"]


@pytest.mark.parametrize("flush", [0, 1 << 30])
def test_a_full_disk_is_one_line_and_leaves_nothing(home: Path, flush: int) -> None:
    program = f"""
        import resource
        import numpy as np
        from sentiprism.data import arrow
        from sentiprism.data.dataset import Utterance
        from sentiprism.data.store import write_dataset
        from sentiprism.errors import UserError
        from sentiprism.types import TargetSpec

        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        arrow.BATCH_BYTES = {flush}
        items = (
            (split, Utterance(f"{{split}}{{i}}", split, None, {{"M": 0.0}}, {{"audio": np.ones((100, 5))}}))
            for i in range(30) for split in ("train", "valid", "test")
        )
        try:
            write_dataset("own", items, title="", source="", target=TargetSpec(), protocol="intensity")
        except UserError as error:
            print(error)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False
    )
    assert result.stdout == "the disk is full: dataset 'own' was not stored; free some space\n", result.stderr
    assert left(home) == []


def test_what_a_killed_import_left_goes_with_the_next_one(home: Path) -> None:
    program = """
        import os, signal
        from sentiprism.data.dataset import Utterance
        from sentiprism.data.store import write_dataset
        from sentiprism.types import TargetSpec

        def items():
            yield "train", Utterance("a", "a", None, {"M": 0.0})
            os.kill(os.getpid(), signal.SIGKILL)

        write_dataset("own", items(), title="", source="", target=TargetSpec(), protocol="intensity")
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
    assert [name[:5] for name in left(home)] == [".own."]
    assert list_datasets() == []
    write(pairs(), name="another")
    assert [name[:5] for name in left(home)] == [".own.", "anoth"]
    write(pairs())
    assert left(home) == ["another", "own"]


def test_an_import_leaves_one_of_the_same_name_that_still_runs_alone(home: Path) -> None:
    def items() -> Iterator[tuple[str, Utterance]]:
        yield from pairs(("train", utterance("outer")))
        write(pairs())
        assert len(left(home)) == 2

    assert len(write(items(), replace=True).train) == 2
    assert left(home) == ["own"]


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


def test_verify_finds_a_changed_value(home: Path) -> None:
    write(pairs())
    train = home / "datasets" / "own" / "train.arrow"
    data = train.read_bytes()
    value = np.float32(12.0).tobytes()
    assert value in data
    train.write_bytes(data.replace(value, np.float32(13.0).tobytes(), 1))
    load_dataset("own")
    with pytest.raises(UserError, match="changed after import"):
        load_dataset("own", verify=True)
