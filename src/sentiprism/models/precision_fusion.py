"""Precision fusion: a product of Gaussian experts that count as far as they predict utterances they have not seen.

A prior N(μ_0, 1/λ_0) is what is known of the label without any input. Each modality has an expert of its own: a mean
m, and an evidence e ≥ 0, by which the label's variance is smaller than the prior's once the modality is known. The
posteriors of the experts are multiplied, and the prior, which each of them holds, is divided out again (Hinton 2002;
Cao and Fleet 2014); relative to λ_0,

    p(y | m) = N(μ_0 + a (m - μ_0), 1 / (λ_0 (1 + e)))
    ŷ        = μ_0 + Σ_m τ_m (1 + e_m) a_m (m - μ_0) / (1 + Σ_m τ_m e_m)

so a missing modality has e = 0 and m = μ_0, and one without information learns e = 0 and a gain a = 0: it adds nothing.

The reliability of an expert cannot be measured on utterances it has memorised. Every expert is therefore made
of ``folds`` copies, each of which does not learn the means of one part of train; gain and evidence are learned there,
by the Gaussian negative log-likelihood (Nix and Weigend 1994), and so is the temperature τ_m ≥ 0 of experts that err
alike. An expert that is alone has τ_m = 1. The copies' mean predicts.

Deviations:
    - place | the method | here | why, and the alternative
    - product of experts | likelihoods multiplied, each to its own power (Hinton 2002; Cao and Fleet 2014) | posteriors
      multiplied, the prior counted once; the power is learned, and is 1 for a single expert | with text alone the
      prediction is then exactly the text expert's
    - experts | learn by the likelihood of the product | each learns its mean by its own error; the product's loss
      trains the powers and the prior | no expert depends on another one
    - precision | learned on the data that the means are learned from | three copies of each expert; gain and evidence
      of each are learned on the third of train whose labels its mean does not learn | in-sample precision takes noise
      for evidence; `folds: 1` does so
    - classes | – | a logit has a mean, all logits of an expert one precision; the likelihood is a cross-entropy of
      logits times the precision
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from sentiprism.models.base import Citation, Model, ModelConfig
from sentiprism.models.search_space import among, between
from sentiprism.nn.attention import AttentionPool
from sentiprism.nn.blocks import masked_mean
from sentiprism.nn.objectives.task import TaskLoss, task_loss
from sentiprism.nn.subnetworks import RecurrentNetwork
from sentiprism.types import Batch, ModelOutput, Sequence

Pool = Literal["statistics", "attention"]
VARIANCE = 1e-6
"""Added to a variance over time: the root has no gradient at 0."""
MOST = 100.0
"""The largest evidence: a standard deviation of a tenth of the prior's."""
TRUST = "trust"
"""Parameter group of prior, gains, evidence and temperatures: few numbers that have far to go on little data."""
TINY = 1e-12
"""Keeps shares of no evidence at 0."""
ONE = 0.5413
"""The softplus of it is 1."""
LITTLE = -2.25
"""The softplus of it is 0.1: an expert begins with little evidence."""
BLOCK = 32
"""Neighbours in train that belong to one fold: most are of one video, and a video should not be in several folds."""


class PrecisionFusionConfig(ModelConfig):
    """Configuration of `PrecisionFusion`."""

    LOSSES = {"task": 1.0, "unimodal": 1.0, "nll": 1.0}
    SEARCH = {"width": among(16, 32, 64), "pool": among("statistics", "attention"), "input_dropout": between(0.0, 0.5)}
    SMALL = {"width": 8, "text_hidden": 8, "folds": 1}

    task: TaskLoss = "l1"
    """Of the prediction and of each expert's mean."""
    folds: int = Field(3, ge=1)
    """Copies of each expert; 1 = gain and evidence are learned from the utterances that the means are learned from."""
    width: int = Field(32, gt=0)
    """Units of each expert: the bottleneck between its pooled features and what it gives."""
    pool: Pool = "statistics"
    """Over time: mean and standard deviation of audio and vision, or attention."""
    text_hidden: int | None = Field(128, gt=0)
    """States of the LSTM with attention that reads the text; null = the text is pooled as audio and vision are."""
    heteroscedastic: bool = True
    """Whether evidence differs between utterances; false = one number per modality."""
    dropout: float = Field(0.3, ge=0, lt=1)
    """On an expert's units."""
    input_dropout: float = Field(0.3, ge=0, lt=1)
    """On pooled features."""


