"""Files of features made to hurt: numpy archives and arrays, and Parquet."""

import io
import struct
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from makers_hostile import NO_FILES, no_file, refusal
from makers_table import ROWS, table
from sentiprism.data.importers.arrays import read_arrays
from sentiprism.data.importers.table import read_table
from sentiprism.errors import UserError

IDS = [row["id"] for row in ROWS]
N = len(IDS)
X = np.arange(2.0 * N, dtype=np.float32).reshape(N, 2)


def read(path: Path, notes: list[str] | None = None) -> list:
    labels = table(path.with_name("l.csv"))
    return list(read_table(labels, features={"audio": path}, notes=notes))


def npy(header: str, content: bytes = b"") -> bytes:
    """An array file whose header says what one likes."""
    text = header.encode().ljust(118 - 10 - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


def array(values: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(values))
    return buffer.getvalue()


HEADER = "{'descr': '%s', 'fortran_order': False, 'shape': %s}"
HEADERS = {
    "objects": (HEADER % ("|O", "(4, 2)"), "or has Python objects; save it again, without"),
    "larger than the file": (HEADER % ("<f4", "(4, 1000000000000)"), "cannot be read"),
    "larger than any file": (HEADER % ("<f4", f"({2**62}, {2**62})"), "cannot be read"),
    "negative": (HEADER % ("<f4", "(-4, 2)"), "cannot be read"),
    "no shape": (HEADER % ("<f4", "'x'"), "cannot be read"),
    "code": ("__import__('os').abort()", "is damaged: its header does not describe an array"),
    "nested": ("(" * 100, "is damaged: its header does not describe an array"),
    "record": (HEADER.replace("'%s'", "%s") % ("[('a', '<f4')]", "(4, 2)"), "store (N, F) or (N, T, F) numbers"),
    "complex": (HEADER % ("<c8", "(4, 2)"), "holds complex64"),
    "one number": (HEADER % ("<f4", "()"), "of shape ()"),
    "four axes": (HEADER % ("<f4", "(4, 1, 1, 2)"), "of shape (4, 1, 1, 2)"),
    "width 0": (HEADER % ("<f4", "(4, 0)"), "features of width 0"),
    "steps of width 0": (HEADER % ("<f4", "(4, 3, 0)"), "features of width 0"),
}


@pytest.mark.parametrize("kind", HEADERS)
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_hostile_array_is_one_line(kind: str, suffix: str, tmp_path: Path) -> None:
    header, told = HEADERS[kind]
    content, path = npy(header, bytes(64)), tmp_path / f"f.{suffix}"
    path.write_bytes(content) if suffix == "npy" else archive(path, id=array(IDS), audio=content)
    refusal(lambda: read(path), path.name, told)


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (np.array([1.0, np.nan, 3.0, 4.0]), "'id' is of type float64; store ids as strings or whole numbers"),
        (np.array([True] * N), "'id' is of type bool"),
        (np.array(IDS, "S").astype("V3"), "'id' is of type |V3"),
        (np.array([b"\xff"] * N), "cannot be read"),
        (np.array(["a_1"] * N), "has an id twice"),
    ],
)
def test_ids_of_other_types_are_refused(ids: Any, told: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", id=ids, audio=X)
    refusal(lambda: read(tmp_path / "f.npz"), "f.npz", told)


def test_archives_that_unpack_to_far_more_are_not_unpacked(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "bomb.npz", id=array(IDS), audio=npy(HEADER % ("<f4", "(4, 1)"), bytes(300 << 20)))
    refusal(lambda: read(bomb), "bomb.npz unpacks to 0.3 GB")
    many = tmp_path / "many.npz"
    with zipfile.ZipFile(many, "w") as file:
        for n in range(30_000):
            file.writestr(f"{n:0>120}", b"")
    refusal(lambda: read(many), "many.npz has too many members")
    refusal(lambda: list(read_arrays(many)), "many.npz has too many members")


def test_damaged_archives_are_one_line(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "f.npz", id=IDS, audio=X, length=[1] * N)
    whole = (tmp_path / "f.npz").read_bytes()
    for at in range(0, len(whole), 7):
        (tmp_path / "cut.npz").write_bytes(whole[: at + 1])
        refusal(lambda: read(tmp_path / "cut.npz"), "cut.npz")
    (tmp_path / "a.npz").write_bytes(array(X))
    refusal(lambda: read(tmp_path / "a.npz"), "a.npz is not an .npz archive")
    (tmp_path / "a.npy").write_bytes(whole)
    refusal(lambda: read(tmp_path / "a.npy"), "a.npy is an archive, not one array; name it .npz")


def test_many_arrays_are_not_all_listed(tmp_path: Path) -> None:
    others = {f"feature{n}": np.ones((N, 2)) for n in range(133)}
    np.savez(tmp_path / "f.npz", id=IDS, **others)
    refusal(lambda: read(tmp_path / "f.npz"), "no array 'audio'", "and 125 more")
    np.savez(tmp_path / "g.npz", id=IDS, audio=X, **others)
    notes: list[str] = []
    read(tmp_path / "g.npz", notes)
    assert notes[0].endswith("'feature7' and 125 more are not read")


@pytest.mark.parametrize("target", NO_FILES)
@pytest.mark.parametrize("suffix", ["npz", "npy", "parquet"])
def test_what_is_no_file_is_refused_at_once(target: str, suffix: str, tmp_path: Path) -> None:
    path = no_file(tmp_path / f"f.{suffix}", target)
    refusal(lambda: read(path), f"f.{suffix} is not a regular file; save the file of features as a file first")
    if suffix == "npz":
        refusal(lambda: list(read_arrays(path)), "f.npz is not a regular file")


COLUMNS = {
    "of records": (pa.array([{"a": 1.0}] * N), "no column of numbers"),
    "of lists of records": (pa.array([[{"a": 1.0}]] * N), "store list<float> for one step"),
    "of lists of texts": (pa.array([["1.5", "2"]] * N), "store list<float> for one step"),
    "of maps": (pa.array([[("a", 1.0)]] * N, pa.map_(pa.string(), pa.float32())), "no column of numbers"),
    "of lists of lists of lists": (pa.array([[[[1.0]]]] * N), "store list<float> for one step"),
    "of decimals": (pa.array([1] * N).cast(pa.decimal128(20, 0)), "no column of numbers"),
    "of ragged steps": (pa.array([[[1.0], [1.0, 2.0]]] * N), "differ in width"),
    "of bytes": (pa.array([b"\0"] * N), "no column of numbers"),
    "of nothing": (pa.nulls(N), "no column of numbers"),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_parquet_columns_of_other_types_are_refused(kind: str, tmp_path: Path) -> None:
    column, told = COLUMNS[kind]
    pq.write_table(pa.table({"id": IDS, "x": column}), tmp_path / "f.parquet")
    refusal(lambda: read(tmp_path / "f.parquet"), "f.parquet", told)


@pytest.mark.parametrize("ids", [[None, *IDS[1:]], [1.5] * N, [b"a"] * N, [["a"]] * N, [{"a": 1}] * N, [True] * N])
def test_parquet_ids_of_other_types_are_refused(ids: list, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": pa.array(ids), "x": X[:, 0]}), tmp_path / "f.parquet")
    refusal(lambda: read(tmp_path / "f.parquet"), "f.parquet", "store ids as strings or whole numbers")


def test_parquet_that_unpacks_to_far_more_is_not_unpacked(tmp_path: Path) -> None:
    rows = 1 << 20
    constant = pa.RecordBatch.from_arrays([pa.array(["a_1"] * rows), pa.array(np.zeros(rows))], ["id", "x"])
    with pq.ParquetWriter(tmp_path / "bomb.parquet", constant.schema, compression="zstd") as writer:
        for _ in range(40):
            writer.write_batch(constant)
    assert (tmp_path / "bomb.parquet").stat().st_size < 1 << 20
    refusal(lambda: read(tmp_path / "bomb.parquet"), "bomb.parquet unpacks to 0.7 GB")


def test_damaged_and_endless_parquet_is_one_line(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": IDS, "x": X.tolist()}), tmp_path / "f.parquet")
    whole = (tmp_path / "f.parquet").read_bytes()
    for at in range(0, len(whole), 11):
        (tmp_path / "cut.parquet").write_bytes(whole[: at + 1])
        refusal(lambda: read(tmp_path / "cut.parquet"), "cut.parquet")
    many = {f"c{n}": X[:, 0] for n in range(20_001)}
    pq.write_table(pa.table({"id": IDS, **many}), tmp_path / "wide.parquet")
    refusal(lambda: read(tmp_path / "wide.parquet"), "more than 20,000 columns; keep all features in one list column")
    twice = pa.Table.from_arrays([pa.array(IDS), pa.array(X[:, 0]), pa.array(X[:, 0])], ["id", "x", "x"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    refusal(lambda: read(tmp_path / "twice.parquet"), "two columns with the same name")


@pytest.mark.parametrize("seed", range(60))
def test_flipped_bytes_are_read_or_refused(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    np.savez_compressed(tmp_path / "f.npz", id=IDS, audio=X)
    np.save(tmp_path / "f.npy", X)
    pq.write_table(pa.table({"id": IDS, "x": X.tolist()}), tmp_path / "f.parquet")
    for name in ("f.npz", "f.npy", "f.parquet"):
        content = bytearray((tmp_path / name).read_bytes())
        for at in random.integers(0, len(content), 3):
            content[at] = random.integers(256)
        (tmp_path / name).write_bytes(content)
        with suppress(UserError):
            read(tmp_path / name)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"audio": np.ones((N, 2, 0))}, "audio holds features of width 0"),
        ({"audio": np.ones((N, 0))}, "audio holds features of width 0"),
        ({"label": np.array(["1_0"] * N)}, "a label is '1_0'"),
        ({"label": np.array(["１"] * N)}, "a label is '１'"),
        ({"label": np.array([np.nan] * N)}, "a label is nan"),
        ({"label": np.ones(N, complex)}, "a label is (1+0j)"),
        ({"label": np.zeros(N, "V3")}, "a label is"),
        ({"label": np.ones((N, 2))}, "label has the shape (4, 2) for 8 labels"),
        ({"id": np.array([np.nan] * N)}, "id is of type float64"),
        ({"length": np.array([1.0] * N)}, "length is not a whole number from 0 to 2 each"),
        ({"length": np.array([1] * (N - 1))}, "length has the shape (3,) for 4 labels"),
        ({"length": np.array([2**62] * N)}, "length is not a whole number from 0 to 2 each"),
    ],
)
def test_padded_arrays_of_other_types_are_refused(changes: dict, told: str, tmp_path: Path) -> None:
    arrays = {"label": np.zeros(N), "id": IDS, "audio": np.zeros((N, 2, 3)), **changes}
    np.savez(tmp_path / "a.npz", **arrays)
    refusal(lambda: list(read_arrays(tmp_path / "a.npz", folds="1/3")), "a.npz", told)


def test_padded_arrays_of_no_steps_are_missing(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", label=np.zeros(N), video_id=IDS, audio=np.zeros((N, 0, 3)))
    assert [u.sequences for _, u in read_arrays(tmp_path / "a.npz", folds="1/3")] == [{}] * N
