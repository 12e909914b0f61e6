"""The other reference: ridge regression on pooled features, what a model without any layer gets out of them.

A linear map of the mean and the standard deviation over time of each modality's features, which are standardised over
train, with a squared penalty on its weights (Hoerl and Kennard 1970):

    min over w, b of (1/N) Σ_n (y_n - w·x_n - b)² + λ‖w‖²,   w = (XᵀX/N + λI)⁻¹ Xᵀy/N,   b = mean(y)

It is fitted in this closed form, once for each λ of `PENALTIES`, and the valid score chooses among them; the settings
of the optimiser are not used. Classes are fitted as -1 and 1, one against the rest. A missing modality is at the mean
of train in all its features, and a feature of its own says whether it is present. A text encoder that reads token ids
is not trained.

Deviations:
    - place | the method | here | why, and the alternative
    - λ | given | the one of 13 values with the best valid score | `penalty` sets one
    - features | – | mean and standard deviation over the real steps; a text encoder is never tuned | `deviation: false`
      takes the means alone
"""

from collections.abc import Iterable, Iterator
from typing import Any, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from sentiprism.models.base import Citation, Fit, Model, ModelConfig
from sentiprism.models.search_space import among
from sentiprism.nn.blocks import masked_mean
from sentiprism.nn.objectives.task import task_loss
from sentiprism.types import Batch, ModelOutput, Sequence

PENALTIES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""λ that valid chooses from, on standardised features; of equals the strongest. The first is all but a constant."""
CONSTANT = 1e-6
"""Standard deviation, relative to the mean, below which a feature does not vary and is left out."""


class RidgeConfig(ModelConfig):
    """Configuration of `Ridge`."""

    SEARCH = {"deviation": among(True, False)}
    SMALL = {}

    penalty: float | None = Field(None, gt=0)
    """λ; null = the one of `PENALTIES` with the best valid score."""
    deviation: bool = True
    """Whether the standard deviation over time is used beside the mean."""

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, given: Any) -> Any:
        """Runs that were trained by gradient had the penalty as a loss, ``l2``, and a choice of the task's loss."""
        if not isinstance(given, dict):
            return given
        losses = given.get("loss_weights")
        if not isinstance(losses, dict) or "l2" not in losses:
            return given
        found = {name: value for name, value in given.items() if name != "task"}
        found["loss_weights"] = {name: value for name, value in losses.items() if name != "l2"}
        return found | {"penalty": losses["l2"] or None}


class Ridge(Model):
    """Fits one linear layer on pooled, standardised features."""

    name = "ridge"
    version = 2  # fitted in closed form on standardised inputs
    citation = Citation("Reference: ridge regression on pooled features", "sentiprism", "this project", 2026)
    Config = RidgeConfig
    config: RidgeConfig
    closed_form = True
    exceptions = {"weights": "the weights of single features are no weight of a modality"}

    shift: Tensor
    scale: Tensor

    def build(self, config: RidgeConfig) -> None:
        """Buffers that `fit` fills."""
        if "text" in self.modalities:
            self.text_encoder.requires_grad_(False)
        self.widths = [width * (1 + config.deviation) for width in self.input_widths.values()]
        inputs = sum(self.widths) + len(self.widths)
        self.register_buffer("shift", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(inputs))
        self.linear = nn.Linear(inputs, self.outputs)
        nn.init.zeros_(self.linear.bias)

    def train(self, mode: bool = True) -> Self:
        """As any module, but the text encoder never drops anything out."""
        super().train(mode)
        if "text" in self.modalities:
            self.text_encoder.eval()
        return self

    def forward(self, batch: Batch) -> ModelOutput:
        """Pool, standardise and predict; the features of a missing modality are at their mean."""
        pooled, present = self._pooled(batch)
        x = self._standardised(torch.cat([*pooled.values(), present], dim=1), present)
        prediction = self.to_prediction(self.linear(x))
        losses = {"task": task_loss(prediction, batch.labels["M"], self.target)} if batch.labels else {}
        return ModelOutput(prediction, losses, {}, {**pooled, "fused": x})

    @torch.no_grad()
    def fit(self, batches: Iterable[Batch]) -> Iterator[Fit]:
        """Set the weights for one penalty after the other, the strongest first."""
        rows, labels = [], []
        for batch in batches:
            pooled, present = self._pooled(batch)
            rows.append(torch.cat([*pooled.values(), present], dim=1).double().cpu())
            labels.append(batch.labels["M"].cpu())
        X, label = torch.cat(rows), torch.cat(labels)  # (N, D + M), (N,)
        present = X[:, -len(self.widths) :]
        self._standardise(X, present)
        shift, scale = self.shift.double().cpu(), self.scale.double().cpu()
        X = (X - shift) * scale * self._columns(present)
        Y = functional.one_hot(label, self.outputs).double() * 2 - 1 if self.target.classes else label.double()[:, None]
        bias = Y.mean(dim=0)
        gram, moment = X.T @ X / len(X), X.T @ (Y - bias) / len(X)
        for penalty in PENALTIES if self.config.penalty is None else (self.config.penalty,):
            w = torch.linalg.solve(gram + penalty * torch.eye(len(gram), dtype=torch.float64), moment)
            self.linear.weight.copy_(w.T)
            self.linear.bias.copy_(bias)
            loss = task_loss(self.to_prediction(X @ w + bias), label, self.target)
            yield Fit({"penalty": penalty}, {"task": float(loss)})

    def _pooled(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
        """Each modality's features (B, D or 2D), and which of the modalities are there: (B, M) 0 or 1."""
        pooled: dict[str, Tensor] = {}
        for modality in self.modalities:
            sequence: Sequence = getattr(batch, modality)
            if modality == "text":
                with torch.no_grad():
                    sequence = self.sequence(modality, batch)
            pooled[modality] = pool(*sequence, deviation=self.config.deviation)
        return pooled, self.present(batch).to(next(iter(pooled.values())).dtype)

    def _columns(self, present: Tensor) -> Tensor:
        """(B, M) -> (B, inputs): 1 for each feature of a modality that is there, and for what says whether it is."""
        parts = [present[:, [m]].expand(-1, width) for m, width in enumerate(self.widths)]
        return torch.cat([*parts, torch.ones_like(present)], dim=1)

    def _standardised(self, x: Tensor, present: Tensor) -> Tensor:
        return (x - self.shift) * self.scale * self._columns(present)

    def _standardise(self, X: Tensor, present: Tensor) -> None:
        """Mean and deviation of each feature over the utterances that have its modality."""
        counted = self._columns(present)
        count = counted.sum(dim=0).clamp(min=1)
        mean = (X * counted).sum(dim=0) / count
        std = (((X - mean) * counted).square().sum(dim=0) / count).sqrt()
        varies = std > CONSTANT * mean.abs()
        self.shift.copy_(mean)
        self.scale.copy_(torch.where(varies, 1 / std, 0.0))


def pool(values: Tensor, mask: Tensor, *, deviation: bool) -> Tensor:
    """Mean, and the deviation beside it, over the real steps: (B, T, D), (B, T) -> (B, D or 2D); 0 where is none."""
    values = values.masked_fill(~mask.unsqueeze(-1), 0.0)
    mean = masked_mean(values, mask)
    if not deviation:
        return mean
    spread = masked_mean((values - mean.unsqueeze(1)).square(), mask).sqrt()
    return torch.cat([mean, spread], dim=1)
