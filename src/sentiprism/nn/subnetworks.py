"""Networks of one modality as tensor fusion and its successors have them: an utterance becomes a vector."""

from typing import Literal

import torch
from torch import Tensor, nn

from sentiprism.nn.attention import AttentionPool
from sentiprism.nn.blocks import last_step, masked_mean
from sentiprism.types import Sequence

TextPool = Literal["attention", "last"]


class MeanNetwork(nn.Module):
    """The mean over time through layers of ReLU: what TFN and LMF do to audio and vision.

    Args:
        inputs: F.
        width: D.
        dropout: on the mean.
        depth: layers.
    """

    def __init__(self, inputs: int, width: int, dropout: float, depth: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Dropout(dropout)]
        for i in range(depth):
            layers += [nn.Linear(width if i else inputs, width), nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, sequence: Sequence) -> Tensor:
        """(B, T, F) -> (B, D), 0 where the sequence is missing."""
        values = sequence.values.masked_fill(~sequence.mask.unsqueeze(-1), 0.0)
        vector: Tensor = self.layers(masked_mean(values, sequence.mask))
        return vector * sequence.present.unsqueeze(-1)


class RecurrentNetwork(nn.Module):
    """An LSTM, its last state or an attention over all of them, and a linear layer: the text network of TFN and LMF.

    Args:
        inputs: F.
        hidden: states of the LSTM.
        width: D.
        dropout: on the pooled state.
        pool: ``attention`` over the states, or the ``last`` one.
        relu: whether ReLU follows.
    """

    def __init__(
        self, inputs: int, hidden: int, width: int, dropout: float, *, pool: TextPool = "last", relu: bool = False
    ) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(inputs, hidden, batch_first=True)
        self.pool = AttentionPool(hidden) if pool == "attention" else None
        self.out = nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden, width), nn.ReLU() if relu else nn.Identity())

    def forward(self, sequence: Sequence) -> Tensor:
        """(B, T, F) -> (B, D), 0 where the sequence is missing."""
        values, mask = sequence
        states = self.recurrent(values.masked_fill(~mask.unsqueeze(-1), 0.0))[0]
        pooled = last_step(states, mask) if self.pool is None else self.pool(states, mask)[0]
        vector: Tensor = self.out(pooled)
        return vector * sequence.present.unsqueeze(-1)


def with_one(vector: Tensor) -> Tensor:
    """Prepend a 1, so that a product over modalities includes the products over fewer: (B, D) -> (B, 1 + D)."""
    return torch.cat([torch.ones_like(vector[:, :1]), vector], dim=1)