class Copy(nn.Module):
    """One copy of an expert: mean and evidence of one modality.

    Args:
        inputs: F.
        outputs: numbers the mean has.
        config: widths, pooling and dropout.
        text: whether it reads the text.
    """

    def __init__(self, inputs: int, outputs: int, config: PrecisionFusionConfig, *, text: bool) -> None:
        super().__init__()
        width = config.width
        self.recurrent: RecurrentNetwork | None = None
        self.attention: AttentionPool | None = None
        self.bottleneck: nn.Sequential | None = None
        if text and config.text_hidden is not None:
            hidden = config.text_hidden
            self.recurrent = RecurrentNetwork(inputs, hidden, width, config.dropout, pool="attention", relu=True)
        else:
            self.attention = AttentionPool(inputs) if config.pool == "attention" else None
            pooled = nn.Linear(inputs if self.attention else 2 * inputs, width)
            self.bottleneck = nn.Sequential(nn.Dropout(config.input_dropout), pooled, nn.ReLU())
        self.dropout = nn.Dropout(config.dropout)
        self.mean = nn.Linear(width, outputs)
        self.evidence = nn.Linear(width if config.heteroscedastic else 1, 1)
        nn.init.constant_(self.evidence.bias, LITTLE)

    def forward(self, sequence: Sequence) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, F) -> units (B, D), mean (B, outputs), evidence (B, 1); 0 where missing, but the mean."""
        present = sequence.present.unsqueeze(-1)
        units = self._read(sequence) * present
        told = units.detach() if self.evidence.in_features > 1 else torch.zeros_like(units[:, :1])
        evidence = functional.softplus(self.evidence(told)).clamp(max=MOST) * present
        return units, self.mean(self.dropout(units)), evidence

    def _read(self, sequence: Sequence) -> Tensor:
        if self.recurrent is not None:
            return self.recurrent(sequence)  # type: ignore[no-any-return]
        assert self.bottleneck is not None  # noqa: S101 - for mypy
        values, mask = sequence
        pooled = statistics(values, mask) if self.attention is None else self.attention(values, mask)[0]
        return self.bottleneck(pooled)  # type: ignore[no-any-return]


class PrecisionFusion(Model):
    """Multiplies one Gaussian expert per modality with a prior."""

    name = "precision_fusion"
    citation = Citation("Reference: a product of Gaussian experts with a prior", "sentiprism", "this project", 2026)
    Config = PrecisionFusionConfig
    config: PrecisionFusionConfig
    rates = {TRUST: 1e-2}

    def build(self, config: PrecisionFusionConfig) -> None:
        """Experts, prior and gains."""
        self.experts = nn.ModuleDict()
        for m in self.modalities:
            copies = [Copy(self.input_widths[m], self.outputs, config, text=m == "text") for _ in range(config.folds)]
            self.experts[m] = nn.ModuleList(copies)
        std = (self.target.high - self.target.low) / 4 if self.target.kind == "intensity" else 1.0
        self.prior_mean = nn.Parameter(torch.zeros(self.outputs))
        self.prior_logvar = nn.Parameter(torch.full((1,), std).square().log())
        self.gain = nn.Parameter(torch.full((len(self.modalities),), ONE))
        self.temperature = nn.Parameter(torch.full((len(self.modalities),), ONE))
        self.block = 1

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """Those of every model, and `TRUST`."""
        groups = super().param_groups()
        names = ("prior_mean", "prior_logvar", "gain", "temperature")
        trust = [p for name, p in self.named_parameters() if name in names or ".evidence." in name]
        apart = {id(p) for p in trust}
        groups["default"] = [p for p in groups["default"] if id(p) not in apart]
        return {**groups, TRUST: trust}

    def create_memory(self, rows: int) -> None:
        """Keep nothing; folds of a small train split have smaller blocks, so that every copy learns."""
        self.block = max(1, min(BLOCK, rows // self.config.folds))

    def forward(self, batch: Batch) -> ModelOutput:
        """Ask each expert, then multiply what they say with the prior."""
        units, means, evidence = self._ask(batch)  # (B, D) a modality, (B, M, K, outputs), (B, M, K)
        trusted = self._trusted(batch).to(evidence.dtype)  # (B, K), rows sum to 1
        mean = (means.detach() * trusted[:, None, :, None]).sum(dim=2) - self.prior_mean  # m - μ_0: (B, M, outputs)
        e = (evidence * trusted[:, None]).sum(dim=2)  # (B, M)
        present = self.present(batch)
        moved = functional.softplus(self.gain)[:, None] * mean  # a (m - μ_0)
        alone = present.sum(dim=1, keepdim=True) < 2
        counted = present * torch.where(alone, 1.0, functional.softplus(self.temperature))  # τ_m
        shares = counted * e.detach()
        pulled = ((counted * (1 + e.detach())).unsqueeze(-1) * moved.detach()).sum(dim=1)
        prediction = self.to_prediction(self.prior_mean + pulled / (1 + shares.sum(dim=1, keepdim=True)))
        losses = {}
        if batch.labels:
            label = batch.labels["M"]
            losses = {
                "task": task_loss(prediction, label, self.target, self.config.task),
                "unimodal": self._unimodal(means, trusted, present, label),
                "nll": self._nll(moved, e, present, label),
            }
        every = torch.cat([shares, torch.ones_like(shares[:, :1])], dim=1)
        weights = {
            "modality": self.spread(shares / shares.sum(dim=1, keepdim=True).clamp(min=TINY)),
            "expert": every / every.sum(dim=1, keepdim=True),
        }
        return ModelOutput(prediction, losses, weights, {**units, "fused": torch.cat([*units.values()], dim=1)})

    def _ask(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Units, means and evidence of all copies of all experts."""
        units: dict[str, Tensor] = {}
        means, evidence = [], []
        for m, copies in self.experts.items():
            sequence = self.sequence(m, batch)
            found = [copy(sequence) for copy in copies.children()]
            units[m] = torch.stack([one[0] for one in found]).mean(dim=0)
            means.append(torch.stack([one[1] for one in found], dim=1))
            evidence.append(torch.cat([one[2] for one in found], dim=1))
        return units, torch.stack(means, dim=1), torch.stack(evidence, dim=1)

    def _trusted(self, batch: Batch) -> Tensor:
        """(B, K) share of each copy in the prediction: in training that of the one that doesn't learn the utterance."""
        K = self.config.folds
        if not self.training or K == 1:
            return torch.full((batch.index.shape[0], K), 1 / K, device=batch.index.device)
        fold = batch.index // self.block % K
        return fold[:, None] == torch.arange(K, device=fold.device)

    def _unimodal(self, means: Tensor, trusted: Tensor, present: Tensor, label: Tensor) -> Tensor:
        """Error of the experts' means, on the utterances that their copies learn."""
        learns = torch.ones_like(trusted) if not self.training or self.config.folds == 1 else 1 - trusted
        losses = []
        for m in range(len(self.modalities)):
            for k in range(self.config.folds):
                given = self.to_prediction(means[:, m, k])
                counted = learns[:, k] * present[:, m]
                losses.append(task_loss(given, label, self.target, self.config.task, counted))
        return torch.stack(losses).sum() / self.config.folds

    def _nll(self, moved: Tensor, evidence: Tensor, present: Tensor, label: Tensor) -> Tensor:
        """Negative log-likelihood of the experts' posteriors and of the prior."""
        prior, logvar = self.prior_mean.expand(len(label), -1), self.prior_logvar.expand(len(label))
        losses = [self._surprise(prior, logvar, label, torch.ones_like(logvar))]
        for m, there in enumerate(present.unbind(1)):
            posterior = prior.detach() + moved[:, m]
            narrowed = logvar.detach() - torch.log1p(evidence[:, m])
            losses.append(self._surprise(posterior, narrowed, label, there.to(logvar.dtype)))
        return torch.stack(losses).sum()

    def _surprise(self, mean: Tensor, logvar: Tensor, label: Tensor, counted: Tensor) -> Tensor:
        """(B, outputs), (B,) -> mean over the counted; of classes a cross-entropy of logits over the variance."""
        if self.target.kind == "classes":
            return task_loss(mean * (-logvar).exp().unsqueeze(-1), label, self.target, counted=counted)
        nll = ((label - mean.squeeze(-1)).square() * (-logvar).exp() + logvar) / 2
        return (nll * counted).sum() / counted.sum().clamp(min=1)


def statistics(values: Tensor, mask: Tensor) -> Tensor:
    """Mean and standard deviation over the real steps: (B, T, F), (B, T) -> (B, 2F); 0 where there is none."""
    values = values.masked_fill(~mask.unsqueeze(-1), 0.0)
    mean = masked_mean(values, mask)
    std = (masked_mean((values - mean.unsqueeze(1)).square(), mask) + VARIANCE).sqrt()
    return torch.cat([mean, std * mask.any(dim=1, keepdim=True)], dim=1)
