"""Encoders with adapters, and attention scaled by each modality's sentiment (KuDA, Feng et al., EMNLP 2024)."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from sentiprism.nn.attention import Attention, Transformer, TransformerLayer
from sentiprism.nn.blocks import masked_softmax
from sentiprism.nn.positions import LearnedPositions
from sentiprism.types import Sequence

ScalePlace = Literal["after_norm", "before_norm"]
EPS = 1e-6
"""Of the norms after each of a block's own steps, in KuDA's code."""


class LevelEncoder(nn.Module):
    """A post-norm transformer over a sequence of features that hands out what goes into it and what each layer makes.

    Args:
        inputs: F.
        width: W.
        depth: layers.
        heads: attention heads.
        steps: size of the table of positions; later steps share its last.
        dropout: inside the layers.
    """

    def __init__(self, inputs: int, width: int, depth: int, heads: int, *, steps: int, dropout: float) -> None:
        super().__init__()
        self.project = nn.Linear(inputs, width)
        self.positions = LearnedPositions(steps, width, std=0.02)
        self.layers = nn.ModuleList(
            TransformerLayer(width, heads, width // 2, norm="post", dropout=dropout, attention_dropout=0.0)
            for _ in range(depth)
        )

    def forward(self, sequence: Sequence) -> list[Tensor]:
        """(B, T, F) -> (B, T, W) a level, one more than there are layers."""
        levels = [self.positions(self.project(sequence.values.masked_fill(~sequence.mask.unsqueeze(-1), 0.0)))]
        for layer in self.layers:
            levels.append(layer(levels[-1], sequence.mask))
        return levels


class Adapters(nn.Module):
    """A chain of adapters parallel to an encoder, each reading one more of its levels.

    The first reads the sum of the lowest two levels, or the only one; what it says is added to the next. An adapter is
    a map down, a transformer, a map up and a residual. The last level and the last adapter's output are concatenated.

    Args:
        levels: how many the encoder hands out.
        width: W.
        inner: width inside an adapter.
        depth: transformer layers of an adapter.
        heads: attention heads.
        dropout: inside the layers.
    """

    def __init__(self, levels: int, width: int, inner: int, *, depth: int, heads: int, dropout: float) -> None:
        super().__init__()
        chain = range(max(levels - 2, 1))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in chain)
        self.down = nn.ModuleList(nn.Linear(width, inner) for _ in chain)
        self.up = nn.ModuleList(nn.Linear(inner, width) for _ in chain)
        options: dict[str, Any] = {"norm": "post", "dropout": dropout, "attention_dropout": 0.0}
        self.transformers = nn.ModuleList(Transformer(depth, inner, heads, inner // 2, **options) for _ in chain)
        self.last_norm = nn.LayerNorm(width)

    def forward(self, levels: list[Tensor], mask: Tensor) -> Tensor:
        """(B, T, W) a level, (B, T) -> (B, T, 2W); padding comes out as 0."""
        x, rest = levels[0], iter(levels[1:])
        for norm, down, transformer, up in zip(self.norms, self.down, self.transformers, self.up, strict=True):
            x = norm(x if (level := next(rest, None)) is None else x + level)
            x = x + up(transformer(down(x), mask))
        return torch.cat([self.last_norm(levels[-1]), x], dim=-1).masked_fill(~mask.unsqueeze(-1), 0.0)


class LearnedSteps(nn.Module):
    """K steps in the place of T: learned queries over the real ones.

    Args:
        width: D.
        steps: K.
        heads: attention heads.
        head_width: width of a head.
    """

    def __init__(self, width: int, steps: int, heads: int, head_width: int | None) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(steps, width))
        self.attention = Attention(width, heads, head_width=head_width)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D), (B, T) -> (B, K, D); 0 where there is no real step."""
        steps: Tensor = self.attention(self.queries.expand(values.shape[0], -1, -1), values, mask)
        return steps


class DynamicAttention(nn.Module):
    """One block: the fused steps read each modality, what they read is scaled by its ratio and added, then themselves.

    Args:
        modalities: M.
        width: D.
        heads: attention heads.
        hidden: feed-forward width.
        head_width: width of a head.
        dropout: where modalities are read.
        scale: where the ratio is multiplied on. A layer norm does not know the scale of what it is given, so
            ``before_norm`` (the authors' code) takes no notice of the ratio.
        inner_norm: see `TransformerLayer`.
    """

    def __init__(
        self,
        modalities: int,
        width: int,
        heads: int,
        hidden: int,
        *,
        head_width: int | None,
        dropout: float,
        scale: ScalePlace,
        inner_norm: bool = False,
    ) -> None:
        super().__init__()
        self.before = scale == "before_norm"
        options: dict[str, Any] = {"norm": "post", "head_width": head_width, "attention_dropout": 0.0}
        options["inner_norm"] = inner_norm
        self.readers = nn.ModuleList(
            TransformerLayer(width, heads, hidden, cross=True, dropout=dropout, **options) for _ in range(modalities)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(modalities))
        self.sum_norm, self.norm = nn.LayerNorm(width), nn.LayerNorm(width, eps=EPS)
        self.layer = TransformerLayer(width, heads, hidden, eps=EPS, **options)

    def forward(self, fused: Tensor, steps: Tensor, present: Tensor, ratio: Tensor | None) -> Tensor:
        """Read once more.

        Args:
            fused: (B, K, D).
            steps: (B, M, K, D) of the modalities.
            present: (B, M) bool; what is missing is not read.
            ratio: (B, M), rows sum to 1; None adds what is read as it is.

        Returns:
            (B, K, D).
        """
        read, real = torch.zeros_like(fused), torch.ones_like(fused[..., 0], dtype=torch.bool)
        for i, (reader, norm) in enumerate(zip(self.readers, self.norms, strict=True)):
            there = present[:, i, None].expand(-1, steps.shape[2])
            x = reader(fused, real, Sequence(steps[:, i], there))
            if ratio is not None:
                factor = 1 + ratio[:, i, None, None]
                x = norm(factor * x) if self.before else factor * norm(x)
            read = read + x * present[:, i, None, None]
        fused = self.norm(fused + self.sum_norm(read))
        result: Tensor = self.layer(fused, real)
        return result


def sentiment_ratio(scores: Tensor, reference: Tensor, present: Tensor, sharpness: float) -> Tensor:
    """exp(-k (ŷ_m - ŷ)²), normalised over the modalities that are there.

    Args:
        scores: (B, M, C) unimodal predictions; C = 1 for intensities, probabilities of classes.
        reference: (B, C) the sentiment as a whole.
        present: (B, M) bool.
        sharpness: k.

    Returns:
        (B, M), rows sum to 1.
    """
    return masked_softmax(-sharpness * (scores - reference.unsqueeze(1)).square().sum(dim=-1), present)
