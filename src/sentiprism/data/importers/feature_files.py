"""Open feature files: numpy archives, numpy arrays, Parquet."""

from pathlib import Path

import numpy as np

from sentiprism.data.importers.notes import not_read
from sentiprism.data.importers.npz import open_npz, quiet, unreadable
from sentiprism.data.importers.parquet import open_parquet
from sentiprism.data.importers.rows import Lookup, rows_of
from sentiprism.errors import UserError, few, suggest
from sentiprism.reading import check_regular

LENGTHS = ("length", "lengths")
COLUMNS = "columns"
"""Name of the optional array with names of features."""


def open_features(path: Path, modality: str, ids: list[str], notes: list[str]) -> tuple[list[str], Lookup]:
    """Open a file of features with one row per utterance: static (F,) or a sequence (T, F).

    Args:
        path: ``.npz`` with ``id`` (N,), the data under the modality's name or as the only float array, (N, F)
            or (N, T, F), and ``length`` or ``lengths`` (N,) for padded sequences; ``.npy`` in the order of the
            table; ``.parquet`` with ``id`` and one list column, or one numeric column per feature.
        modality: of the features.
        ids: (N,) of the table, for a file without ids.
        notes: warnings are appended to it.

    Returns:
        ids of the rows, and a function from the number of a row to its features (T, F).

    Raises:
        UserError: the file cannot be read, has Python objects, or has other shapes.
    """
    readers = {".npz": _open_npz, ".npy": _open_npy, ".parquet": open_parquet}
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise UserError(f"{path} is of an unknown kind {path.suffix!r}", f"use one of {', '.join(readers)}")
    check_regular(path, what="file of features")
    try:
        return readers[suffix](path, modality, ids, notes)
    except UserError:
        raise
    except Exception as error:  # numpy and pyarrow raise many kinds of exceptions for invalid files
        raise unreadable(path, error) from None


def _open_npz(path: Path, modality: str, _: list[str], notes: list[str]) -> tuple[list[str], Lookup]:
    with open_npz(path) as file:
        if "id" not in file.names:
            raise UserError(f"{path} has no array 'id'", f"add the ids; {suggest('id', file.names, 'it has')}")
        arrays = {key: file.read(key) for key in file.names if key == modality or key in {"id", COLUMNS, *LENGTHS}}
        others = [key for key in file.names if key not in arrays]
        if modality not in arrays:
            floats = {key: array for key in others if (array := file.read(key)).dtype.kind == "f" and array.ndim > 1}
            if len(floats) != 1:
                found = few(floats) or "none of floats"
                raise UserError(f"{path} has no array {modality!r}", f"rename the correct one: {found}")
            ((name, arrays[modality]),) = floats.items()
            notes.append(f"{path.name}: array {name!r} is read as {modality}")
        else:
            notes += not_read(path.name, "array", others)
    if arrays["id"].dtype.kind not in "USiu":
        raise UserError(f"{path}: 'id' is of type {arrays['id'].dtype}", "store ids as strings or whole numbers")
    ids = [str(name) for name in arrays["id"].astype(np.str_).reshape(-1)]
    lengths = next((arrays[key].reshape(-1) for key in LENGTHS if key in arrays), None)
    return ids, rows_of(path, arrays[modality], len(ids), lengths, notes)


def _open_npy(path: Path, _: str, ids: list[str], notes: list[str]) -> tuple[list[str], Lookup]:
    with quiet():
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise UserError(f"{path} is an archive, not one array", "name it .npz")
    notes.append(f"{path.name}: has no ids and is read in the order of the table")
    return ids, rows_of(path, array, len(ids), None, notes)
