"""Windows over sequences of other lengths, with numbers computed by hand."""

import torch
from torch.testing import assert_close

from sentiprism.nn.alignment import align, pool_to_steps, windows
from sentiprism.types import Sequence


def real(*lengths: int, steps: int) -> torch.Tensor:
    return torch.arange(steps) < torch.tensor(lengths)[:, None]


def test_twice_as_many_frames_are_averaged_in_pairs():
    frames = Sequence(torch.tensor([[[1.0], [3.0], [5.0], [7.0]]]), real(4, steps=4))
    assert pool_to_steps(frames, real(2, steps=2)).values.tolist() == [[[2.0], [6.0]]]


def test_a_frame_in_two_steps_counts_by_its_share():
    """Three frames on two steps: the middle one is half in each."""
    expected = [[2 / 3, 1 / 3, 0.0], [0.0, 1 / 3, 2 / 3]]
    assert_close(windows(real(2, steps=2), real(3, steps=3))[0], torch.tensor(expected))


def test_fewer_frames_than_steps_are_repeated():
    frames = Sequence(torch.tensor([[[1.0], [2.0]]]), real(2, steps=2))
    assert pool_to_steps(frames, real(4, steps=5)).values.flatten().tolist() == [1.0, 1.0, 2.0, 2.0, 0.0]


def test_equal_lengths_pass_unchanged():
    mask, values = real(7, 3, 1, steps=7), torch.randn(3, 7, 5)
    text, audio = align([Sequence(torch.randn(3, 7, 2), mask), Sequence(values, mask)])
    assert torch.equal(audio.values, values * mask.unsqueeze(-1))
    assert torch.equal(audio.mask, mask)
    assert torch.equal(text.mask, mask)


def test_true_lengths_count_and_padding_is_never_read():
    values, mask = torch.randn(2, 9, 3), real(9, 4, steps=9)
    garbage = values.masked_fill(~mask.unsqueeze(-1), float("nan"))
    steps = real(2, 3, steps=3)
    pooled = pool_to_steps(Sequence(garbage, mask), steps)
    alone = pool_to_steps(Sequence(values[1:, :4], mask[1:, :4]), steps[1:])
    assert_close(pooled.values[1:], alone.values)
    assert_close(pooled.values[1].mean(dim=0), values[1, :4].mean(dim=0))
    assert pooled.values[0, 2].eq(0).all()


def test_a_row_without_the_first_sequence_has_one_step_the_mean():
    text, audio = torch.randn(2, 3, 2), torch.randn(2, 5, 4)
    one, two = align([Sequence(text, real(3, 0, steps=3)), Sequence(audio, real(5, 4, steps=5))])
    assert not one.mask[1].any()
    assert one.values[1].eq(0).all()
    assert two.mask[1].tolist() == [True, False, False]
    assert_close(two.values[1, 0], audio[1, :4].mean(dim=0))


def test_a_missing_sequence_stays_missing():
    _, audio = align(
        [Sequence(torch.randn(2, 3, 2), real(3, 2, steps=3)), Sequence(torch.randn(2, 5, 4), real(5, 0, steps=5))]
    )
    assert audio.mask.any(dim=1).tolist() == [True, False]
    assert audio.values[1].eq(0).all()
