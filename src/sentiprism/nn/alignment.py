"""Align sequences of different lengths to common steps, for models that need word-aligned data.

A reading: true alignment needs word times, which unaligned distributions do not have. Each sequence is taken to span
the whole utterance evenly, so that step i of n stands for [i/n, (i+1)/n) of it.
"""

import torch
from torch import Tensor

from sentiprism.types import Sequence


def align(sequences: list[Sequence]) -> list[Sequence]:
    """Bring all sequences to the steps of the first one.

    A row that lacks the first sequence has one step, the mean of what it does have.

    Args:
        sequences: of the same B samples, each (B, T_m, F_m), (B, T_m).

    Returns:
        As many, each (B, T, F_m), (B, T) with T of the first; where a sequence is missing its mask is False.
    """
    first, *others = sequences
    anyone = torch.stack([sequence.present for sequence in sequences]).any(dim=0)
    start = torch.arange(first.mask.shape[1], device=first.mask.device) == 0
    steps = first.mask | (start & (anyone & ~first.present)[:, None])
    kept = Sequence(first.values.masked_fill(~first.mask.unsqueeze(-1), 0.0), first.mask)
    return [kept, *(pool_to_steps(sequence, steps) for sequence in others)]


def pool_to_steps(sequence: Sequence, steps: Tensor) -> Sequence:
    """Average the frames that fall into each step, a frame in two steps by its share in each.

    Lengths that are equal leave the values as they are; a sequence that is shorter than the steps is repeated.

    Args:
        sequence: (B, S, F), (B, S).
        steps: (B, T) bool, the real steps.

    Returns:
        (B, T, F), 0 in the padding, and (B, T): the real steps of the rows that have the sequence.
    """
    values, mask = sequence
    pooled = windows(steps, mask).to(values.dtype) @ values.masked_fill(~mask.unsqueeze(-1), 0.0)
    return Sequence(pooled, steps & sequence.present.unsqueeze(1))


def windows(steps: Tensor, frames: Tensor) -> Tensor:
    """Shares by which a sequence's frames make up each step.

    Args:
        steps: (B, T) bool.
        frames: (B, S) bool.

    Returns:
        (B, T, S), rows of real steps sum to 1; 0 in the padding of both and where there are no frames.
    """
    n, m = steps.sum(dim=1)[:, None, None], frames.sum(dim=1)[:, None, None]
    i, j = steps.cumsum(dim=1).unsqueeze(2) - 1, frames.cumsum(dim=1).unsqueeze(1) - 1  # places among the real ones
    # in units of 1/(n·m) of the utterance a step spans m, a frame n: whole numbers, and equal lengths give exactly 1
    overlap = torch.minimum((i + 1) * m, (j + 1) * n) - torch.maximum(i * m, j * n)
    both = steps.unsqueeze(2) & frames.unsqueeze(1)
    return (overlap.clamp(min=0) * both) / m.clamp(min=1)
