"""Read features from Parquet files."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import parquet

from sentiprism.data.importers.csv_files import MOST_COLUMNS
from sentiprism.data.importers.notes import not_read
from sentiprism.data.importers.npz import check_unpacked
from sentiprism.data.importers.rows import Lookup, rows_of
from sentiprism.errors import UserError, suggest

NUMBER = 8
"""Most bytes of an unpacked number."""
IDS = "store ids as strings or whole numbers"


def open_parquet(path: Path, modality: str, _: list[str], notes: list[str]) -> tuple[list[str], Lookup]:
    """Read ids and features of a Parquet file, see `open_features`.

    Raises:
        UserError: it has other columns, or unpacks to far more than its size.
        Exception: it is damaged.
    """
    schema = parquet.read_schema(path, memory_map=True)
    _check_ids(path, schema)
    lists = [field.name for field in schema if _is_list(field.type)]
    if lists:
        chosen = [modality if modality in lists else lists[0]]
        if len(lists) > 1 and chosen != [modality]:
            raise UserError(f"{path} has several list columns", f"name the correct one {modality!r}")
        if not _is_features(schema.field(chosen[0]).type):
            cause = f"{path}: column {chosen[0]!r} is of type {schema.field(chosen[0]).type}"
            raise UserError(cause, "store list<float> for one step, or list<list<float>>")
    else:
        chosen = [field.name for field in schema if field.name != "id" and _is_number(field.type)]
    others = [name for name in schema.names if name not in {"id", *chosen}]
    notes += not_read(path.name, "column", others, "" if lists else "not numeric and")
    if not chosen:
        raise UserError(f"{path} has no column of numbers", "add one list column, or one column per feature")
    with parquet.ParquetFile(path, memory_map=True, read_dictionary=["id"]) as file:
        check_unpacked(path, unpacked_bytes(file.metadata, {"id", *chosen}), path.stat().st_size)
        table = file.read(columns=["id", *chosen])
    table.validate(full=True)  # damaged lengths would point outside of the memory
    ids = _ids(path, table["id"])
    if lists:
        column = table[chosen[0]]
        return ids, lambda row: _list_row(path, ids[row], column[row].values)
    matrix = np.stack([table[name].to_numpy() for name in chosen], axis=1)
    return ids, rows_of(path, matrix, len(ids), None, notes)


def _check_ids(path: Path, schema: Any) -> None:
    names = schema.names
    if "id" not in names:
        raise UserError(f"{path} has no column 'id'", f"add the ids; {suggest('id', names, 'it has')}")
    if len(names) > MOST_COLUMNS:
        raise UserError(f"{path} has more than {MOST_COLUMNS:,} columns", "keep all features in one list column")
    if len(set(names)) < len(names):
        raise UserError(f"{path} has two columns with the same name", "give each column a unique name")
    kind = schema.field("id").type
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_integer(inner)):
        raise UserError(f"{path}: ids are of type {kind}", IDS)


def unpacked_bytes(metadata: Any, names: set[str]) -> int:
    """Unpacked bytes of columns, according to the file's metadata."""
    total = 0
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if column.path_in_schema.partition(".")[0] in names or column.path_in_schema in names:
                total += max(column.num_values * NUMBER, column.total_uncompressed_size)
    return total


def _ids(path: Path, column: Any) -> list[str]:
    """Ids of the rows; dictionary-encoded ids are unpacked by reference."""
    ids: list[Any] = []
    for chunk in column.chunks:
        kept = chunk.dictionary.to_pylist() if pa.types.is_dictionary(chunk.type) else None
        places = (chunk if kept is None else chunk.indices).to_pylist()
        ids += places if kept is None else [None if place is None else kept[place] for place in places]
    if None in ids:
        raise UserError(f"{path} row {ids.index(None) + 1} has no id", IDS)
    return [str(name) for name in ids]


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _is_features(kind: Any) -> bool:
    inner = kind.value_type
    return _is_number(inner.value_type if _is_list(inner) else inner)


def _list_row(path: Path, name: str, values: Any) -> npt.NDArray[Any]:
    """One cell: list<float> is one step, list<list<float>> a sequence, null none."""
    if values is None or not len(values):
        return np.empty((0, 0), np.float32)
    if not _is_list(values.type):
        return np.asarray(values.to_numpy(zero_copy_only=False))[None]
    steps = [step.as_py() for step in values]
    try:
        with np.errstate(over="ignore"):  # too large values become infinite, and are counted as such
            return np.array(steps, np.float32)
    except (TypeError, ValueError):
        raise UserError(f"{path}: steps of {name!r} differ in width", "give each step the same features") from None
