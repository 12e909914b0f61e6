"""ConFEDE: contrastive feature decomposition (Yang et al., ACL 2023).

Each modality's representation is projected to a similarity and a dissimilarity feature; one loss contrasts them within
an utterance and between utterances, one predicts from each feature alone, and the prediction is of all of them. Widths
of the predictions and the pairs are those of the authors' code: between utterances, similarity features of one modality
attract each other where the labels are alike and repel where not; within an utterance, the text's similarity feature
attracts those of audio and vision and repels all dissimilarity features.

Deviations:
    - place | the paper and its code | here | why, and the alternative
    - partners of an utterance | two similar and four dissimilar ones from all of train, by label and cosine, looked up
      again every other epoch | all others in the batch, similar where the rounded labels are equal | no second pass
      over a batch of seven times the size; larger batches have more partners. In the code utterances and partners all
      count in the errors of both losses of predictions
    - pairs within an utterance | the text's similarity feature with those of audio and vision; against all
      dissimilarity features | the same; without text in use, the first modality's
    - training | an encoder for each modality first, then the text's is frozen | all together | one run
    - audio, vision | transformer of width 768 with a learned first token and learned positions from 0, a layer norm,
      and the mean over the token and all steps, padding included | sinusoidal positions, no token, mean over the real
      steps, one width with the features | any length; `depth`, `hidden`. `preset: code` (`encoder: token`) is the
      code's, with which an utterance's prediction depends on the amount of padding; `encoder_width: 768` alone is in
      the paper's experiments
    - predictions | – | layers of 2u, u, u/2 and u/4 (of one feature u/2 and u/4) with GELU, as in the code
    - L_uni | dissimilarity features predict a modality's own label | the same where the dataset has one, else the
      multimodal label | the code does so on MOSI
    - missing modality | – | its features are 0 in the prediction, in no pair and no loss
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from sentiprism.models.base import Citation, HeadConfig, Model
from sentiprism.nn.attention import Transformer, prepend
from sentiprism.nn.blocks import gelu_mlp, masked_mean
from sentiprism.nn.objectives.contrastive import level_count, level_of, pairwise_contrast
from sentiprism.nn.objectives.task import task_loss
from sentiprism.nn.positions import LearnedPositions, sinusoidal
from sentiprism.types import Batch, Modality, ModelOutput

OWN_LABEL: dict[Modality, str] = {"text": "T", "audio": "A", "vision": "V"}


class ConFEDEConfig(HeadConfig):
    """Configuration of `ConFEDE`; loss weights are those of the authors' code."""

    LOSSES = {"task": 1.0, "uni": 0.01, "cl": 0.1}
    PRESETS = {"paper": {}, "code": {"encoder": "token", "encoder_width": 768}}
    SMALL = {"width": 16, "heads": 4, "hidden": 32, "positions": 16, "depth": 1, "encoder_width": 16}

    width: int = Field(384, gt=0)
    """Of a similarity or dissimilarity feature."""
    temperature: float = Field(0.5, gt=0)
    """Of the contrast."""
    encoder: Literal["sinusoidal", "token"] = "sinusoidal"
    """Of audio and vision: sinusoids and a mean over the real steps, or as in the code a learned token, learned
    positions, a norm at the end and a mean over token and steps, padding included."""
    text_pool: Literal["first", "mean"] = "first"
    """How a contextual text encoder becomes a vector: [CLS] or the mean over tokens."""
    encoder_width: int | None = Field(None, gt=0)
    """Of that encoder; null = ``width``."""
    positions: int = Field(512, gt=0)
    """Learned positions of the encoder ``token``; later steps share the last."""
    heads: int = Field(8, gt=0)
    depth: int = Field(2, gt=0)
    """Layers of the transformers of audio and vision."""
    hidden: int = Field(768, gt=0)
    """Of their feed-forward parts."""
    dropout: float = Field(0.2, ge=0, lt=1)


