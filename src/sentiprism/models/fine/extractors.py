"""Plain extractors: a sequence becomes one token (FINE, Table 6: instead of its Q-Formers).

Deviations:
    - place | the paper | here | why, and the alternative
    - Table 6, extractors | TE, TCN, LSTM, MLPs, none | their steps are pooled by a learned query to one token per
      modality (LSTM: last states) | the paper does not say how their sequences enter the FTRE
"""

from typing import Literal

import torch
from torch import Tensor, nn

from sentiprism.nn.attention import AttentionPool, Transformer
from sentiprism.nn.blocks import BiLSTM, TemporalConv, mlp
from sentiprism.types import Sequence

Plain = Literal["transformer", "tcn", "lstm", "mlp", "none"]


class PlainExtractor(nn.Module):
    """Encode each step, then pool the real ones with a learned query; ``lstm`` takes its last states instead.

    Args:
        kind: what encodes; ``none`` leaves the steps as they are.
        depth: layers of ``transformer`` and ``tcn``.
        width: D.
        heads: attention heads.
        dropout: in the encoder.
    """

    def __init__(self, kind: Plain, depth: int, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.kind = kind
        if kind == "transformer":
            self.transformer = Transformer(depth, width, heads, 4 * width, dropout=dropout)
        elif kind == "tcn":
            self.convolutions = nn.ModuleList(TemporalConv(width, width, 3) for _ in range(depth))
            self.dropout = nn.Dropout(dropout)
        elif kind == "lstm":
            self.recurrent, self.out = BiLSTM(width, width), nn.Linear(2 * width, width)
        elif kind == "mlp":
            self.steps = mlp(width, width, width, dropout)
        if kind != "lstm":
            self.pool = AttentionPool(width)

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, T, D), (B, T) -> (B, 1, D) and the weights over time (B, T), which ``lstm`` does not have."""
        if self.kind == "lstm":
            return self.out(self.recurrent(Sequence(values, mask))).unsqueeze(1), None
        if self.kind == "transformer":
            values = self.transformer(values, mask)
        elif self.kind == "tcn":
            for convolution in self.convolutions:
                values = values + self.dropout(torch.relu(convolution(values, mask)))
        elif self.kind == "mlp":
            values = self.steps(values)
        pooled, weights = self.pool(values, mask)
        return pooled.unsqueeze(1), weights
