"""Masked attention and the transformer layers of every paper, on the fused kernels."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypedDict, Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sentiprism.nn.blocks import masked_softmax
from sentiprism.types import Sequence

Norm = Literal["pre", "post"]
Activation = Literal["relu", "gelu"]
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU}


class Attention(nn.Module):
    """Multi-head scaled dot-product attention of a query over the real steps of a source (Vaswani et al. 2017).

    A query whose source has no real step gets 0.

    Args:
        width: D of the query and of the result.
        heads: how many.
        head_width: width of a head; None splits ``width`` evenly.
        source_width: D of the source; None = ``width``.
        dropout: on the attention weights.
        causal: a query step sees no later source step; where the lengths differ, as many more as they differ by
            (fairseq's offset, taken of true lengths).
        bias: of the projections to queries, keys and values.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        head_width: int | None = None,
        source_width: int | None = None,
        dropout: float = 0.0,
        causal: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if head_width is None and width % heads:
            raise ValueError(f"{heads} heads do not divide a width of {width}")
        inner = heads * (head_width or width // heads)
        self.heads, self.dropout, self.causal = heads, dropout, causal
        self.query = nn.Linear(width, inner, bias=bias)
        self.key = nn.Linear(source_width or width, inner, bias=bias)
        self.value = nn.Linear(source_width or width, inner, bias=bias)
        self.out = nn.Linear(inner, width)
        self.seen: list[Tensor] | None = None
        """Where `attention_maps` collects."""

    def forward(
        self,
        query: Tensor,
        source: Tensor,
        mask: Tensor,
        query_mask: Tensor | None = None,
        content: Tensor | None = None,
    ) -> Tensor:
        """Attend.

        Args:
            query: (B, Tq, D).
            source: (B, Tk, D').
            mask: (B, Tk) bool.
            query_mask: (B, Tq) bool; only causal attention asks for it.
            content: (B, Tk, D') that values are made from; None = ``source``.

        Returns:
            (B, Tq, D).
        """
        present = mask.any(dim=1)[:, None, None]
        allowed = self._allowed(query.shape[1], mask, query_mask)
        q, k, v = (  # DPDF-LQ, Eqs. 6 to 9
            projection(values).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, H, T, inner / H)
            for projection, values in (
                (self.query, query),
                (self.key, source),
                (self.value, source if content is None else content),
            )
        )
        if self.seen is not None:
            self.seen.append(masked_softmax(q @ k.transpose(-1, -2) / k.shape[-1] ** 0.5, allowed) * present[..., None])
        dropout = self.dropout if self.training else 0.0
        # DLF, Eq. 10; DPDF-LQ, Eqs. 10, 11
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=allowed, dropout_p=dropout)
        result: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return result.masked_fill(~present, 0.0)

    def _allowed(self, queries: int, mask: Tensor, query_mask: Tensor | None) -> Tensor:
        """(B, 1, 1 or Tq, Tk); a row without a real step may look anywhere, for softmax over nothing is NaN."""
        allowed = (mask | ~mask.any(dim=1, keepdim=True))[:, None, None]
        if not self.causal:
            return allowed
        ahead = torch.zeros_like(mask[:, 0], dtype=torch.long)  # (B,)
        if query_mask is not None:
            ahead = (mask.sum(dim=1) - query_mask.sum(dim=1)).abs()
        keys, steps = (torch.arange(n, device=mask.device) for n in (mask.shape[1], queries))
        return allowed & (keys <= (steps + ahead[:, None])[..., None]).unsqueeze(1)


@contextmanager
def attention_maps(model: nn.Module) -> Iterator[dict[str, list[Tensor]]]:
    """Collect the weights of every `Attention` inside ``model``: by module name, one (B, H, Tq, Tk) per call."""
    layers = {name: module for name, module in model.named_modules() if isinstance(module, Attention)}
    for layer in layers.values():
        layer.seen = []
    try:
        yield {name: layer.seen for name, layer in layers.items() if layer.seen is not None}
    finally:
        for layer in layers.values():
            layer.seen = None


class LayerOptions(TypedDict, total=False):
    """Options of a `TransformerLayer`.

    Args:
        dropout: after attention and inside and after the feed-forward part.
        attention_dropout: on the attention weights; None = ``dropout``.
        head_width: see `Attention`.
        norm: ``pre`` normalises the inputs, ``post`` the sums (Vaswani et al. 2017).
        activation: of the feed-forward part.
        causal: see `Attention`.
        cross: the source is another sequence, with a separate norm if ``norm`` is ``pre``.
        inner_norm: one more layer norm inside the feed-forward part, in front of its first linear layer.
        eps: of the other layer norms.
        separate: layer norms of their own for query, key and value, and no bias in their projections, as in the codes
            of ALMT, TMT and DPDF-LQ; only where ``norm`` is ``pre``.
    """

    dropout: float
    attention_dropout: float | None
    head_width: int | None
    norm: Norm
    activation: Activation
    causal: bool
    cross: bool
    inner_norm: bool
    eps: float
    separate: bool


