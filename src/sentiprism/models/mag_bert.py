"""MAG-BERT: a multimodal adaptation gate inside a pretrained text encoder (Rahman et al., ACL 2020).

Before the encoder's first layer every token's embedding is shifted by its audio and vision: each modality's features,
gated by the token and themselves, add up to a displacement whose length is bounded by the token's own. The rest is the
encoder and a linear layer. Features instead of tokens are shifted themselves; where they are not contextual, a
bidirectional LSTM reads the result.

Deviations:
    - place | the paper | here | why, and the alternative
    - alignment | by word | audio and vision averaged over windows in proportion to the tokens, [CLS] and [SEP] included
      | unaligned data has no word times; where lengths are equal (aligned data) nothing changes
    - place of the gate | before layer j | on the embeddings, before the first layer | the authors' code
    - [CLS] | pooled by BERT's pooler | last hidden state without pooler | as elsewhere here; `text_pool: mean` takes
      the mean over tokens
    - α | β ‖z‖ / ‖h‖, at most 1 | ‖h‖ at least 1e-6 | the code adds 1e-6 to it and takes 1 where it is 0
    - bias of the displacement | b_H | those of each modality's linear map, so that a missing one adds nothing | the
      code's
    - stored features | – | the gate shifts the features; those that are not contextual then go through a bidirectional
      LSTM (`text_hidden`) | with a frozen encoder the gate comes after it, not inside
    - no text in a sample | – | one padding token, or a learned vector, is shifted by the mean of the other modalities
    - no text in the dataset | – | the first modality is shifted by the other
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models.base import Citation, HeadConfig, Model
from sentiprism.nn.alignment import align
from sentiprism.nn.blocks import BiLSTM, masked_mean
from sentiprism.nn.objectives.task import task_losses
from sentiprism.nn.text import TextEncoder
from sentiprism.types import Batch, ModelOutput, Sequence


class MAGBERTConfig(HeadConfig):
    """Configuration of `MAGBERT`; the defaults are the released code's."""

    SMALL = {"text_hidden": 8}

    beta: float = Field(1.0, gt=0)
    """β, by which the token's length bounds the displacement's."""
    text_pool: Literal["first", "mean"] = "first"
    """How contextual states become a vector: [CLS] or the mean over tokens."""
    text_hidden: int = Field(64, gt=0)
    """BiLSTM states a direction over features that are not contextual."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """On the shifted embeddings."""
    head_dropout: float = Field(0.1, ge=0, lt=1)


class AdaptationGate(nn.Module):
    """Shift vectors by those of other modalities at the same step.

    Args:
        width: D of the vectors that are shifted.
        sides: widths of the other modalities.
        beta: bound of the displacement's length, in lengths of the vector.
        dropout: on the result.
    """

    def __init__(self, width: int, sides: list[int], beta: float, dropout: float) -> None:
        super().__init__()
        self.beta = beta
        self.gates = nn.ModuleList(nn.Linear(width + side, width) for side in sides)
        self.shifts = nn.ModuleList(nn.Linear(side, width) for side in sides)
        self.norm, self.dropout = nn.LayerNorm(width), nn.Dropout(dropout)

    def forward(self, z: Tensor, sides: list[Sequence]) -> Tensor:
        """(B, T, D), (B, T, F_m) -> (B, T, D)."""
        moved: Tensor = self.dropout(self.norm(z + self.displacement(z, sides)))
        return moved

    def displacement(self, z: Tensor, sides: list[Sequence]) -> Tensor:
        """α H: (B, T, D), its length at most β of z's; what is missing adds nothing."""
        shift = torch.zeros_like(z)  # H
        for gate, to, (values, mask) in zip(self.gates, self.shifts, sides, strict=True):
            opened = gate(torch.cat([z, values], dim=-1)).relu()  # g_m
            shift = shift + (opened * to(values)).masked_fill(~mask.unsqueeze(-1), 0.0)
        length = torch.linalg.vector_norm(shift, dim=-1, keepdim=True).clamp(min=1e-6)
        alpha: Tensor = (self.beta * torch.linalg.vector_norm(z, dim=-1, keepdim=True) / length).clamp(max=1)
        return alpha * shift


class MAGBERT(Model):
    """Shifts the tokens of a text encoder by audio and vision."""

    name = "mag_bert"
    citation = Citation(
        "Integrating Multimodal Information in Large Pretrained Transformers",
        "Wasifur Rahman, Md Kamrul Hasan, Sangwu Lee, AmirAli Bagher Zadeh, Chengfeng Mao, Louis-Philippe Morency, "
        "Ehsan Hoque",
        "ACL",
        2020,
        "https://github.com/WasifurRahman/BERT_multimodal_transformer",
    )
    Config = MAGBERTConfig
    config: MAGBERTConfig
    exceptions = {"weights": "gates shift each token's channels; no modality has a share of the prediction"}

    def build(self, config: MAGBERTConfig) -> None:
        """The gate and the head."""
        main, *sides = (getattr(self.features, m) for m in self.modalities)
        if "text" not in self.modalities:
            self.text_encoder = TextEncoder(main)  # features of any modality pass through it
        width = self.text_encoder.width
        if sides:
            self.gate = AdaptationGate(width, [side.width for side in sides], config.beta, config.dropout)
        if main.kind == "features":
            self.stand_in = nn.Parameter(torch.randn(width))
        if not self.text_encoder.contextual:
            self.recurrent = BiLSTM(width, config.text_hidden)
            width = self.recurrent.width
        self.head = nn.Sequential(nn.Dropout(config.head_dropout), nn.Linear(width, self.outputs))

    def forward(self, batch: Batch) -> ModelOutput:
        """Align, shift and encode, predict."""
        main, *others = (getattr(batch, m) for m in self.modalities)
        clock = Sequence(main.mask.unsqueeze(-1).to(torch.float), main.mask)
        sides = align([clock, *others])[1:]
        steps = torch.stack([main.mask, *(side.mask for side in sides)]).any(dim=0)
        adapt = (lambda embedded: self.gate(embedded, sides)) if sides else None
        hidden = self.text_encoder(Sequence(self._fill(main), steps), adapt, batch.context)
        fused = self._pool(hidden)
        prediction = self.to_prediction(self.head(fused))
        losses = task_losses(prediction, batch, self.target, self.config.task)
        return ModelOutput(prediction, losses, {}, {"fused": fused})

    def _fill(self, main: Sequence) -> Tensor:
        """Other modalities at the text's steps, with a placeholder for missing ones."""
        values, mask = main
        if hasattr(self, "stand_in"):
            return torch.where(mask.unsqueeze(-1), values, self.stand_in)
        return values.masked_fill(~mask, self.text_encoder.padding)

    def _pool(self, hidden: Sequence) -> Tensor:
        """(B, T, D) -> (B, D)."""
        if not self.text_encoder.contextual:
            vector: Tensor = self.recurrent(hidden)
            return vector
        return masked_mean(*hidden) if self.config.text_pool == "mean" else hidden.values[:, 0]
