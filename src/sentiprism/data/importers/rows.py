"""Access rows of an array of features."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy.typing as npt

from sentiprism.errors import UserError

Lookup = Callable[[int], npt.NDArray[Any]]
"""Function from a row index in a feature file to (T, F)."""


def rows_of(path: Path, array: npt.NDArray[Any], N: int, lengths: npt.NDArray[Any] | None, notes: list[str]) -> Lookup:
    """Make a function that returns rows of an array of numbers.

    Args:
        path: for messages.
        array: (N, F), or (N, T, F).
        N: number of ids.
        lengths: (N,) real steps of each row; None = all.
        notes: warnings are appended to it.

    Raises:
        UserError: it has another shape, or lengths beyond its size.
    """
    if array.dtype.kind not in "fiu" or array.ndim not in {2, 3}:
        raise UserError(f"{path} holds {array.dtype} of shape {array.shape}", "store (N, F) or (N, T, F) numbers")
    if not array.shape[-1]:
        raise UserError(f"{path} holds features of width 0", "store one number per feature, or leave the file out")
    for what, count in (("rows", len(array)), ("lengths", N if lengths is None else len(lengths))):
        if count != N:
            raise UserError(f"{path} has {count} {what} for {N} ids", "give each utterance one row")
    if array.ndim == 2:
        return lambda row: array[row][None]
    if lengths is None:
        notes.append(f"{path.name}: has no lengths, so all {array.shape[1]} steps are treated as real")
        return lambda row: array[row]
    if lengths.dtype.kind not in "iu" or not ((lengths >= 0) & (lengths <= array.shape[1])).all():
        raise UserError(
            f"{path} has lengths outside of 0 to {array.shape[1]}", "count the real steps of each utterance"
        )
    return lambda row: array[row, : lengths[row]]
