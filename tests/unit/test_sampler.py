"""Batches partition the split, come back the same, resume, and waste little."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiprism.data.sampler import LengthGroupedSampler
from sentiprism.errors import UserError

lengths_of = st.lists(st.integers(0, 60), min_size=4, max_size=120).map(np.array)


def padding(lengths, batches):
    return sum(lengths[b].max() * len(b) - lengths[b].sum() for b in batches)


@settings(max_examples=60, deadline=None)
@given(lengths_of, st.integers(4, 20), st.booleans(), st.integers(1, 4), st.integers(1, 5))
def test_batches_partition_the_split_and_ranks_partition_the_batches(lengths, size, shuffle, world, pool):
    epoch = 3
    one = list(LengthGroupedSampler(lengths, size, 7, shuffle=shuffle, pool=pool, world=1).epoch(epoch))
    assert sorted(np.concatenate(one)) == list(range(len(lengths)))
    ranks = [
        LengthGroupedSampler(lengths, size, 7, shuffle=shuffle, pool=pool, rank=r, world=world) for r in range(world)
    ]
    parts = [list(r.epoch(epoch)) for r in ranks]
    assert {len(p) for p in parts} == {len(ranks[0])}
    assert min(len(b) for p in parts for b in p) >= 1
    whole = [np.concatenate(step) for step in zip(*parts, strict=True)]
    assert sorted(np.concatenate(whole)) == list(range(len(lengths)))
    tail = len(lengths) % size
    if tail == 0 or tail >= world:
        assert [sorted(b) for b in whole] == [sorted(b) for b in one]
    assert all(len(b) <= size + world - 1 for b in whole)


@settings(max_examples=60, deadline=None)
@given(lengths_of, st.integers(1, 20), st.integers(0, 9), st.integers(0, 30))
def test_an_epoch_is_a_function_of_seed_number_and_start(lengths, size, epoch, start):
    first = [b.tolist() for b in LengthGroupedSampler(lengths, size, 7).epoch(epoch)]
    again = LengthGroupedSampler(lengths, size, 7)
    list(again.epoch(epoch + 1))  # what was asked before leaves no trace
    assert [b.tolist() for b in again.epoch(epoch, start)] == first[start:]
    assert len(again) == len(first)


def test_epochs_and_seeds_differ():
    lengths = np.arange(200) % 17
    orders = {
        tuple(np.concatenate(list(LengthGroupedSampler(lengths, 8, seed).epoch(n))).tolist())
        for seed, n in [(1, 0), (1, 1), (2, 0)]
    }
    assert len(orders) == 3


def test_grouping_pads_far_less_than_chance():
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 50, 1284)
    grouped = list(LengthGroupedSampler(lengths, 16, 0).epoch(0))
    chance = np.array_split(rng.permutation(1284), len(grouped))
    assert padding(lengths, grouped) < 0.15 * padding(lengths, chance)


def test_shuffled_batches_do_not_come_in_order_of_length():
    lengths = np.arange(400)
    means = [lengths[b].mean() for b in LengthGroupedSampler(lengths, 10, 0, pool=40).epoch(0)]
    assert means != sorted(means)
    assert means != sorted(means, reverse=True)


def test_evaluation_goes_from_the_longest_to_the_shortest():
    batches = list(LengthGroupedSampler(np.array([3, 9, 1, 5, 7]), 2, 0, shuffle=False).epoch(0))
    assert [b.tolist() for b in batches] == [[1, 4], [3, 0], [2]]


def test_a_tail_too_small_for_the_ranks_joins_the_batch_before_it():
    parts = [
        list(LengthGroupedSampler(np.array([5, 4, 3, 2, 1]), 4, 0, shuffle=False, rank=r, world=2).epoch(0))
        for r in (0, 1)
    ]
    assert [[b.tolist() for b in p] for p in parts] == [[[0, 2, 4]], [[1, 3]]]


@pytest.mark.parametrize(("count", "size", "world"), [(0, 4, 1), (1, 4, 2), (10, 2, 3)])
def test_ranks_that_would_go_empty_are_refused(count, size, world):
    with pytest.raises(UserError):
        LengthGroupedSampler(np.ones(count, int), size, 0, world=world)
