"""Positions against their formulas."""

import pytest
import torch
from torch.testing import assert_close

from sentiprism.nn.positions import LearnedPositions, fairseq_sinusoidal, sinusoidal


@pytest.mark.parametrize("width", [5, 8])
def test_positions_of_any_length_and_width(width):
    table = sinusoidal(7, width)
    assert table.shape == (7, width)
    assert_close(table[0, : (width + 1) // 2], torch.zeros((width + 1) // 2))
    assert_close(table[3, 0], torch.tensor(3.0).sin())


def test_steps_past_the_table_share_its_last_position():
    positions = LearnedPositions(3, 4)
    added = positions(torch.zeros(1, 5, 4))[0]
    assert_close(added[:3], positions.table)
    assert_close(added[4], positions.table[2])


def test_fairseq_counts_from_one_and_gives_padding_no_position():
    x = torch.ones(1, 4, 6)
    x[0, 1, 0] = 0
    table = fairseq_sinusoidal(x)[0]
    assert (table[1] == 0).all()
    rates = torch.tensor([1.0, 10_000**-0.5, 10_000**-1.0])
    for step in (0, 2, 3):  # the steps after the padding keep their numbers
        assert_close(table[step], torch.cat([((step + 1) * rates).sin(), ((step + 1) * rates).cos()]))


def test_fairseq_ends_an_odd_width_in_a_zero():
    table = fairseq_sinusoidal(torch.ones(1, 3, 5))[0]
    assert (table[:, 4] == 0).all()
    assert_close(table[:, :4], fairseq_sinusoidal(torch.ones(1, 3, 4))[0])
