"""Ragged sequences over a memory-mapped Arrow column."""

from collections.abc import Sequence as Rows
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sentiprism.types import Sequence

BLOCK = 64
"""Rows that `Ragged.statistics` has in memory at once, in float64."""


def arrow_type(width: int) -> pa.DataType:
    """Arrow type of a column: ``width`` features per step, or token ids for 0."""
    return pa.large_list(pa.list_(pa.float32(), width) if width else pa.int32())


def to_arrow(rows: Rows[npt.NDArray[Any] | None], width: int) -> pa.LargeListArray:
    """Make an Arrow array of ``rows``; rows that are None or have no steps become null.

    Args:
        rows: (T, F) float, or (T,) integer ids; T may differ.
        width: F, or 0 for ids.

    Raises:
        ValueError: a row has another shape than ``width`` says.
    """
    shape = (0, width) if width else (0,)
    real = [row for row in rows if row is not None and len(row)]
    for row in real:
        if row.shape[1:] != shape[1:]:
            raise ValueError(f"a row of shape {row.shape} in a column of width {width}")
    lengths = [0 if row is None else len(row) for row in rows]
    dtype = np.float32 if width else np.int32
    steps = np.concatenate([np.empty(shape, dtype), *real], dtype=dtype, casting="unsafe").reshape(-1)
    values = pa.FixedSizeListArray.from_arrays(pa.array(steps), width) if width else pa.array(steps)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]))
    missing = pa.array([not length for length in lengths], pa.bool_()) if 0 in lengths else None
    return pa.LargeListArray.from_arrays(offsets, values, mask=missing)


