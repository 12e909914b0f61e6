"""Files of features that stand beside a table: numpy archives and arrays, and Parquet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import parquet

from sentiprism.data.importers.npz import open_npz
from sentiprism.errors import UserError, suggest

LENGTHS = ("length", "lengths")
COLUMNS = "columns"
"""Names of the features, for whoever asks for them."""

Lookup = Callable[[int], npt.NDArray[Any]]
"""Number of a row in a feature file -> (T, F)."""


def open_features(path: Path, modality: str, ids: list[str], notes: list[str]) -> tuple[list[str], Lookup]:
    """Open a file of features, one row an utterance: static (F,) or a sequence (T, F).

    Args:
        path: ``.npz`` with ``id`` (N,), the data under the modality's name or as the only float array, (N, F)
            or (N, T, F), and ``length`` or ``lengths`` (N,) where sequences are padded; ``.npy`` in the order
            of the table; ``.parquet`` with ``id`` and one list column, or one numeric column a feature.
        modality: what the features are of.
        ids: (N,) of the table, for a file without its own.
        notes: warnings are appended to it.

    Returns:
        ids of the rows, and a function from the number of a row to its features (T, F).

    Raises:
        UserError: the file cannot be read, holds Python objects, or has other shapes.
    """
    readers = {".npz": _open_npz, ".npy": _open_npy, ".parquet": _open_parquet}
    if path.suffix not in readers:
        raise UserError(f"{path} is of an unknown kind {path.suffix!r}", f"use one of {', '.join(readers)}")
    try:
        return readers[path.suffix](path, modality, ids, notes)
    except FileNotFoundError:
        raise UserError(f"no file {path}", "check the path") from None
    except (OSError, EOFError, ValueError, MemoryError, pa.ArrowException) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} cannot be read: {reason}", "save it again, without Python objects") from None


def _open_npz(path: Path, modality: str, _: list[str], notes: list[str]) -> tuple[list[str], Lookup]:
    with open_npz(path) as file:
        if "id" not in file.names:
            raise UserError(f"{path} has no array 'id'", f"add the ids; {suggest('id', file.names)}")
        arrays = {key: file.read(key) for key in file.names if key == modality or key in {"id", COLUMNS, *LENGTHS}}
        others = [key for key in file.names if key not in arrays]
        if modality not in arrays:
            floats = {key: array for key in others if (array := file.read(key)).dtype.kind == "f" and array.ndim > 1}
            if len(floats) != 1:
                found = ", ".join(floats) or "none of floats"
                raise UserError(f"{path} has no array {modality!r}", f"rename the one that is meant: {found}")
            ((name, arrays[modality]),) = floats.items()
            notes.append(f"{path.name}: array {name!r} is read as {modality}")
        else:
            notes += [f"{path.name}: array {key!r} is not read" for key in others]
    ids = [str(name) for name in arrays["id"].astype(np.str_).reshape(-1)]
    lengths = next((arrays[key].reshape(-1) for key in LENGTHS if key in arrays), None)
    return ids, _rows(path, arrays[modality], len(ids), lengths, notes)


def _open_npy(path: Path, _: str, ids: list[str], notes: list[str]) -> tuple[list[str], Lookup]:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    notes.append(f"{path.name}: has no ids, taken in the order of the table")
    return ids, _rows(path, array, len(ids), None, notes)


def _rows(path: Path, array: npt.NDArray[Any], N: int, lengths: npt.NDArray[Any] | None, notes: list[str]) -> Lookup:
    if array.dtype.kind not in "fiu" or array.ndim not in {2, 3}:
        raise UserError(f"{path} holds {array.dtype} of shape {array.shape}", "store (N, F) or (N, T, F) numbers")
    for what, count in (("rows", len(array)), ("lengths", N if lengths is None else len(lengths))):
        if count != N:
            raise UserError(f"{path} has {count} {what} for {N} ids", "give each utterance one row")
    if array.ndim == 2:
        return lambda row: array[row][None]
    if lengths is None:
        notes.append(f"{path.name}: states no lengths, every one of {array.shape[1]} steps is taken as real")
        return lambda row: array[row]
    if lengths.dtype.kind not in "iu" or not ((lengths >= 0) & (lengths <= array.shape[1])).all():
        raise UserError(f"{path} has lengths off 0 to {array.shape[1]}", "count the real steps of each utterance")
    return lambda row: array[row, : lengths[row]]


def _open_parquet(path: Path, modality: str, _: list[str], notes: list[str]) -> tuple[list[str], Lookup]:
    table = parquet.read_table(path)
    if "id" not in table.column_names:
        raise UserError(f"{path} has no column 'id'", f"add the ids; {suggest('id', table.column_names)}")
    ids = [str(name) for name in table["id"].to_pylist()]
    fields = [field for field in table.schema if field.name != "id"]
    lists = [field.name for field in fields if _is_list(field.type)]
    if lists:
        name = modality if modality in lists else lists[0]
        if len(lists) > 1 and name != modality:
            raise UserError(f"{path} has several list columns", f"name the one that is meant {modality!r}")
        notes += [f"{path.name}: column {f.name!r} is not read" for f in fields if f.name != name]
        column = table[name].combine_chunks()
        return ids, lambda row: _list_row(path, ids[row], column[row].values)
    numeric = [f.name for f in fields if pa.types.is_floating(f.type) or pa.types.is_integer(f.type)]
    notes += [f"{path.name}: column {f.name!r} is no number, not read" for f in fields if f.name not in numeric]
    if not numeric:
        raise UserError(f"{path} has no column of numbers", "add one list column, or one column a feature")
    matrix = np.stack([table[name].to_numpy() for name in numeric], axis=1)
    return ids, _rows(path, matrix, len(ids), None, notes)


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _list_row(path: Path, name: str, values: Any) -> npt.NDArray[Any]:
    """One cell: list<float> is one step, list<list<float>> a sequence, null none."""
    if values is None or not len(values):
        return np.empty((0, 0), np.float32)
    if not _is_list(values.type):
        return np.asarray(values.to_numpy(zero_copy_only=False), np.float32)[None]
    steps = [step.as_py() for step in values]
    try:
        return np.array(steps, np.float32)
    except (TypeError, ValueError):
        raise UserError(f"{path}: steps of {name!r} differ in width", "give each step the same features") from None
