"""Ragged columns: rows come back as they went in, views copy nothing, padding is masked and zero."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc

from sentiprism.data.ragged import Ragged, arrow_type, to_arrow

Row = npt.NDArray[np.float32] | None
LENGTHS = st.lists(st.integers(0, 5), min_size=1, max_size=12)


def rows_of(lengths: list[int], width: int = 3, seed: int = 0) -> list[npt.NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return [rng.normal(5, 2, (length, width)).astype(np.float32) for length in lengths]


@given(chunks=st.lists(LENGTHS, min_size=1, max_size=4))
def test_rows_of_several_chunks_come_back(chunks: list[list[int]]) -> None:
    parts = [rows_of(lengths, seed=i) for i, lengths in enumerate(chunks)]
    rows = [row for part in parts for row in part]
    ragged = Ragged.from_arrow(pa.chunked_array([to_arrow(part, 3) for part in parts]))
    assert len(ragged) == len(rows)
    assert ragged.lengths.dtype == np.int64
    assert ragged.lengths.tolist() == [len(row) for row in rows]
    for i, row in enumerate(rows):
        np.testing.assert_array_equal(ragged[i], row)


@given(lengths=LENGTHS, cut=st.integers(0, 11), data=st.data())
def test_slices_of_arrow_arrays_are_read_at_their_offset(lengths: list[int], cut: int, data: st.DataObject) -> None:
    rows = rows_of(lengths)
    cut = min(cut, len(rows) - 1)
    ragged = Ragged.from_arrow(pa.chunked_array([to_arrow(rows, 3).slice(cut)]))
    i = data.draw(st.integers(0, len(ragged) - 1))
    np.testing.assert_array_equal(ragged[i], rows[cut + i])


@given(lengths=LENGTHS, data=st.data())
def test_take_pads_to_the_longest_and_masks_what_it_pads(lengths: list[int], data: st.DataObject) -> None:
    rows = rows_of(lengths)
    indices = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=6))
    values, mask = Ragged.from_rows(rows).take(indices)
    longest = max(1, *(len(rows[i]) for i in indices))
    assert values.shape == (len(indices), longest, 3)
    assert values.dtype == torch.float32
    assert mask.dtype == torch.bool
    assert (values[~mask] == 0).all()
    for b, i in enumerate(indices):
        assert mask[b].tolist() == [t < len(rows[i]) for t in range(longest)]
        np.testing.assert_array_equal(values[b][mask[b]].numpy(), rows[i])


def test_take_standardises_real_steps_and_leaves_padding_zero() -> None:
    ragged = Ragged.from_rows([np.array([[1.0, 10], [3, 20]]), np.array([[5.0, 30]]), None], 2)
    values, mask = ragged.take([0, 1, 2], mean=(1.0, 10.0), std=(2.0, 5.0))
    assert values.tolist() == [[[0, 0], [1, 2]], [[2, 4], [0, 0]], [[0, 0], [0, 0]]]
    assert mask.tolist() == [[True, True], [True, False], [False, False]]


def test_ids_come_back_as_int32_rows_and_int64_batches() -> None:
    ragged = Ragged.from_rows([np.array([101, 7, 102]), np.array([], np.int64), np.array([5])])
    assert ragged.width == 0
    assert ragged[0].dtype == np.int32
    assert ragged[0].tolist() == [101, 7, 102]
    values, mask = ragged.take(np.array([2, 0, 1]))
    assert values.dtype == torch.int64
    assert values.tolist() == [[5, 0, 0], [101, 7, 102], [0, 0, 0]]
    assert mask.sum(dim=1).tolist() == [1, 3, 0]


def test_a_missing_row_is_empty_even_where_arrow_keeps_values_under_the_null() -> None:
    steps = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(6, np.float32)), 2)
    column = pa.LargeListArray.from_arrays(pa.array([0, 1, 3], pa.int64()), steps, mask=pa.array([False, True]))
    ragged = Ragged.from_arrow(pa.chunked_array([column]))
    assert ragged.lengths.tolist() == [1, 0]
    assert ragged[1].shape == (0, 2)
    assert ragged.take([1]).mask.tolist() == [[False]]


def test_none_and_empty_rows_are_stored_as_null() -> None:
    assert to_arrow([None, np.empty((0, 2)), np.ones((1, 2))], 2).null_count == 2


def test_no_rows_at_all() -> None:
    ragged = Ragged.from_arrow(pa.chunked_array([], arrow_type(3)))
    assert len(ragged) == 0
    assert ragged.take([]).values.shape == (0, 1, 3)
    mean, std = ragged.statistics()
    assert mean.tolist() == [0, 0, 0]
    assert std.tolist() == [1, 1, 1]


def test_rows_are_views_on_the_memory_map(tmp_path: Path) -> None:
    path = tmp_path / "column.arrow"
    table = pa.table({"x": pa.chunked_array([to_arrow(rows_of([4, 0, 2]), 3), to_arrow(rows_of([3]), 3)])})
    with ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
    source = pa.memory_map(str(path))
    whole = np.frombuffer(source.read_buffer(), np.uint8)
    before = pa.total_allocated_bytes()
    ragged = Ragged.from_arrow(ipc.open_file(source).read_all()["x"])
    assert all(np.shares_memory(ragged[i], whole) for i in (0, 2, 3))
    assert not ragged[0].flags.writeable
    assert pa.total_allocated_bytes() == before


@given(lengths=LENGTHS, seed=st.integers(0, 99))
def test_statistics_agree_with_numpy(lengths: list[int], seed: int) -> None:
    rows = rows_of([*lengths, 1], seed=seed)
    everything = np.concatenate(rows).astype(np.float64)
    mean, std = Ragged.from_rows(rows).statistics()
    np.testing.assert_allclose(mean, everything.mean(axis=0), rtol=1e-9)
    expected = everything.std(axis=0)
    np.testing.assert_allclose(std, np.where(expected > 0, expected, 1), rtol=1e-6)


def test_statistics_merge_blocks_of_unlike_means() -> None:
    rows = [np.full((i % 3 + 1, 1), 1000.0 + i) for i in range(200)]
    everything = np.concatenate(rows)
    mean, std = Ragged.from_rows(rows).statistics()
    np.testing.assert_allclose(mean, everything.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(std, everything.std(axis=0), rtol=1e-12)


def test_a_constant_column_has_deviation_one() -> None:
    mean, std = Ragged.from_rows([np.full((7, 1), 0.1), np.full((500, 1), 0.1)]).statistics()
    assert std.tolist() == [1.0]
    np.testing.assert_allclose(mean, [np.float32(0.1)])


def test_refuses_what_is_no_ragged_column() -> None:
    with pytest.raises(ValueError, match="holds no sequences"):
        Ragged.from_arrow(pa.chunked_array([pa.array([1.0])]))
    with pytest.raises(ValueError, match="width 3"):
        to_arrow([np.ones((2, 4))], 3)
    with pytest.raises(ValueError, match="the width is unknown"):
        Ragged.from_rows([None])
    with pytest.raises(ValueError, match="no statistics"):
        Ragged.from_rows([np.array([1])]).statistics()


def test_refuses_offsets_of_a_damaged_file_that_point_outside() -> None:
    table = pa.table({"x": pa.chunked_array([to_arrow([np.ones((71, 2))], 2)])})
    sink = pa.BufferOutputStream()
    with ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    whole, good = sink.getvalue().to_pybytes(), np.array([0, 71], np.int64).tobytes()
    at = whole.rindex(good)  # the metadata, which may hold the same numbers, stands before the body
    for bad in ([0, 72], [-1, 71], [71, 0]):
        damaged = whole[:at] + np.array(bad, np.int64).tobytes() + whole[at + len(good) :]
        with pytest.raises(ValueError, match="outside"):
            Ragged.from_arrow(ipc.open_file(damaged).read_all()["x"])
