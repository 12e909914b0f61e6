"""The store: faults are refused, oddities warned of, nothing is half-written."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from makers_store import left, pairs, utterance, write
from sentiprism.data import arrow
from sentiprism.data.dataset import SPLITS, Utterance
from sentiprism.data.store import list_datasets, load_dataset
from sentiprism.errors import UserError
from sentiprism.types import TargetSpec


def refusal(items: Any, home: Path, **options: Any) -> str:
    with pytest.raises(UserError) as error:
        write(items, **options)
    assert left(home) == []
    assert "\n" not in str(error.value)
    return str(error.value)


# refusals


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (("train", utterance("test")), "two utterances have the id 'test'"),
        (
            ("train", utterance("b", video_id="video-test")),
            "'b': video 'video-test' is in the splits test and train",
        ),
        (("trian", utterance("b")), "no split is called 'trian'; did you mean 'train'?"),
        (("train", utterance("b", sequences={"audoi": np.ones((1, 2))})), "did you mean 'audio'?"),
        (("train", utterance("b", sequences={"audio": np.ones((1, 3))})), "'b': audio has 3 features per step"),
        (("train", utterance("b", sequences={"audio": np.ones(3)})), "'b': audio has shape (3,)"),
        (
            ("train", utterance("b", sequences={"audio": np.array([["x", "y"]])})),
            "'b': audio has shape (1, 2)",
        ),
        (("train", utterance("b", sequences={"token_ids": np.array([0.5])})), "'b': token_ids"),
        (("train", utterance("b", sequences={"token_ids": np.array([-1])})), "'b': token_ids"),
        (("train", utterance("b", labels={"M": float("nan")})), "'b': label M is nan"),
        (("train", utterance("b", labels={"M": 3.2})), "'b': label M = 3.2 is outside the range [-3, 3]"),
        (("train", utterance("b", labels={"M": 1.0, "T": 1.0})), "'b' has the labels M, T, earlier ones M"),
        (("train", utterance("b", labels={"T": 1.0})), "'b' has no label 'M'"),
        (("train", utterance("b", text="\ud800")), "'b': its text is not valid Unicode"),
        (("train", utterance("b", planted={"w": np.ones(1)})), "'b' has the planted values"),
        (("train", utterance("b", sequences={"audio": np.ones((3, 0))})), "'b': audio has features of width 0"),
        (("train", utterance("")), "utterance 4 has a blank id"),
        (("train", utterance(" \t\u3000")), "utterance 4 has a blank id"),
        (("train", utterance("b", video_id="")), "'b' has a blank video_id"),
        (("train", utterance("x" * 10_000)), "its id has 10,000 characters, the limit is 255"),
        (("train", utterance("b", video_id="x" * 10_000)), "'b': its video_id has 10,000 characters"),
        (("train", utterance("b\x1b[31m")), "holds U+001B, a character that cannot be shown"),
        (("train", utterance("a\nb")), "holds U+000A"),
        (("train", utterance("a\u202eb")), "holds U+202E"),
        (("train", utterance("a\ud800b")), "holds U+D800"),
    ],
)
def test_refuses_by_name(home: Path, extra: tuple[str, Utterance], words: str) -> None:
    assert words in refusal(pairs(extra), home)


@pytest.mark.parametrize("value", [2.0, -1.0, 0.5])
def test_refuses_what_is_no_class(home: Path, value: float) -> None:
    items = pairs(("train", utterance("b", labels={"M": value})))
    target = TargetSpec(kind="classes", classes=("no", "yes"))
    assert f"'b': label M = {value:g} is not a class from 0 to 1" in refusal(items, home, target=target)


@pytest.mark.parametrize("sequences", [{}, {"audio": np.empty((0, 2))}, {"token_ids": np.empty(0, np.int32)}])
@pytest.mark.parametrize("text", [None, "", " \n"])
def test_refuses_a_train_split_of_nothing(home: Path, text: str | None, sequences: dict) -> None:
    items = [(split, utterance(split, text=text, sequences=sequences)) for split in SPLITS]
    items.append(("valid", utterance("b")))
    assert "the train split has no text and no features; give texts" in refusal(items, home)


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
        from sentiprism.data.dataset import DatasetInfo, Utterance
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
            write_dataset("own", items, DatasetInfo(title="", source="", target=TargetSpec(), protocol="intensity"))
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
        from sentiprism.data.dataset import DatasetInfo, Utterance
        from sentiprism.data.store import write_dataset
        from sentiprism.types import TargetSpec

        def items():
            yield "train", Utterance("a", "a", None, {"M": 0.0})
            os.kill(os.getpid(), signal.SIGKILL)

        write_dataset("own", items(), DatasetInfo(title="", source="", target=TargetSpec(), protocol="intensity"))
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