class TransformerLayer(nn.Module):
    """Attention and a feed-forward part, each with a residual and a layer norm.

    Args:
        width: D.
        heads: attention heads.
        hidden: width inside the feed-forward part.
        options: see `LayerOptions`.
    """

    def __init__(self, width: int, heads: int, hidden: int, **options: Unpack[LayerOptions]) -> None:
        super().__init__()
        self.pre = options.get("norm", "pre") == "pre"
        dropout, eps, separate = options.get("dropout", 0.0), options.get("eps", 1e-5), options.get("separate", False)
        lost = options.get("attention_dropout")
        self.attention = Attention(
            width,
            heads,
            head_width=options.get("head_width"),
            dropout=dropout if lost is None else lost,
            causal=options.get("causal", False),
            bias=not separate,
        )
        self.norm = nn.LayerNorm(width, eps=eps)
        other = options.get("cross", False) or separate
        self.source_norm = nn.LayerNorm(width, eps=eps) if other and self.pre else None
        self.value_norm = nn.LayerNorm(width, eps=eps) if separate else None
        self.feed_norm = nn.LayerNorm(width, eps=eps)
        self.feed_inner_norm = nn.LayerNorm(width) if options.get("inner_norm") else nn.Identity()
        self.feed = nn.Sequential(
            nn.Linear(width, hidden),
            ACTIVATIONS[options.get("activation", "gelu")](),
            nn.Dropout(dropout),
            nn.Linear(hidden, width),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor, source: Sequence | None = None, first: int | None = None) -> Tensor:
        """Transform (B, T, D).

        Args:
            x: (B, T, D).
            mask: (B, T) bool.
            source: (B, S, D) that is looked at; None = ``x`` itself.
            first: how many steps from the front come out, (B, first, D), all of them still seen; None = T.

        Raises:
            ValueError: ``first`` of a causal layer, whose offset it would shift.
        """
        if first is not None and self.attention.causal:
            raise ValueError("a causal layer gives all steps")
        query = self.norm(x) if self.pre else x
        seen, real = (x, mask) if source is None else source
        content = None if self.value_norm is None else self.value_norm(seen)
        if self.source_norm is not None:
            seen = self.source_norm(seen)
        elif source is None:
            seen = query
        x, query = x[:, :first], query[:, :first]
        x = x + self.dropout(self.attention(query, seen, real, None if source is None else mask, content))
        if self.pre:
            return x + self.dropout(self.feed(self.feed_inner_norm(self.feed_norm(x))))  # type: ignore[no-any-return]
        x = self.norm(x)  # DLF, Eq. 11: both lines
        return self.feed_norm(x + self.dropout(self.feed(self.feed_inner_norm(x))))  # type: ignore[no-any-return]


class Transformer(nn.Module):
    """A stack of layers over one sequence, or of one sequence over another.

    Args:
        depth: layers; with 0 the sequence passes.
        width: D.
        heads: attention heads.
        hidden: feed-forward width.
        final_norm: a layer norm at the end; None = where ``norm`` is ``pre``.
        options: see `LayerOptions`.
    """

    def __init__(
        self,
        depth: int,
        width: int,
        heads: int,
        hidden: int,
        *,
        final_norm: bool | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TransformerLayer(width, heads, hidden, **options) for _ in range(depth))
        wanted = options.get("norm", "pre") == "pre" if final_norm is None else final_norm
        self.norm = nn.LayerNorm(width) if wanted and depth else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor, source: Sequence | None = None, first: int | None = None) -> Tensor:
        """Transform a sequence; padding comes out as 0.

        Args:
            x: (B, T, D).
            mask: (B, T) bool.
            source: (B, S, D) that every layer looks at; None = self-attention.
            first: how many steps from the front are wanted: the last layer computes no others.
        """
        for i, layer in enumerate(self.layers):
            x = layer(x, mask, source, first if i + 1 == len(self.layers) else None)
        result: Tensor = self.norm(x[:, :first])
        return result.masked_fill(~mask[:, :first].unsqueeze(-1), 0.0)


class AttentionPool(nn.Module):
    """One learned query over the real steps, which replaces flattening of a padded sequence.

    Args:
        width: D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, 1)

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D), (B, T) -> (B, D) and the weights (B, T); both are 0 without real steps."""
        weights = masked_softmax(self.score(values).squeeze(-1), mask) * mask
        return (weights.unsqueeze(-1) * values.masked_fill(~mask.unsqueeze(-1), 0.0)).sum(dim=1), weights


def prepend(tokens: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Put (K, D) learned tokens in front of every row: (B, K + T, D) and its mask; the tokens are always real."""
    B = values.shape[0]  # len() would fix the batch size of an exported graph
    real = torch.ones(B, len(tokens), dtype=torch.bool, device=mask.device)
    return torch.cat([tokens.expand(B, -1, -1), values], dim=1), torch.cat([real, mask], dim=1)
