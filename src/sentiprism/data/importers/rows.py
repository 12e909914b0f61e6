"""Rows of one array of features."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy.typing as npt

from sentiprism.errors import UserError

Lookup = Callable[[int], npt.NDArray[Any]]
"""Number of a row in a file of features -> (T, F)."""


def rows_of(path: Path, array: npt.NDArray[Any], N: int, lengths: npt.NDArray[Any] | None, notes: list[str]) -> Lookup:
    """Rows of one array of numbers.

    Args:
        path: for messages.
        array: (N, F), or (N, T, F).
        N: number of ids.
        lengths: (N,) real steps of each row; None = all.
        notes: warnings are appended to it.

    Raises:
        UserError: it has another shape, or lengths that it does not have room for.
    """
    if array.dtype.kind not in "fiu" or array.ndim not in {2, 3}:
        raise UserError(f"{path} holds {array.dtype} of shape {array.shape}", "store (N, F) or (N, T, F) numbers")
    if not array.shape[-1]:
        raise UserError(f"{path} holds features of width 0", "store one number a feature, or leave the file out")
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
