"""Sequences with learned tokens in front, and attention between such sequences (ALMT, Zhang et al., EMNLP 2023)."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sentiprism.nn.attention import Transformer, prepend
from sentiprism.nn.blocks import TemporalConv, masked_mean
from sentiprism.nn.positions import LearnedPositions
from sentiprism.types import Sequence


class Start(NamedTuple):
    """Initialisation of tokens and positions, and normalisation of the steps."""

    std: float = 1.0
    """Of learned vectors; the papers of this family draw them from N(0, 1)."""
    norm: bool = False
    """Whether a layer norm follows the projection of the steps."""
    placed_tokens: bool = False
    """Whether tokens start at 0 and have separate positions (the codes of ALMT and DPDF-LQ)."""


NORMAL = Start()


class TokenEncoder(nn.Module):
    """Linear, learned tokens in front, learned positions, one pre-norm layer (DPDF-LQ, Eqs. 1, 2 and 27, 28).

    Args:
        inputs: F.
        width: D.
        heads: attention heads.
        hidden: feed-forward width.
        tokens: K learned tokens.
        steps: size of the table of positions; later steps share its last.
        start: initialisation of learned vectors, and whether projected steps are normalised.
        options: of the layer, see `sentiprism.nn.attention.TransformerLayer`.
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        heads: int,
        hidden: int,
        *,
        tokens: int = 8,
        steps: int = 512,
        start: Start = NORMAL,
        **options: Any,
    ) -> None:
        super().__init__()
        self.project: nn.Module = nn.Linear(inputs, width)
        if start.norm:
            self.project = nn.Sequential(self.project, nn.LayerNorm(width))
        self.tokens = nn.Parameter(torch.randn(tokens, width) * (0.0 if start.placed_tokens else start.std))
        self.token_positions = LearnedPositions(tokens, width, start.std) if start.placed_tokens else nn.Identity()
        self.positions = LearnedPositions(steps, width, start.std)
        self.transformer = Transformer(1, width, heads, hidden, final_norm=False, **options)

    def forward(self, sequence: Sequence, whole: bool = True) -> Sequence:
        """(B, T, F) -> (B, K + T, D), or (B, K, D) where only the tokens are wanted; a missing row is all padding."""
        tokens = self.token_positions(self.tokens.unsqueeze(0)).squeeze(0)
        projected = self.project(sequence.values)  # DPDF-LQ, Eqs. 1, 27
        x, mask = prepend(tokens, self.positions(projected), sequence.mask)
        first = None if whole else len(self.tokens)
        hidden = self.transformer(x, mask, first=first)  # DPDF-LQ, Eqs. 2, 3, 28
        real = mask[:, :first] & sequence.present.unsqueeze(1)
        return Sequence(hidden.masked_fill(~real.unsqueeze(-1), 0.0), real)


def token_scales(
    h: Tensor, present: Tensor, positions: LearnedPositions, layers: nn.ModuleList, *, placed: bool
) -> list[Tensor]:
    """Tokens of all modalities, those of the first one at the depth of each layer (DPDF-LQ, Eq. 4; ALMT's scales).

    Args:
        h: (B, M, K, D).
        present: (B, M) bool.
        positions: of the first modality's tokens.
        layers: through which they go.
        placed: whether they have their positions before the layers too (the codes of ALMT and DPDF-LQ).

    Returns:
        (B, M, K, D) before the layers and after each; the first modality is 0 where it is missing.
    """
    x, missing = positions(h[:, 0]), ~present[:, 0, None, None]
    mask = present[:, :1].expand(-1, h.shape[2])
    levels = [x if placed else h[:, 0]]
    for layer in layers:
        x = layer(x, mask)  # DPDF-LQ, Eq. 4
        levels.append(x)
    return [torch.cat([level.masked_fill(missing, 0.0).unsqueeze(1), h[:, 1:]], dim=1) for level in levels]


class TokenCross(nn.Module):
    """Cross-attention of target steps over source steps, an extra token in front of both (DPDF-LQ, Eqs. 21, 25, 30).

    Target steps never see each other: the extra token reads the source only, whatever the target holds. The prediction
    is the mean over the extra token and the target steps that are handed in; with none it is the token alone, the
    papers' ``[0, :]``. So unused rows are not computed, and a row without a target still has a prediction.

    Args:
        depth: layers.
        width: D.
        source: sizes of the tables of positions, one for each source sequence.
        target: the same of the target sequences.
        start: what learned vectors start at. With positions for tokens one token stands in front of both sides, at a
            position of its own in each; otherwise each side has a token.
        options: ``heads``, ``hidden`` and others of `sentiprism.nn.attention.Transformer`.
    """

    def __init__(
        self, depth: int, width: int, *, source: list[int], target: list[int], start: Start = NORMAL, **options: Any
    ) -> None:
        super().__init__()
        std = start.std
        self.source_token = nn.Parameter(torch.randn(1, width) * std)
        self.target_token = nn.Parameter(torch.randn(1, width) * std)
        self.token = nn.Parameter(torch.zeros(1, width)) if start.placed_tokens else None
        self.source_positions = nn.ModuleList(LearnedPositions(steps, width, std) for steps in source)
        self.target_positions = nn.ModuleList(LearnedPositions(steps, width, std) for steps in target)
        self.transformer = Transformer(depth, width, cross=True, final_norm=False, **options)

    def forward(self, source: list[Sequence], target: list[Sequence]) -> Tensor:
        """(B, S, D) and (B, T, D) sequences, at least one in all -> (B, D)."""
        B = (source + target)[0].mask.shape[0]
        token = 0.0 if self.token is None else self.token
        asked, asking = token + self.source_token, token + self.target_token
        keys = _line(asked, self.source_positions, source, B)
        queries, mask = _line(asking, self.target_positions, target, B)  # DPDF-LQ, Eq. 29
        return masked_mean(self.transformer(queries, mask, keys), mask)  # DPDF-LQ, Eqs. 21, 25, 30


def _line(token: Tensor, positions: nn.ModuleList, sequences: list[Sequence], size: int) -> Sequence:
    """The extra token and the sequences one after the other, each with its own positions."""
    values = [table(s.values) for table, s in zip(positions, sequences, strict=True)]
    real = torch.ones(size, 1, dtype=torch.bool, device=token.device)
    return Sequence(
        torch.cat([token.expand(size, -1, -1), *values], dim=1), torch.cat([real, *(s.mask for s in sequences)], dim=1)
    )


class SpatialAttention(nn.Module):
    """Features scaled by a depth-wise separable convolution over time (DPDF-LQ, Eq. 26).

    Args:
        width: F.
        kernel: odd number of steps.
    """

    def __init__(self, width: int, kernel: int = 3) -> None:
        super().__init__()
        self.depthwise = TemporalConv(width, width, kernel, groups=width)
        self.pointwise = nn.Linear(width, width)

    def forward(self, sequence: Sequence) -> Sequence:
        """(B, T, F) -> (B, T, F)."""
        values, mask = sequence
        return Sequence(values * self.pointwise(self.depthwise(values, mask)).sigmoid(), mask)  # DPDF-LQ, Eq. 26
