"""Positions of the steps of a sequence: sinusoids or learned vectors."""

from math import log
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

PositionForm = Literal["sinusoidal", "fairseq"]


def sinusoidal(steps: int, width: int, device: torch.device | None = None) -> Tensor:
    """Positions of Vaswani et al. 2017, Section 3.5, sines first, for any number of steps: (T, D)."""
    half = (width + 1) // 2
    rates = torch.exp(torch.arange(half, device=device) * (-log(10_000) / max(half - 1, 1)))
    angles = torch.arange(steps, device=device).unsqueeze(1) * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :width]


def fairseq_sinusoidal(x: Tensor) -> Tensor:
    """Sinusoids as the code of MulT has them, after fairseq, and with it those of DLF, DMD and TETFN.

    The count begins at 1. A step whose first channel is exactly 0 counts as padding and gets zeros, while the steps
    after it keep their numbers. An odd width ends in a 0.

    Args:
        x: (B, T, D) the steps.

    Returns:
        (B, T, D) what is added to them.
    """
    T, D = x.shape[1:]
    half = D // 2
    rates = torch.exp(torch.arange(half, device=x.device) * (-log(10_000) / max(half - 1, 1)))
    angles = (torch.arange(T, device=x.device) + 1).unsqueeze(1) * rates
    table = functional.pad(torch.cat([angles.sin(), angles.cos()], dim=1), (0, D % 2))
    return table * (x[..., :1] != 0)


class LearnedPositions(nn.Module):
    """Learned vectors added by position; steps past the table share its last.

    Args:
        steps: size of the table.
        width: D.
        std: of the initial values; papers of this family draw them from N(0, 1).
    """

    def __init__(self, steps: int, width: int, std: float = 1.0) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(steps, width) * std)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        steps = torch.arange(x.shape[1], device=x.device).clamp(max=len(self.table) - 1)
        return x + self.table[steps]
