"""Mixture of Q-Formers: learned queries read a sequence, a router chooses who reads it (FINE, Eq. 1).

Deviations:
    - place | the paper | here | why, and the alternative
    - Eq. 1 | "details in the supplement" | four experts per modality, each a Q-Former of 8 queries and 2 pre-norm
      layers (self-attention, cross-attention to the sequence in every layer, feed-forward), width 128; sequences are
      projected and get sinusoidal positions | BLIP-2 has cross-attention in every second layer and 32 queries;
      `tokens`, `experts`, `extractor_depth`
    - Eq. 1, input | – | Linear, layer normalisation, then sinusoidal positions | MiniLM's projected states are about a
      third as large as the positions (root mean square 0.26 against 0.71): without the norm training is slower
    - routing | "weighted query results" | the router reads the masked mean of the sequence, two experts read it, their
      shares are renormalised | an expert maps a whole sequence, so it is chosen per sample; `routing: dense` uses all
    - L_aux | load balancing | Switch: E Σ f_e P_e, mean over modalities; with two experts per sample each counts as an
      assignment | with `dense` it is the constant 1
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sentiprism.nn.attention import Attention, TransformerLayer
from sentiprism.nn.blocks import masked_mean
from sentiprism.types import Sequence


class QFormerLayer(nn.Module):
    """Self-attention among the queries, cross-attention to the sequence, feed-forward; pre-norm.

    Args:
        width: D.
        heads: attention heads.
        dropout: everywhere inside.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.among = Attention(width, heads, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.across = TransformerLayer(width, heads, 4 * width, dropout=dropout, cross=True)

    def forward(self, queries: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        """(B, l, D), (B, T, D), (B, T) -> (B, l, D)."""
        normed = self.norm(queries)
        all_real = torch.ones_like(queries[..., 0], dtype=torch.bool)
        queries = queries + self.dropout(self.among(normed, normed, all_real))
        return self.across(queries, all_real, Sequence(source, mask))  # type: ignore[no-any-return]


class QFormer(nn.Module):
    """Learned queries that condense a sequence of any length to l tokens (BLIP-2, Li et al. 2023).

    Args:
        tokens: l.
        depth: layers; each of them looks at the sequence.
        width: D.
        heads: attention heads.
        dropout: in the layers.
    """

    def __init__(self, tokens: int, depth: int, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(tokens, width) * 0.02)
        self.layers = nn.ModuleList(QFormerLayer(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D), (B, T) -> (B, l, D)."""
        queries = self.queries.expand(values.shape[0], -1, -1)
        for layer in self.layers:
            queries = layer(queries, values, mask)
        return self.norm(queries)  # type: ignore[no-any-return]


class Route(NamedTuple):
    """Who reads what; E experts."""

    probability: Tensor
    """(B, E) the router's softmax."""
    weight: Tensor
    """(B, E) shares of the chosen experts, rows sum to 1; 0 where the sequence is missing."""


class MixtureOfQFormers(nn.Module):
    """The router reads the mean of a sequence, the chosen Q-Formers read the sequence; their tokens are mixed.

    An expert maps a whole sequence, so one is chosen a sample, not a step. Only chosen experts run; a traced graph,
    which cannot choose rows by their values, runs all of them and weighs the others by 0.

    Args:
        experts: E.
        chosen: how many read a sequence; E = all of them.
        tokens: l.
        depth: layers of an expert.
        width: D.
        heads: attention heads.
        dropout: in the experts.
    """

    def __init__(
        self, experts: int, chosen: int, tokens: int, depth: int, width: int, heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.chosen, self.tokens = chosen, tokens
        self.router = nn.Linear(width, experts)
        self.experts = nn.ModuleList(QFormer(tokens, depth, width, heads, dropout) for _ in range(experts))

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Route]:
        """(B, T, D), (B, T) -> (B, l, D), which is 0 where the sequence is missing, and the route."""
        route = self.route(values, mask)
        weight = route.weight
        mixed = weight.new_zeros(values.shape[0], self.tokens, values.shape[-1])
        everyone = torch.compiler.is_compiling() or self.chosen == len(self.experts)
        for share, expert in zip(weight.unbind(1), self.experts, strict=True):
            if everyone:
                mixed = mixed + share[:, None, None] * expert(values, mask)
            else:  # without rows too, so that every expert has a gradient
                rows = share.nonzero().squeeze(1)
                read = share[rows, None, None] * expert(values[rows], mask[rows])
                mixed = mixed.index_add(0, rows, read.to(mixed.dtype))
        return mixed, route  # Eq. 1

    def route(self, values: Tensor, mask: Tensor) -> Route:
        """Softmax, the largest of it, and those renormalised: (B, T, D), (B, T) -> (B, E) twice."""
        probability = self.router(masked_mean(values, mask)).softmax(dim=-1)
        taken = torch.zeros_like(probability).scatter(1, probability.topk(self.chosen, dim=-1).indices, 1.0)
        weight = probability * taken
        weight = weight / weight.sum(dim=-1, keepdim=True) * mask.any(dim=1, keepdim=True)
        return Route(probability, weight)