class Ragged:
    """N rows of different lengths; null or empty rows are missing.

    Only offsets are read at creation. Rows are views of Arrow's memory: pages of a mapped file are read on access.

    Args:
        steps: steps of the rows of each chunk, (S, F) float32, or (S,) int32 ids.
        chunk: (N,) index in ``steps`` of each row.
        start: (N,) first step of each row there.
        lengths: (N,) int64 number of steps of each row.
        width: F, or 0 for ids.
    """

    def __init__(
        self,
        steps: Rows[npt.NDArray[Any]],
        chunk: npt.NDArray[np.int64],
        start: npt.NDArray[np.int64],
        lengths: npt.NDArray[np.int64],
        width: int,
    ) -> None:
        self.lengths, self.width = lengths, width
        self._steps, self._chunk, self._start = steps, chunk, start

    @classmethod
    def from_arrow(cls, column: pa.ChunkedArray) -> Self:
        """View a column of large_list<fixed_size_list<float>[F]> or large_list<int32> without copying.

        Raises:
            ValueError: another type, or offsets that point outside the steps.
        """
        inner = column.type.value_type if pa.types.is_large_list(column.type) else pa.null()
        width = inner.list_size if pa.types.is_fixed_size_list(inner) else 0
        if column.type != arrow_type(width):
            raise ValueError(f"a column of type {column.type} holds no sequences")
        steps, chunk, start, lengths = [], [], [], []
        for number, part in enumerate(column.chunks):
            flat = part.values
            if width:  # `values` of a fixed-size list ignores the list's offset
                flat = flat.values.slice(flat.offset * width, len(flat) * width)
            flat = flat.to_numpy(zero_copy_only=True)
            steps.append(flat.reshape(-1, width) if width else flat)
            offsets = part.offsets.to_numpy(zero_copy_only=True)
            size = np.diff(offsets)
            if len(part) and (offsets[0] < 0 or offsets[-1] > len(steps[-1]) or (size < 0).any()):
                raise ValueError("offsets point outside the steps")
            if part.null_count:
                size = size * part.is_valid().to_numpy(zero_copy_only=False)
            chunk.append(np.full(len(part), number, np.int64))
            start.append(offsets[:-1])
            lengths.append(size)
        none = [np.empty(0, np.int64)]
        return cls(
            steps,
            np.concatenate(none + chunk),
            np.concatenate(none + start),
            np.concatenate(none + lengths),
            width,
        )

    @classmethod
    def from_rows(cls, rows: Rows[npt.NDArray[Any] | None], width: int | None = None) -> Self:
        """Copy rows in memory, (T, F) each or (T,) ids, into one column.

        Args:
            rows: the rows; None = missing.
            width: F, or 0 for ids; None = the width of the first row.

        Raises:
            ValueError: rows have different widths, or there is no row to determine the width.
        """
        if width is None:
            first = next((row for row in rows if row is not None), None)
            if first is None:
                raise ValueError("the width is unknown without rows")
            width = first.shape[1] if first.ndim > 1 else 0
        return cls.from_arrow(pa.chunked_array([to_arrow(rows, width)]))

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> npt.NDArray[Any]:
        start = self._start[row]
        steps: npt.NDArray[Any] = self._steps[self._chunk[row]][start : start + self.lengths[row]]
        return steps

    @classmethod
    def joined(cls, parts: Rows["Ragged"]) -> "Ragged":
        """Concatenate columns of the same width, copying only offsets."""
        shifts = np.cumsum([0, *(len(part._steps) for part in parts)])
        return cls(
            [steps for part in parts for steps in part._steps],
            np.concatenate([part._chunk + shift for part, shift in zip(parts, shifts, strict=False)]),
            np.concatenate([part._start for part in parts]),
            np.concatenate([part.lengths for part in parts]),
            parts[0].width,
        )

    def subset(self, rows: npt.NDArray[np.int64]) -> "Ragged":
        """Select rows in the given order, copying only offsets."""
        return Ragged(self._steps, self._chunk[rows], self._start[rows], self.lengths[rows], self.width)

    def take(
        self, indices: npt.ArrayLike, mean: npt.ArrayLike | None = None, std: npt.ArrayLike | None = None
    ) -> Sequence:
        """Make a batch of rows, padded with 0 to the longest, at least one step.

        Args:
            indices: (B,) rows.
            mean: (F,) subtracted from each real step.
            std: (F,) divisor of each real step.

        Returns:
            (B, T, F) float32 or (B, T) int64, and the mask of real steps (B, T).
        """
        import torch  # slow to import, and not needed to open a dataset

        rows = np.asarray(indices, dtype=np.int64).reshape(-1)
        lengths = self.lengths[rows]
        T = max(int(lengths.max(initial=0)), 1)
        shape = (len(rows), T, self.width) if self.width else (len(rows), T)
        values = np.zeros(shape, np.float32 if self.width else np.int64)
        shift = None if mean is None else np.asarray(mean, np.float32)
        scale = None if std is None else np.asarray(std, np.float32)
        for row, length, target in zip(rows.tolist(), lengths, values, strict=True):
            real = target[:length]  # (T_row, F) or (T_row,)
            real[:] = self[row]
            if shift is not None:
                real -= shift
            if scale is not None:
                real /= scale
        mask = np.arange(T) < lengths[:, None]  # (B, T)
        return Sequence(torch.from_numpy(values), torch.from_numpy(mask))

    def statistics(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Mean and population standard deviation (F,) over all real steps; a standard deviation of 0 becomes 1.

        One pass in float64 that merges blocks (pairwise update of Chan, Golub and LeVeque 1983). Steps are relative to
        the first one, so that a constant column has a standard deviation of exactly 0.

        Raises:
            ValueError: token ids have no statistics.
        """
        if not self.width:
            raise ValueError("token ids have no statistics")
        count, mean, squares = 0, np.zeros(self.width), np.zeros(self.width)
        present = np.flatnonzero(self.lengths)
        origin = self[int(present[0])][0].astype(np.float64) if len(present) else np.zeros(self.width)
        for block in (present[i : i + BLOCK] for i in range(0, len(present), BLOCK)):
            steps = np.concatenate([self[row] for row in block.tolist()], dtype=np.float64) - origin  # (S, F)
            total, block_mean = count + len(steps), steps.mean(axis=0)
            delta = block_mean - mean
            squares += ((steps - block_mean) ** 2).sum(axis=0) + delta**2 * (count * len(steps) / total)
            mean += delta * (len(steps) / total)
            count = total
        std = np.sqrt(squares / max(count, 1))
        return mean + origin, np.where(std > 0, std, 1.0)