class SequenceEncoder(nn.Module):
    """A transformer over projected steps, and their mean.

    Args:
        inputs: F.
        config: widths and depth.
    """

    def __init__(self, inputs: int, config: ConFEDEConfig) -> None:
        super().__init__()
        c, W = config, config.encoder_width or config.width
        self.project, self.dropout = nn.Linear(inputs, W), nn.Dropout(c.dropout)
        self.layers = Transformer(c.depth, W, c.heads, c.hidden, dropout=c.dropout, attention_dropout=0.0, norm="post")

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """(B, T, F), (B, T) -> (B, D); 0 where there is no step."""
        x = self.project(values.masked_fill(~mask.unsqueeze(-1), 0.0))
        x = self.dropout(x + sinusoidal(x.shape[1], x.shape[2], x.device))
        return masked_mean(self.layers(x, mask), mask)


class TokenSequenceEncoder(SequenceEncoder):
    """As the authors' code has it: a learned token in front, and a mean in which the padding counts.

    Args:
        inputs: F.
        config: widths and depth.
    """

    def __init__(self, inputs: int, config: ConFEDEConfig) -> None:
        super().__init__(inputs, config)
        W = config.encoder_width or config.width
        self.token = nn.Parameter(torch.ones(1, W))
        self.positions, self.norm = LearnedPositions(1 + config.positions, W, std=0.02), nn.LayerNorm(W)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """(B, T, F), (B, T) -> (B, D); 0 where there is no step. How much padding there is matters."""
        x = self.project(values.masked_fill(~mask.unsqueeze(-1), 0.0))
        x, read = prepend(self.token, x, mask)
        x = self.dropout(self.positions(x))
        for layer in self.layers.layers:
            x = layer(x, read)
        mean: Tensor = self.norm(x).mean(dim=1)
        return mean * mask.any(dim=1, keepdim=True)


ENCODERS = {"sinusoidal": SequenceEncoder, "token": TokenSequenceEncoder}


def _projector(inputs: int, width: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(inputs), nn.Linear(inputs, width), nn.Tanh(), nn.Dropout(dropout))


