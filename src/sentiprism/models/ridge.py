"""The other reference: ridge regression on pooled features, what a model without any layer gets out of them.

A linear map of the mean and the deviation over time of each modality's features, with a squared penalty on its weights
(Hoerl and Kennard 1970): min (1/N) Σ (y - w·x - b)² + λ‖w‖². It has a closed form, but is trained by the one loop under
the rules of every other model, with the penalty as the loss ``l2``: the optimiser's own weight decay is to be 0. A text
encoder that reads token ids stays as it is. The penalty treats all features alike, so standardise them
(``data.normalize: train``).
"""

from typing import Self

import torch
from torch import Tensor, nn

from sentiprism.models.base import Citation, Model, ModelConfig
from sentiprism.nn.blocks import masked_mean
from sentiprism.nn.objectives.task import TaskLoss, task_loss
from sentiprism.types import Batch, FeatureSpec, ModelOutput, Sequence, TargetSpec


class RidgeConfig(ModelConfig):
    """Configuration of `Ridge`; ``loss_weights.l2`` is λ."""

    LOSSES = {"task": 1.0, "l2": 0.01}

    task: TaskLoss = "mse"
    """``mse`` is ridge regression; classes have the cross-entropy."""
    deviation: bool = True
    """Whether the deviation over time stands beside the mean."""


class Ridge(Model):
    """One linear layer on pooled features."""

    name = "ridge"
    citation = Citation("Reference: ridge regression on pooled features", "sentiprism", "this project", 2026)
    Config = RidgeConfig
    config: RidgeConfig
    exceptions = {"weights": "the weights of a feature say nothing of a modality as a whole"}

    def __init__(
        self, features: FeatureSpec, target: TargetSpec, config: RidgeConfig, *, pretrained: bool = True
    ) -> None:
        super().__init__(features, target, config, pretrained=pretrained)
        if "text" in self.modalities:
            self.text_encoder.requires_grad_(False)
        self.linear = nn.Linear(sum(self.input_widths.values()) * (1 + config.deviation), self.outputs)
        nn.init.zeros_(self.linear.bias)

    def train(self, mode: bool = True) -> Self:
        """As any module, but the text encoder never drops anything out."""
        super().train(mode)
        if "text" in self.modalities:
            self.text_encoder.eval()
        return self

    def forward(self, batch: Batch) -> ModelOutput:
        """Pool and predict; the features of a missing modality are 0."""
        pooled: dict[str, Tensor] = {}
        for modality in self.modalities:
            sequence: Sequence = getattr(batch, modality)
            if modality == "text":
                with torch.no_grad():
                    sequence = self.text_encoder(sequence)
            pooled[modality] = pool(*sequence, deviation=self.config.deviation)
        x = torch.cat(list(pooled.values()), dim=1)
        prediction = self.to_prediction(self.linear(x))
        losses = {}
        if batch.labels:
            task = task_loss(prediction, batch.labels["M"], self.target, self.config.task)
            losses = {"task": task, "l2": self.linear.weight.square().sum()}
        return ModelOutput(prediction, losses, {}, {**pooled, "fused": x})


def pool(values: Tensor, mask: Tensor, *, deviation: bool) -> Tensor:
    """Mean, and the deviation beside it, over the real steps: (B, T, D), (B, T) -> (B, D or 2D); 0 where is none."""
    values = values.masked_fill(~mask.unsqueeze(-1), 0.0)
    mean = masked_mean(values, mask)
    if not deviation:
        return mean
    spread = masked_mean((values - mean.unsqueeze(1)).square(), mask).sqrt()
    return torch.cat([mean, spread], dim=1)
