"""Write sequences of features as Parquet columns."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from sentiprism.data.dataset import Split, Utterance
from sentiprism.data.ragged import to_arrow

ROWS = 256
"""Utterances in memory at once; one row group of the file."""


def sequence_type(width: int) -> pa.DataType:
    """Arrow type of a column: a list of steps, each a list of ``width`` numbers; or a list of ids for 0."""
    return pa.list_(pa.list_(pa.float32())) if width else pa.list_(pa.int32())


def sequence_column(rows: Sequence[npt.NDArray[Any] | None], width: int) -> pa.Array:
    """Make a column of sequences; None = missing = null.

    Args:
        rows: (T, F) each, or (T,) ids.
        width: F, or 0 for ids.
    """
    return to_arrow(rows, width).cast(sequence_type(width))


def blocks_of(split: Split) -> Iterator[list[Utterance]]:
    """Read the utterances of a split, at most `ROWS` at a time."""
    for first in range(0, len(split), ROWS):
        yield [split.utterance(number) for number in range(first, min(first + ROWS, len(split)))]