class ConFEDE(Model):
    """Splits each modality into a similarity and a dissimilarity feature by contrast."""

    name = "confede"
    version = 2
    citation = Citation(
        "ConFEDE: Contrastive Feature Decomposition for Multimodal Sentiment Analysis",
        "Jiuding Yang, Yakun Yu, Di Niu, Weidong Guo, Yu Xu",
        "ACL",
        2023,
        "https://github.com/XpastaX/ConFEDE",
    )
    Config = ConFEDEConfig
    config: ConFEDEConfig
    exceptions = {"weights": "features are concatenated", "padding under code": "its means count the padding"}

    def build(self, config: ConFEDEConfig) -> None:
        """Encoders, projections to similarity and dissimilarity, and heads."""
        D, used, lost = config.width, self.modalities, config.head_dropout
        self.encoders = nn.ModuleDict()
        widths: dict[str, int] = dict.fromkeys(used, config.encoder_width or D)
        if "text" in used and self.text_encoder.contextual:
            widths["text"] = self.text_encoder.width
        for m in used:
            if m != "text" or not self.text_encoder.contextual:
                self.encoders[m] = ENCODERS[config.encoder](self.input_widths[m], config)
        self.similar = nn.ModuleDict({m: _projector(widths[m], D, lost) for m in used})
        self.dissimilar = nn.ModuleDict({m: _projector(widths[m], D, lost) for m in used})
        half, quarter = max(D // 2, 1), max(D // 4, 1)
        self.head_dropout = nn.Dropout(lost)
        self.head = gelu_mlp(2 * len(used) * D, 2 * D, D, half, quarter, self.outputs)
        self.own_head = gelu_mlp(D, half, quarter, self.outputs)

    def forward(self, batch: Batch) -> ModelOutput:
        """Decompose, predict; with labels also contrast."""
        present = self.present(batch)  # (B, M)
        vectors = {m: self._encode(m, batch) for m in self.modalities}
        parts = [
            torch.stack([project[m](x) for m, x in vectors.items()], dim=1)
            for project in (self.similar, self.dissimilar)
        ]
        both = torch.stack(parts, dim=1) * present[:, None, :, None]  # (B, 2, M, D): similarity, dissimilarity
        fused = both.flatten(1)
        prediction = self.to_prediction(self.head(self.head_dropout(fused)))
        losses = {}
        if batch.labels:
            losses = {
                "task": task_loss(prediction, batch.labels["M"], self.target, self.config.task),
                "uni": self._unimodal(both, present, batch),
                "cl": self._contrast(both, present, batch.labels["M"]),
            }
        names = [*(f"similar.{m}" for m in self.modalities), *(f"specific.{m}" for m in self.modalities)]
        features = dict(zip(names, both.flatten(1, 2).unbind(1), strict=True))
        return ModelOutput(prediction, losses, {}, {**features, "fused": fused})

    def _encode(self, modality: Modality, batch: Batch) -> Tensor:
        """(B, H); 0 where it is missing."""
        values, mask = self.sequence(modality, batch)
        if modality == "text" and self.text_encoder.contextual:
            return masked_mean(values, mask) if self.config.text_pool == "mean" else values[:, 0]
        encoded: Tensor = self.encoders[modality](values, mask)
        return encoded

    def _unimodal(self, both: Tensor, present: Tensor, batch: Batch) -> Tensor:
        """L_uni: one head for all; similarity features predict y, the others their modality's own label, if any."""
        answers = self.to_prediction(self.own_head(self.head_dropout(both)))  # (B, 2, M, ...)
        label = batch.labels["M"]
        own = torch.stack([batch.labels.get(OWN_LABEL[m], label) for m in self.modalities], dim=1)
        labels = torch.stack([label.unsqueeze(1).expand_as(own), own], dim=1)  # (B, 2, M)
        counted = present.unsqueeze(1).expand_as(labels)
        flat = (answers.flatten(0, 2), labels.flatten())
        return task_loss(*flat, self.target, self.config.task, counted.flatten())

    def _contrast(self, both: Tensor, present: Tensor, label: Tensor) -> Tensor:
        """L_cl of every similarity feature as an anchor, (B M) of them, with all 2 B M features."""
        unit = functional.normalize(both.float(), dim=-1)
        cosine = unit[:, 0].flatten(0, 1) @ unit.flatten(0, 2).T  # (BM, 2BM)
        positive, negative = contrast_pairs(level_of(label, self.target, level_count(self.target)), present)
        return pairwise_contrast(cosine, positive, negative, self.config.temperature)


def contrast_pairs(levels: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Which similarity features attract and repel which features.

    Args:
        levels: (B,) int64, rounded labels.
        present: (B, M) bool; the first modality is the one that the others are drawn to.

    Returns:
        Positive and negative pairs, (B M, B 2 M) bool each: rows by sample and modality, columns by sample, kind
        (similarity, dissimilarity) and modality.
    """
    B, M = present.shape
    device = present.device
    same = torch.eye(B, dtype=torch.bool, device=device)[:, None, None, :, None, None]  # the same sample
    alike = (levels == levels.unsqueeze(1))[:, None, None, :, None, None]
    modality = torch.arange(M, device=device)
    own = (modality.unsqueeze(1) == modality)[None, :, None, None, None, :]  # the same modality
    first = (modality == 0)[None, :, None, None, None, None]  # of the anchor
    similar = torch.tensor([True, False], device=device)[None, None, None, None, :, None]  # of the key
    between = ~same & own & similar
    real = present[:, :, None, None, None, None] & present[None, None, None, :, None, :]
    within = same & first
    positive = (between & alike | within & similar & ~own) & real
    negative = (between & ~alike | within & ~similar) & real
    return positive.reshape(B * M, -1), negative.reshape(B * M, -1)
