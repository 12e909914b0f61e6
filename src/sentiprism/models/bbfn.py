"""BBFN: bi-bimodal fusion network (Han et al., ICMI 2021).

Two pairs, text with audio and text with vision, go through complementation layers of their own. In each layer either
member attends to the other; a retain gate weights its own state and a compound gate what it reads, and a discriminator
that classifies the two members keeps them distinct. The heads of the four sequences are concatenated for the
prediction. After the released code, modalities are projected by convolutions, the two summaries that a layer's
discriminator classifies also drive its gates, and there are no positions beside the text encoder's. Where the dataset
lacks the text, its first modality is the main one.

Deviations:
    - place | the paper and its code | here | why, and the alternative
    - summaries of a layer | one linear layer on the encoder's summary, from the second layer on a bidirectional GRU and
      its mean | one linear layer on the mean over real steps in every layer | a GRU over hundreds of frames in each
      layer of each pair is slow; `preset: code` (`summary: gru`) has it
    - [CLS], [SEP] | audio and vision get a frame of zeros before and after | they do not | each modality has its own
      length here
    - BERT | the lower nine layers are frozen, the embeddings learn | the embeddings are frozen with the lower layers,
      in the paper's experiments | `text.frozen_layers`
    - encoders of audio and vision | recurrent, or convolutions (default of the code) | convolutions, kernel 3 |
      `kernel`
    - separation | discriminators trained together with the encoders | the same; mean over layers, pairs and the members
      that are present | no gradient reversal: the members are to stay distinct
    - heads | first step of the aligned sequences | first real step of each | lengths differ; `pool: mean` takes the
      mean over real steps
    - attention | dropout on its weights; lengths equal | on what attention gives; each at its own length | fused
      kernels
    - missing modality | – | read by no other, 0 in gates and prediction | one modality alone has no pair
"""

from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from sentiprism.models._projected import ProjectedConfig, ProjectedModel
from sentiprism.models.base import Citation
from sentiprism.nn.attention import Attention
from sentiprism.nn.blocks import BiGRU, masked_mean, mlp
from sentiprism.nn.branches import Higher
from sentiprism.nn.objectives.task import task_loss
from sentiprism.nn.stacked import StackedLinear
from sentiprism.types import Batch, ModelOutput, Sequence


class BBFNConfig(ProjectedConfig):
    """Configuration of `BBFN`; the defaults are the released code's."""

    LOSSES = {"task": 1.0, "sep": 0.1}
    PRESETS = {"paper": {}, "code": {"summary": "gru"}}
    SMALL = {"width": 16, "heads": 4, "depth": 1}

    heads: int = Field(5, gt=0)
    depth: int = Field(5, gt=0)
    """Complementation layers of each pair."""
    pool: Literal["first", "mean"] = "first"
    """Final pooling of a sequence: its head, or the mean over its real steps."""
    summary: Literal["mean", "gru"] = "mean"
    """How a layer above the first sums a sequence up: a linear layer on its mean, or the mean of a GRU (code)."""
    head_dropout: float = Field(0.0, ge=0, lt=1)


class Gated(nn.Module):
    """Complement one member of a pair by the other: gated attention, then a feed-forward part.

    Args:
        width: D.
        heads: attention heads.
        dropout: after attention and inside and after the feed-forward part.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.retain, self.compound = nn.Linear(2 * width, width), nn.Linear(2 * width, width)
        self.norm, self.feed_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.feed, self.dropout = mlp(width, 4 * width, width, dropout), nn.Dropout(dropout)

    def forward(self, x: Sequence, other: Sequence, control: Tensor) -> Sequence:
        """(B, T, D), (B, S, D) and the summaries of both, (B, 2D), -> (B, T, D)."""
        drawn = self.dropout(self.attention(self.norm(x.values), self.norm(other.values), other.mask))
        retain, compound = (gate(control).sigmoid().unsqueeze(1) for gate in (self.retain, self.compound))
        values = retain * x.values + compound * drawn
        values = values + self.dropout(self.feed(self.feed_norm(values)))
        return Sequence(values.masked_fill(~x.mask.unsqueeze(-1), 0.0), x.mask)


class LinearSummary(nn.Module):
    """Summaries of both members: a linear layer of each one's own on its mean over time.

    Args:
        width: D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = StackedLinear(2, width, width)

    def forward(self, main: Sequence, side: Sequence) -> Tensor:
        """(B, T, D), (B, S, D) -> (2, B, D)."""
        result: Tensor = self.layers(torch.stack([masked_mean(*main), masked_mean(*side)]))
        return result


