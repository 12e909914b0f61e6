"""The reference: a plain head on the text encoder, trained under the rules of every other model.

A better encoder alone passes the numbers that papers published with an older one, so what a system is worth is what it
adds to its encoder.

Deviations:
    None: it is this project's own.
"""

from typing import Literal

from pydantic import Field
from torch import nn

from sentiprism.models.base import Citation, Model, ModelConfig
from sentiprism.nn.blocks import masked_mean
from sentiprism.nn.objectives.task import TaskLoss, task_losses
from sentiprism.types import Batch, FeatureSpec, Modality, ModelOutput, TargetSpec


class TextOnlyConfig(ModelConfig):
    """Configuration of `TextOnly`."""

    SMALL = {}

    modalities: tuple[Modality, ...] = ("text",)
    """Nothing else is read."""
    task: TaskLoss = "l1"
    text_pool: Literal["first", "mean"] = "mean"
    """[CLS] or the mean over tokens; text that is not contextual (GloVe) is always averaged."""
    dropout: float = Field(0.1, ge=0, lt=1)


class TextOnly(Model):
    """Pools the text encoder's states and predicts with one linear layer."""

    name = "text_only"
    citation = Citation("Reference: a linear head on the text encoder", "sentiprism", "this project", 2026)
    Config = TextOnlyConfig
    config: TextOnlyConfig
    exceptions = {"weights": "there is nothing to weight"}

    def __init__(
        self, features: FeatureSpec, target: TargetSpec, config: TextOnlyConfig, *, pretrained: bool = True
    ) -> None:
        config = config.model_copy(update={"modalities": tuple(m for m in config.modalities if m == "text")})
        super().__init__(features, target, config, pretrained=pretrained)
        self.head = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(self.text_encoder.width, self.outputs))

    def forward(self, batch: Batch) -> ModelOutput:
        """Pool, then predict; a sample without text gets the head's bias."""
        values, mask = self.sequence("text", batch)
        first = self.text_encoder.contextual and self.config.text_pool == "first"
        pooled = values[:, 0] if first else masked_mean(values, mask)
        prediction = self.to_prediction(self.head(pooled))
        losses = task_losses(prediction, batch, self.target, self.config.task)
        return ModelOutput(prediction, losses, {}, {"text": pooled, "fused": pooled})
