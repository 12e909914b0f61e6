"""Several small networks of one shape in one batched call: one a modality, or one a pair of modalities."""

import torch
from torch import Tensor, nn


class StackedLinear(nn.Module):
    """K linear layers side by side, initialised as `torch.nn.Linear` is.

    Args:
        count: K.
        inputs: F.
        outputs: D.
        bias: whether they have one.
    """

    def __init__(self, count: int, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__()
        bound = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(count, inputs, outputs).uniform_(-bound, bound))
        # one axis, as the biases of other layers have: weight decay passes it over
        self.bias = nn.Parameter(torch.empty(count * outputs).uniform_(-bound, bound)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(K, ..., F) -> (K, ..., D)."""
        flat = x.flatten(1, -2)  # (K, N, F)
        result = flat @ self.weight
        if self.bias is not None:
            result = result + self.bias.view(len(self.weight), 1, -1)
        return result.view(*x.shape[:-1], -1)


def stacked_mlp(count: int, inputs: int, hidden: int, outputs: int, dropout: float) -> nn.Sequential:
    """K times linear, ReLU, dropout, linear: (K, ..., inputs) -> (K, ..., outputs)."""
    return nn.Sequential(
        StackedLinear(count, inputs, hidden), nn.ReLU(), nn.Dropout(dropout), StackedLinear(count, hidden, outputs)
    )