class RecurrentSummary(nn.Module):
    """Summaries of both members: the mean over time and directions of a bidirectional GRU of each one's own.

    Args:
        width: D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.main, self.side = BiGRU(width, width), BiGRU(width, width)

    def forward(self, main: Sequence, side: Sequence) -> Tensor:
        """(B, T, D), (B, S, D) -> (2, B, D)."""
        states = ((self.main.steps(main)[0], main.mask), (self.side.steps(side)[0], side.mask))
        return torch.stack([torch.stack(masked_mean(*one).chunk(2, dim=1)).mean(dim=0) for one in states])


class Complementation(nn.Module):
    """A layer of a pair: two gated members, and the discriminator that tells them apart.

    Args:
        config: widths and dropout.
        first: whether it is the lowest one.
    """

    def __init__(self, config: BBFNConfig, *, first: bool) -> None:
        super().__init__()
        D = config.width
        self.summary = LinearSummary(D) if first or config.summary == "mean" else RecurrentSummary(D)
        self.main, self.side = (Gated(D, config.heads, config.dropout) for _ in range(2))
        self.discriminator = mlp(D, 4 * D, 1, 0.0)

    def forward(self, main: Sequence, side: Sequence) -> tuple[Sequence, Sequence, Tensor]:
        """(B, T, D), (B, S, D) -> the same, and the logits (B, 2) that main and side are the side."""
        real = torch.stack([main.present, side.present])
        summaries = (self.summary(main, side) * real.unsqueeze(-1)).transpose(0, 1)  # (B, 2, D)
        control = summaries.flatten(1)
        logits: Tensor = self.discriminator(summaries).squeeze(-1)
        return self.main(main, side, control), self.side(side, main, control), logits


class Fused(NamedTuple):
    """What the complementation of a pair comes to."""

    main: Sequence
    side: Sequence
    separation: Tensor
    """Binary cross-entropy of the discriminators."""


class Pair(nn.Module):
    """Complementation layers of one pair.

    Args:
        config: depth and widths.
    """

    def __init__(self, config: BBFNConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Complementation(config, first=i == 0) for i in range(config.depth))

    def forward(self, main: Sequence, side: Sequence) -> Fused:
        """(B, T, D), (B, S, D) -> the same, with the mean loss over layers and members that are there."""
        real = torch.stack([main.present, side.present], dim=1)  # (B, 2)
        found = []
        for layer in self.layers:
            main, side, logits = layer(main, side)
            found.append(logits)
        answers = torch.stack(found)  # (layers, B, 2)
        truth = torch.tensor([0.0, 1.0], device=answers.device).expand_as(answers)
        wrong = functional.binary_cross_entropy_with_logits(answers, truth, reduction="none") * real
        separation = wrong.sum() / (real.sum() * len(found)).clamp(min=1)
        return Fused(main, side, separation)


class BBFN(ProjectedModel):
    """Fuses text with audio and text with vision, and keeps them distinct."""

    name = "bbfn"
    version = 2
    citation = Citation(
        "Bi-Bimodal Modality Fusion for Correlation-Controlled Multimodal Sentiment Analysis",
        "Wei Han, Hui Chen, Alexander Gelbukh, Amir Zadeh, Louis-Philippe Morency, Soujanya Poria",
        "ICMI",
        2021,
        "https://github.com/declare-lab/multimodal-deep-learning",
    )
    Config = BBFNConfig
    config: BBFNConfig
    exceptions = {"weights": "the gates weight channels of a sequence and of what it reads, not modalities"}

    def build_fusion(self, config: BBFNConfig) -> None:
        """Pairs that draw on each other, and the heads."""
        self.pairs = nn.ModuleDict({m: Pair(config) for m in self.modalities[1:]})
        joined = config.width * (2 * len(self.pairs) or 1)
        self.higher, self.head = Higher(joined, config.head_dropout), nn.Linear(joined, self.outputs)

    def forward(self, batch: Batch) -> ModelOutput:
        """Project, complement the pairs, join their heads, predict."""
        low = self.projected(batch)
        main = low[self.modalities[0]]
        fused: dict[str, Fused] = {m: self.pairs[m](main, low[m]) for m in self.modalities[1:]}
        sequences = [sequence for pair in fused.values() for sequence in (pair.main, pair.side)] or [main]
        joined = self.higher(torch.cat([self._head(sequence) for sequence in sequences], dim=1))
        prediction = self.to_prediction(self.head(joined))
        losses = {}
        if batch.labels:
            apart = [pair.separation for pair in fused.values()] or [prediction.new_zeros(())]
            losses = {
                "task": task_loss(prediction, batch.labels["M"], self.target, self.config.task),
                "sep": torch.stack(apart).mean(),
            }
        features: dict[str, Tensor] = {str(m): masked_mean(*sequence) for m, sequence in low.items()}
        return ModelOutput(prediction, losses, {}, {**features, "fused": joined})

    def _head(self, x: Sequence) -> Tensor:
        return masked_mean(*x) if self.config.pool == "mean" else x.values[:, 0]
