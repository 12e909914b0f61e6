"""MISA: modality-invariant and -specific representations (Hazarika et al., ACM MM 2020).

Each modality's utterance vector is projected into one subspace that all modalities share and one of its own; the shared
parts are made alike (central moment discrepancy), shared and own parts are kept apart (a soft orthogonality), a decoder
rebuilds the vector from both, and a transformer over the six vectors fuses them.

Deviations:
    - place | the paper | here | why, and the alternative
    - E_c, E_p | encoding functions | one linear layer and a sigmoid | the authors' code; the sigmoid also maps the
      vectors to where the central moment discrepancy is defined
    - D | decoder | one linear layer per modality, on the sum of both parts | the code's
    - L_diff | ‖HᵀH'‖² | the mean of the matrix's squared entries, rows centred and of length 1 | the code's
    - L_sim, L_recon | means over pairs and modalities | the same, over the samples and pairs that are present
    - utterances | states of BERT, or stacked LSTMs | the mean over real tokens, or the last states of two bidirectional
      LSTMs at true lengths | `audio_hidden` and `vision_hidden`: null gives as many states as features, the code's
    - attention | dropout on its weights too | the transformer's `dropout` there as elsewhere | with six vectors a fused
      kernel would not help
    - missing modality | – | its two vectors are masked keys, 0 in the prediction, in no loss
    - UR-FUNNY | each utterance's audio and vision standardised over its own words; utterances whose words, audio and
      vision differ in number dropped | standardised over train; none dropped | `data.normalize: none` leaves
      them unchanged
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models.base import Citation, HeadConfig, Model
from sentiprism.nn.attention import Transformer
from sentiprism.nn.blocks import BiLSTM, masked_mean, mlp
from sentiprism.nn.information import pairs
from sentiprism.nn.objectives.moments import moment_discrepancy
from sentiprism.nn.objectives.orthogonality import difference
from sentiprism.nn.objectives.task import task_loss
from sentiprism.nn.stacked import StackedLinear
from sentiprism.types import Batch, ModelOutput, Sequence


class MISAConfig(HeadConfig):
    """Configuration of `MISA`; the defaults are the authors' code's."""

    LOSSES = {"task": 1.0, "sim": 1.0, "diff": 0.3, "recon": 1.0}
    SMALL = {"width": 16, "heads": 4, "text_hidden": 8, "audio_hidden": 8, "vision_hidden": 8, "hidden": 32, "depth": 1}

    width: int = Field(128, gt=0)
    heads: int = Field(2, gt=0)
    hidden: int = Field(2048, gt=0)
    """Feed-forward width of the transformer."""
    depth: int = Field(1, gt=0)
    text_hidden: int | None = Field(None, gt=0)
    """LSTM states a direction for text that is not contextual; null = as many as it has features."""
    audio_hidden: int | None = Field(None, gt=0)
    vision_hidden: int | None = Field(None, gt=0)
    moments: int = Field(5, gt=0)
    """Highest central moment that ``sim`` compares."""


class StackedLSTM(nn.Module):
    """Two bidirectional LSTMs, a layer norm between them; the last states of both.

    Args:
        inputs: F.
        hidden: H, states a direction.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.width = 4 * hidden
        self.lower, self.norm, self.upper = BiLSTM(inputs, hidden), nn.LayerNorm(2 * hidden), BiLSTM(2 * hidden, hidden)

    def forward(self, sequence: Sequence) -> Tensor:
        """(B, T, F) -> (B, 4H), 0 where the sequence is missing."""
        states, last = self.lower.steps(sequence)
        return torch.cat([last, self.upper(Sequence(self.norm(states), sequence.mask))], dim=1)


class MISA(Model):
    """Projects each modality into a shared and a private subspace."""

    name = "misa"
    citation = Citation(
        "MISA: Modality-Invariant and -Specific Representations for Multimodal Sentiment Analysis",
        "Devamanyu Hazarika, Roger Zimmermann, Soujanya Poria",
        "ACM Multimedia",
        2020,
        "https://github.com/declare-lab/MISA",
    )
    Config = MISAConfig
    config: MISAConfig
    exceptions = {"weights": "the six vectors are concatenated after attention among them"}

    def build(self, config: MISAConfig) -> None:
        """Encoders, both kinds of subspace, decoders, fusion and head."""
        D, M = config.width, len(self.modalities)
        self.recurrent, self.project = nn.ModuleDict(), nn.ModuleDict()
        for m, inputs in self.input_widths.items():
            reader: StackedLSTM | None = None
            if m != "text" or not self.text_encoder.contextual:
                self.recurrent[m] = reader = StackedLSTM(inputs, getattr(config, f"{m}_hidden") or inputs)
            width = inputs if reader is None else reader.width
            self.project[m] = nn.Sequential(nn.Linear(width, D), nn.ReLU(), nn.LayerNorm(D))
        self.share, self.specify = nn.Linear(D, D), StackedLinear(M, D, D)
        self.decode = StackedLinear(M, D, D)
        self.fusion = Transformer(
            config.depth, D, config.heads, config.hidden, dropout=config.dropout, norm="post", activation="relu"
        )
        self.head = mlp(2 * M * D, M * D, self.outputs, config.head_dropout)

    def forward(self, batch: Batch) -> ModelOutput:
        """Project into both kinds of subspace, let the vectors read each other, predict."""
        present = self.present(batch)  # (B, M)
        whole = torch.stack([self.project[m](self._encode(m, batch)) for m in self.modalities])  # u_m: (M, B, D)
        shared, own = self.share(whole).sigmoid(), self.specify(whole).sigmoid()  # h^c_m, h^p_m
        vectors = torch.cat([own, shared]).transpose(0, 1)  # (B, 2M, D)
        fused = self.fusion(vectors, present.repeat(1, 2)).flatten(1)
        prediction = self.to_prediction(self.head(fused))
        losses = {}
        if batch.labels:
            losses = {"task": task_loss(prediction, batch.labels["M"], self.target, self.config.task)}
            losses |= self._subspaces(whole, shared, own, present.T)
        features = {str(m): vector for m, vector in zip(self.modalities, whole, strict=True)}
        features |= {f"shared.{m}": vector for m, vector in zip(self.modalities, shared, strict=True)}
        features |= {f"specific.{m}": vector for m, vector in zip(self.modalities, own, strict=True)}
        return ModelOutput(prediction, losses, {}, {**features, "fused": fused})

    def _encode(self, modality: str, batch: Batch) -> Tensor:
        """(B, F), 0 where the modality is missing."""
        sequence = self.sequence(modality, batch)
        if modality in self.recurrent:
            vector: Tensor = self.recurrent[modality](sequence)
            return vector
        return masked_mean(*sequence)

    def _subspaces(self, whole: Tensor, shared: Tensor, own: Tensor, present: Tensor) -> dict[str, Tensor]:
        """L_sim, L_diff and L_recon, over the samples and pairs of modalities that are there.

        Args:
            whole: (M, B, D) u_m.
            shared: (M, B, D) h^c_m.
            own: (M, B, D) h^p_m.
            present: (M, B) bool.
        """
        left, right = pairs(len(present))
        both = present[left] & present[right]
        alike = moment_discrepancy(shared[left], shared[right], both, self.config.moments)
        apart = difference(own, shared, present).sum() + difference(own[left], own[right], both).sum()
        error = (self.decode(own + shared) - whole).square().mean(dim=-1) * present  # (M, B)
        return {
            "sim": alike.sum() / max(len(left), 1),
            "diff": apart,
            "recon": error.sum() / present.sum().clamp(min=1),
        }
