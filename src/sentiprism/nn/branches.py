"""Transformer stacks with positions, pooling, and branches by which one sequence draws on another."""

from typing import Any

from torch import Tensor, nn

from sentiprism.nn.attention import AttentionPool, Transformer
from sentiprism.nn.blocks import last_step, mlp
from sentiprism.nn.positions import PositionForm, fairseq_sinusoidal, sinusoidal
from sentiprism.types import Sequence


class Stack(nn.Module):
    """Positions, dropout and transformer layers, over one sequence or of one over another.

    Args:
        width: D.
        heads: attention heads.
        depth: layers.
        dropout: on the input, and in the layers.
        position_form: of the positions, which are added to √D times the steps; None = there are none.
        options: see `sentiprism.nn.attention.TransformerLayer`.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        depth: int,
        *,
        dropout: float,
        position_form: PositionForm | None = "sinusoidal",
        **options: Any,
    ) -> None:
        super().__init__()
        self.dropout, self.position_form = nn.Dropout(dropout), position_form
        # after attention, as DLF's Eq. 11 has it, not on its weights, which would exclude the fused kernels
        fixed: dict[str, Any] = {"dropout": dropout, "attention_dropout": 0.0, "activation": "relu"}
        self.layers = Transformer(depth, width, heads, 4 * width, **fixed, **options)

    def forward(self, x: Sequence, source: Sequence | None = None) -> Sequence:
        """(B, T, D), (B, S, D) -> (B, T, D); without a source it looks at itself."""
        looked_at = None if source is None else Sequence(self._place(source.values), source.mask)
        return Sequence(self.layers(self._place(x.values), x.mask, looked_at), x.mask)

    def _place(self, x: Tensor) -> Tensor:
        T, D = x.shape[1:]
        scaled = x * D**0.5
        if self.position_form == "sinusoidal":
            scaled = scaled + sinusoidal(T, D, x.device)
        elif self.position_form == "fairseq":
            scaled = scaled + fairseq_sinusoidal(x)
        placed: Tensor = self.dropout(scaled)
        return placed


class Pool(nn.Module):
    """A vector from a sequence.

    Args:
        width: D.
        last: take the last real step instead of masked attention.
    """

    def __init__(self, width: int, *, last: bool) -> None:
        super().__init__()
        self.attention = None if last else AttentionPool(width)

    def forward(self, x: Sequence) -> tuple[Tensor, Tensor | None]:
        """(B, T, D) -> (B, D), and the weights (B, T) if made by attention; 0 without real steps."""
        if self.attention is None:
            return last_step(*x), None
        vector, weights = self.attention(*x)
        return vector, weights


class Branch(nn.Module):
    """Cross-attention of a query to a source, followed by self-attention over the result.

    Args:
        attend: how it looks.
        memory: the self-attention over the result; None = no self-attention.
        pool: how that becomes a vector.
    """

    def __init__(self, attend: Stack, memory: Stack | None, pool: Pool) -> None:
        super().__init__()
        self.attend, self.memory, self.pool = attend, memory, pool

    def forward(self, query: Sequence, source: Sequence | None = None) -> Tensor:
        """(B, T, D), (B, S, D) -> (B, D); without a source it looks at itself."""
        drawn = self.attend(query, source)
        if self.memory is not None:
            drawn = self.memory(drawn)
        vector: Tensor = self.pool(drawn)[0]
        return vector


class Higher(nn.Module):
    """Two linear layers with a residual.

    Args:
        width: D.
        dropout: between them.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = mlp(width, width, width, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        result: Tensor = x + self.layers(x)
        return result
