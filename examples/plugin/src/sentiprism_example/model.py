"""A model of its own: the mean over time of each modality, weighted by learned shares, into one linear layer.

Deviations:
    It is of no paper: this shows where a model says what it does differently. `sentiprism models mean_pool` prints it.

    - place | the paper | here | why
    - pooling | – | mean over the real steps | an utterance has one prediction, in any batch
"""

from pydantic import Field
from torch import nn, stack

from sentiprism.models.base import Citation, Model, ModelConfig
from sentiprism.nn.blocks import masked_mean
from sentiprism.nn.objectives.task import task_loss
from sentiprism.types import Batch, ModelOutput


class MeanPoolConfig(ModelConfig):
    """Configuration of `MeanPool`."""

    SMALL = {"width": 8}

    width: int = Field(32, gt=0)
    """D of each modality's vector."""


class MeanPool(Model):
    """Project, average over time, weigh the modalities, predict."""

    name = "mean_pool"
    citation = Citation("Example: weighted means of the modalities", "sentiprism", "example", 2026)
    Config = MeanPoolConfig
    config: MeanPoolConfig

    def build(self, config: MeanPoolConfig) -> None:
        """A projection and a score for each modality, and the head."""
        self.project = nn.ModuleDict({m: nn.Linear(width, config.width) for m, width in self.input_widths.items()})
        self.score = nn.ModuleDict({m: nn.Linear(config.width, 1) for m in self.modalities})
        self.head = nn.Sequential(nn.Linear(config.width, 4 * config.width), nn.ReLU())
        self.out = nn.Linear(4 * config.width, self.outputs)

    def forward(self, batch: Batch) -> ModelOutput:
        """Predict a batch; a missing modality has the weight 0."""
        vectors, scores = [], []
        for modality in self.modalities:
            values, mask = self.sequence(modality, batch)
            pooled = masked_mean(self.project[modality](values), mask).tanh()  # (B, D)
            vectors.append(pooled)
            scores.append(self.score[modality](pooled).squeeze(-1))
        present = self.present(batch)  # (B, M)
        known = present | ~present.any(dim=1, keepdim=True)  # where nothing is there, all count alike
        weights = stack(scores, dim=1).masked_fill(~known, float("-inf")).softmax(dim=1)  # (B, M)
        fused = (weights.unsqueeze(-1) * stack(vectors, dim=1)).sum(dim=1)  # (B, D)
        prediction = self.to_prediction(self.out(self.head(fused)))
        losses = {"task": task_loss(prediction, batch.labels["M"], self.target)} if batch.labels else {}
        return ModelOutput(prediction, losses, {"modality": self.spread(weights)}, {"fused": fused})
