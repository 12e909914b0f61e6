"""Read and write predictions as Parquet."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sentiprism.errors import UserError, shorten
from sentiprism.files import atomic_file
from sentiprism.reading import check_regular
from sentiprism.training.predict import Predictions
from sentiprism.types import MODALITIES

Array = npt.NDArray[Any]
REMEDY = "remove it; the run is then evaluated again"
MOST = 200_000_000
"""Most values in a file: a thousand for each of 200,000 utterances. A small forged file can claim more."""
TEXTS = ("id", "video", "present")
BOUNDS = ("low", "high", "set")


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write Parquet: ``id``, ``video``, ``present`` (modalities), ``label``, ``prediction``, a list column per weight.

    A calibrated model adds ``low`` and ``high``, or ``set``.
    """
    from pyarrow import parquet

    table = {"id": pa.array([str(i) for i in predictions.ids])}
    if predictions.videos is not None:
        table["video"] = pa.array([str(video) for video in predictions.videos])
    if predictions.present is not None:
        table["present"] = pa.array(predictions.present.tolist(), pa.string())
    table["label"] = pa.array(predictions.label)
    for name, array in {
        "prediction": predictions.prediction,
        **predictions.bounds,
        **{f"weights.{name}": array for name, array in predictions.weights.items()},
    }.items():
        inner = pa.bool_() if array.dtype == bool else pa.float32()
        table[name] = pa.array(array) if array.ndim == 1 else pa.array(list(array), pa.list_(inner))
    with atomic_file(path) as temporary:
        parquet.write_table(pa.table(table), temporary)


def read_predictions(path: Path) -> Predictions:
    """Read what `write_predictions` wrote.

    Raises:
        UserError: the file does not exist, or has another format.
    """
    from pyarrow import parquet

    if not os.path.lexists(path):
        raise UserError(f"no predictions at {path}", "run 'sentiprism evaluate' on the run first")
    check_regular(path, what="file of predictions")
    try:
        with parquet.ParquetFile(path) as file:
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            if sum(g.column(i).num_values for g in groups for i in range(g.num_columns)) > MOST:
                raise UserError(f"{path} has more than {MOST:,} values", REMEDY)
            table = file.read()
        table.validate(full=True)  # wrong lengths would read outside the buffer
        columns = {name: _column(name, table[name]) for name in table.column_names}
        ids, label, prediction = (columns.pop(name) for name in ("id", "label", "prediction"))
        found = Predictions(
            ids,
            label,
            prediction,
            bounds={name: columns.pop(name) for name in BOUNDS if name in columns},
            present=columns.pop("present", None),
            videos=columns.pop("video", None),
            weights={name.removeprefix("weights."): values for name, values in columns.items()},
        )
        _check(found)
    except KeyError as error:
        raise UserError(f"{path} has no column {error}", REMEDY) from None
    except (pa.ArrowException, ValueError, TypeError, OSError) as error:
        raise UserError(f"{path} does not have predictions: {shorten(str(error), 120)}", REMEDY) from None
    return found


def _column(name: str, column: pa.ChunkedArray) -> Array:
    """Read the values of a column, which must have the type of `write_predictions`."""
    kind = column.type
    inner = kind.value_type if pa.types.is_list(kind) else kind
    wanted = "texts" if name in TEXTS else "true and false" if name == "set" else "numbers"
    fits = {
        "texts": pa.types.is_string(kind),
        "true and false": pa.types.is_boolean(inner) and inner is not kind,
        "numbers": pa.types.is_floating(inner) or (pa.types.is_integer(kind) and name == "label"),
    }
    flat = column.combine_chunks().flatten() if pa.types.is_list(kind) else column
    if not fits[wanted] or column.null_count or flat.null_count:
        raise ValueError(f"column {name!r} should be of {wanted}, not {kind} with {column.null_count} nulls")
    values = column.to_numpy()
    if not pa.types.is_list(kind):
        return np.asarray(values)
    return np.stack(values) if len({len(row) for row in values}) == 1 else values


def _check(found: Predictions) -> None:
    """Refuse inconsistent columns."""
    if not len(found.ids) or len(np.unique(found.ids)) < len(found.ids):
        raise ValueError("ids should be present and unique")
    classes = found.label.dtype.kind == "i"
    prediction, chosen = found.prediction, found.bounds.get("set")
    if any(one.dtype == object for one in (found.label, prediction, *found.bounds.values())):
        raise ValueError("lists should have the same length")
    if found.label.ndim != 1 or prediction.ndim != 1 + classes:
        raise ValueError(f"{'class' if classes else 'intensity'} labels need {1 + classes}-dimensional predictions")
    if classes and not (found.label.min() >= 0 and found.label.max() < prediction.shape[1]):
        raise ValueError(f"a label is not one of {prediction.shape[1]} classes")
    shares = found.weights.get("modality")
    if shares is not None and shares.shape != (len(found.ids), len(MODALITIES)):
        raise ValueError("'weights.modality' should have a number for each modality")
    for name in ("low", "high"):
        if name in found.bounds and (classes or found.bounds[name].ndim != 1):
            raise ValueError(f"{name!r} should have one number per utterance, and intensities as labels")
    if ("low" in found.bounds) != ("high" in found.bounds):
        raise ValueError("'low' and 'high' should both be present")
    if chosen is not None and chosen.shape != prediction.shape:
        raise ValueError("'set' should have an entry for each class")
