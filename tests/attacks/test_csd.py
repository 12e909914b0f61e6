"""Computational sequences made to hurt: types, shapes and sizes that no stream has, and damage."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from makers import make_csd
from makers_hostile import NO_FILES, no_file, refusal
from sentiprism.data.importers.csd import read_csd
from sentiprism.errors import UserError

SPANS = [(0.0, 2.0), (2.0, 3.0)]
ONES = np.ones((2, 1))
COLOURS = h5py.enum_dtype({"RED": 0, "GREEN": 1}, "i4")

VALUES: dict[str, Any] = {
    "byte strings": np.array([[b"x"], [b"1"]]),
    "texts": np.array([["x"], ["1"]], object),
    "truth values": np.ones((2, 1), bool),
    "complex numbers": np.ones((2, 1), complex),
    "records": np.zeros((2, 1), [("a", "f8")]),
    "opaque bytes": np.zeros((2, 1), "V4"),
    "one number": np.float64(1),
    "one axis": np.ones(2),
    "three axes": np.ones((2, 1, 1)),
    "width 0": np.ones((2, 0)),
    "other steps": np.ones((3, 1)),
    "no space": h5py.Empty("f8"),
}


def written(path: Path, kind: str) -> Path:
    """A file whose features are of a kind."""
    make_csd(path, "root", {"v1": (VALUES.get(kind, ONES), SPANS)}) if kind != "no space" else None
    with h5py.File(path, "a") as file:
        entry = file.require_group("root/data/v1")
        if kind in VALUES and kind != "no space":
            return path
        if "features" in entry:
            del entry["features"]
        match kind:
            case "no space":
                entry["features"], entry["intervals"] = VALUES[kind], np.array(SPANS)
            case "an enumeration":
                entry.create_dataset("features", data=[[0], [1]], dtype=COLOURS)
            case "references":
                entry.create_dataset("features", (2, 1), h5py.ref_dtype)
            case "arrays of their own lengths":
                entry.create_dataset("features", (2, 1), h5py.vlen_dtype(np.float64))
            case "a group":
                entry.create_group("features")
            case "nothing":
                pass
            case "a shape without content":
                entry.create_dataset("features", (1 << 40, 1 << 20), "f8", chunks=(1, 1 << 10))
            case "zeros that shrink a thousandfold":
                shape = (1 << 26, 1)
                entry.create_dataset("features", shape, "f8", chunks=(1 << 20, 1), fillvalue=0.0)
                del entry["intervals"]
                entry.create_dataset("intervals", (1 << 26, 2), "f4", chunks=(1 << 20, 2), fillvalue=0.0)
    return path


KINDS = (
    *VALUES,
    "an enumeration",
    "references",
    "arrays of their own lengths",
    "a group",
    "nothing",
    "a shape without content",
    "zeros that shrink a thousandfold",
)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    folds = tmp_path / "folds.json"
    folds.write_text('{"train": ["v1"]}')
    labels = make_csd(tmp_path / "labels.csd", "Labels", {"v1": (ONES, SPANS)})
    return {"labels": labels, "folds": folds}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", ["labels", "audio", "text", "words"])
def test_streams_of_another_kind_are_one_line(role: str, kind: str, files: dict[str, Path], tmp_path: Path) -> None:
    files[role] = written(tmp_path / "hostile.csd", kind)
    call = lambda: list(read_csd(**files))  # noqa: E731
    if role in {"text", "words"} and kind in {"byte strings", "texts"}:
        assert [utterance.text for _, utterance in call()] == ["x", "1"]
    else:
        refusal(call, "hostile.csd")


def test_words_of_any_length_do_not_fill_the_memory(files: dict[str, Path], tmp_path: Path) -> None:
    words = np.array([[b"x" * 2_000], [b"y"]], object)
    files["words"] = tmp_path / "words.csd"
    with h5py.File(files["words"], "w") as file:
        entry = file.create_group("w/data/v1")
        entry.create_dataset("features", data=words, dtype=h5py.string_dtype("ascii"))
        entry["intervals"] = np.array(SPANS)
    refusal(lambda: list(read_csd(**files)), "words.csd", "a word of 2,000 bytes")
    with h5py.File(files["words"], "a") as file:
        entry = file["w/data/v1"]
        del entry["features"]
        entry.create_dataset("features", (1_000_001, 1), h5py.string_dtype("ascii"), chunks=(1000, 1))
    refusal(lambda: list(read_csd(**files)), "has shape (1000001, 1)")


@pytest.mark.parametrize("spans", [[(np.nan, 1.0), (1.0, 2.0)], [(0.0, np.inf), (1.0, 2.0)]])
def test_segments_without_times_are_refused(spans: list, files: dict[str, Path], tmp_path: Path) -> None:
    files["labels"] = make_csd(tmp_path / "l.csd", "Labels", {"v1": (ONES, spans)})
    refusal(lambda: list(read_csd(**files)), "l.csd: v1 has a segment without finite times")


def test_segments_that_repeat_all_steps_are_refused(files: dict[str, Path], tmp_path: Path) -> None:
    files["labels"] = make_csd(tmp_path / "l.csd", "Labels", {"v1": (np.ones((30, 1)), [(0.0, 9.0)] * 30)})
    files["audio"] = make_csd(tmp_path / "a.csd", "Audio", {"v1": (ONES, SPANS)})
    refusal(lambda: list(read_csd(**files)), "a.csd: the segments of v1 overlap 20 times")


def test_steps_without_a_time_are_in_no_segment(files: dict[str, Path], tmp_path: Path) -> None:
    steps = (np.arange(4.0)[:, None], [(2.1, 2.2), (np.nan, 1.0), (0.5, 0.6), (-np.inf, np.inf)])
    files["audio"] = make_csd(tmp_path / "a.csd", "Audio", {"v1": steps})
    assert [u.sequences["audio"].ravel().tolist() for _, u in read_csd(**files)] == [[2.0], [0.0]]


@pytest.mark.parametrize("target", NO_FILES)
@pytest.mark.parametrize("role", ["labels", "audio"])
def test_what_is_no_file_is_refused_at_once(target: str, role: str, files: dict[str, Path], tmp_path: Path) -> None:
    files[role] = no_file(tmp_path / "hostile.csd", target)
    refusal(lambda: list(read_csd(**files)), "hostile.csd is not a regular file; save the computational sequence")


@pytest.mark.parametrize("seed", range(200))
def test_flipped_bytes_are_read_or_refused(seed: int, files: dict[str, Path], tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    content = bytearray(files["labels"].read_bytes())
    for at in random.integers(0, len(content), 4):
        content[at] = random.integers(256)
    files["labels"] = tmp_path / "hostile.csd"
    files["labels"].write_bytes(content)
    with suppress(UserError):
        list(read_csd(**files))
