"""Datasets in the store made to hurt: cards, and Arrow files that are not what was written."""

import json
import os
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import ipc

from makers_hostile import refusal
from makers_store import left, pairs, utterance, write
from sentiprism.data.arrow import FORMAT
from sentiprism.data.arrow_blocks import BLOCK
from sentiprism.data.store import list_datasets, load_dataset, remove_dataset
from sentiprism.errors import UserError
from sentiprism.types import TargetSpec


@pytest.fixture
def folder(home: Path) -> Path:
    write(pairs(("train", utterance("b"))))
    return home / "datasets" / "own"


def load() -> object:
    """As a run does that takes files as they are: what is wrong with them is all that can be noticed."""
    return load_dataset("own", verify=False)


@pytest.mark.parametrize("target", ["fifo", "/dev/zero", "/proc/self/environ"])
@pytest.mark.parametrize("name", ["card.json", "train.arrow", "test.arrow"])
def test_what_is_no_file_is_refused_at_once(folder: Path, name: str, target: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name) if target == "fifo" else (folder / name).symlink_to(target)
    for call in (load, lambda: load_dataset(folder)):
        refusal(call, f"{name} is not a regular file; import the dataset again, with `replace`")
    if name == "card.json":
        refusal(list_datasets, "card.json is not a regular file")
    remove_dataset("own")
    assert left(folder.parent.parent) == []


def card(folder: Path, **changes: object) -> None:
    content = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(content | changes))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 1000 + "1" + "}" * 1000, "nested too deeply"),
        ("", "is empty"),
        ("null", "card.json"),
        ("[]", "card.json"),
        ("\0", "NUL"),
        ('{"name": "a", "name": "b"}', "the key 'name' twice"),
        ("1" * 10_000, "is not JSON"),
        (" " * (16 * 2**20 + 1), "the limit for a card of a dataset"),
    ],
)
def test_a_hostile_card_is_one_line(folder: Path, content: str, told: str) -> None:
    (folder / "card.json").write_text(content)
    refusal(load, "card.json", told, "import the dataset again, with `replace`")


@pytest.mark.parametrize(
    "changes",
    [
        {"splits": {}},
        {"splits": []},
        {"widths": {"audio": -1}},
        {"widths": {"audio": 10**12}},
        {"labels": ["\ud83d"]},
        {"target": {"low": 1, "high": 0}},
        {"target": {"low": "x" * 100_000}},
        {"content": None},
        {"x" * 100_000: 1},
    ],
)
def test_a_card_of_other_values_is_one_line(folder: Path, changes: dict) -> None:
    card(folder, **changes)
    refusal(load, "import the dataset again, with `replace`")


def arrow(path: Path, table: pa.Table, **options: object) -> None:
    with pa.OSFile(str(path), "wb") as file, ipc.new_file(file, table.schema, **options) as writer:
        writer.write_table(table)


def stored(folder: Path) -> pa.Table:
    return ipc.open_file(pa.py_buffer((folder / "train.arrow").read_bytes())).read_all()


def with_column(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, column)


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_a_compressed_file_is_not_unpacked(folder: Path, codec: str) -> None:
    table = stored(folder)
    with_text = with_column(table, "text", pa.array(["x" * 50_000_000, "y"]))
    arrow(folder / "train.arrow", with_text, options=ipc.IpcWriteOptions(compression=codec))
    assert (folder / "train.arrow").stat().st_size < 1_000_000
    refusal(load, "train.arrow is damaged: it is compressed")


@pytest.mark.parametrize("kind", ["dictionary", "large text", "struct", "view", "metadata", "twice", "none"])
def test_other_columns_are_refused_before_they_are_read(folder: Path, kind: str) -> None:
    table = stored(folder)
    match kind:
        case "dictionary":
            table = with_column(table, "text", table["text"].dictionary_encode())
        case "large text":
            table = with_column(table, "text", table["text"].cast(pa.large_string()))
        case "struct":
            table = table.append_column("planted.x", pa.array([{"a": 1}, {"a": 2}]))
        case "view":
            table = with_column(table, "id", table["id"].cast(pa.string_view()))
        case "metadata":
            table = table.replace_schema_metadata({**FORMAT, "sentiprism.format": "2"})
        case "twice":
            table = table.append_column("text", table["text"])
        case "none":
            table = table.drop_columns(["id"])
    arrow(folder / "train.arrow", table)
    refusal(load, "train.arrow is damaged")


def test_batches_that_are_more_than_the_file_are_not_read(folder: Path) -> None:
    """A footer has 24 bytes a batch: it could name one batch a million times."""
    path = folder / "train.arrow"
    data = bytearray(path.read_bytes())
    (size,) = struct.unpack_from("<i", data, len(data) - 10)
    places = range(len(data) - 10 - size, len(data) - 34, 8)
    offset, metadata, content = next(
        block for at in places if (block := BLOCK.unpack_from(data, at))[0] % 8 == 0 and 0 < sum(block) < len(data)
    )
    at = data.rindex(BLOCK.pack(offset, metadata, content))
    data[at : at + BLOCK.size] = BLOCK.pack(offset, metadata, len(data))
    path.write_bytes(data)
    refusal(load, "train.arrow is damaged: its batches are more than the file has")


def test_an_id_of_megabytes_does_not_fill_the_memory(folder: Path) -> None:
    table = stored(folder)
    for column in ("id", "video_id"):
        arrow(folder / "train.arrow", with_column(table, column, pa.array(["x" * 5_000_000, "y"])))
        refusal(load, f"train.arrow is damaged: a {column} has more than 255 characters")


@pytest.mark.parametrize("seed", range(300))
def test_flipped_bytes_are_read_or_refused(folder: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    path = folder / "train.arrow"
    content = bytearray(path.read_bytes())
    for at in random.integers(0, len(content), 1 + seed % 8):
        content[at] = random.integers(256)
    path.write_bytes(content[: len(content) - (seed % 5 == 0) * int(random.integers(len(content)))])
    with suppress(UserError):
        split = load().train
        [split.sequences[key][row] for key in split.sequences for row in range(len(split))]


@pytest.mark.parametrize("name", ["a/b", "/", "..", ".", "\0", "x" * 5000, "a/../../b", "~/x", "-x", "\ud800", ""])
def test_names_that_are_no_dataset(home: Path, name: str) -> None:
    write(pairs())
    refusal(lambda: load_dataset(name))
    refusal(lambda: remove_dataset(name))
    refusal(lambda: write(pairs(), name=name))
    assert left(home) == ["own"]


def test_a_home_below_a_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SENTIPRISM_HOME", str(tmp_path / "file" / "home"))
    refusal(lambda: write(pairs()), "file is a file, and nothing can be written below it")
    refusal(lambda: load_dataset("own"), "no dataset is called 'own'; there are none yet")
    assert list_datasets() == []
    monkeypatch.setenv("SENTIPRISM_HOME", str(tmp_path / "file"))
    refusal(lambda: write(pairs(), target=TargetSpec()), "file is a file, and nothing can be written below it")
