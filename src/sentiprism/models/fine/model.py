"""FINE: factorised fusion by mutual information estimation (Liu and Wang, AAAI 2026).

A mixture of Q-Formers turns each sequence into tokens, which are factorised into what modalities share and what each
has alone, relevant to the task, by bounds of mutual information. ``cl``, ``up`` and the terms of L_MI are built only
where their weight is not 0; one that is not built is given as 0.

Deviations:
    - place | the paper | here | why, and the alternative
    - fusion | a transformer, "the [CLS] token of each modality" | 48 tokens and one learned [CLS] per modality, an
      embedding for each modality and kind; 2 layers, 8 heads; the last head is an MLP over the concatenated [CLS]
    - L_UP | of each modality's [CLS] | of the mean of each modality's own tokens, by a linear head each; mean squared
      error, mean over modalities, of y | its [CLS] has read all modalities in the fusion, so that it is not unimodal
      (`unimodal: cls` takes it); `unimodal_labels` takes a modality's own label where there is one (CH-SIMS)
    - Table 6, MISA | "MISA" | one shared and three private encoders with sigmoid; CMD of five moments as `sha`, the
      difference loss as `uni` | the weights are FINE's, not MISA's
    - Table 6, rows | "when we isolate only shared or only unique branches" | terms of L_MI are removed as the rows name
      them, both branches stay
    - training | – | AdamW, 2e-5 for BERT and 1e-4 for the rest, norm clipped at 1, 30 epochs | values of the field
      (ConFEDE, DMD)
    - classes (UR-FUNNY) | mean squared error everywhere | cross-entropy; the label encoders read one-hot classes
    - missing modality | – | its tokens and [CLS] are masked, its [CLS] is 0 in the head; not in pairs, L_UP, L_recon or
      balance | a sample without any modality is not queued
"""

from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from sentiprism.models.base import Citation, Model, NetworkConfig
from sentiprism.models.fine.extractors import Plain, PlainExtractor
from sentiprism.models.fine.qformer import MixtureOfQFormers, Route
from sentiprism.models.search_space import among
from sentiprism.nn.attention import Transformer
from sentiprism.nn.blocks import mlp
from sentiprism.nn.factorize import Factorizer, Factors, Split
from sentiprism.nn.information import InformationTerms, misa_distances
from sentiprism.nn.objectives.balance import load_balance
from sentiprism.nn.objectives.contrastive import ContrastForm, DynamicContrastiveQueue
from sentiprism.nn.objectives.task import task_loss
from sentiprism.nn.positions import sinusoidal
from sentiprism.nn.stacked import StackedLinear
from sentiprism.types import Batch, ModelOutput


class FINEConfig(NetworkConfig):
    """Configuration of `FINE`; the paper gives no setting, so the defaults are readings."""

    LOSSES = {  # Eq. 14
        "task": 1.0,  # L_MP
        "up": 0.1,
        "cl": 0.1,
        "aux": 0.01,
        "sha": 0.1,  # Eq. 12: from here on the terms of L_MI, each with its share of β_mi
        "uni": 0.1,
        "recon": 0.1,
        "str": 0.1,
        "utr": 0.1,
        "critic": 1.0,
    }
    SEARCH = {"width": among(64, 128), "loss_weights.critic": None}
    SMALL = {"width": 16, "heads": 4, "experts": 3, "critic_width": 32, "extractor_depth": 1, "fusion_depth": 1}

    """The critics estimate the terms of L_MI; their loss is not an objective of the model."""

    width: int = Field(128, gt=0)
    """d'."""
    heads: int = Field(4, gt=0)
    """Of the Q-Formers."""
    fusion_heads: int = Field(8, gt=0)
    unimodal: Literal["tokens", "cls"] = "tokens"
    """What L_UP predicts from: the mean of a modality's own tokens, or its [CLS], which has read all modalities."""
    unimodal_labels: bool = False
    """L_UP takes a modality's own label (T, A, V) where the dataset has one, and not y."""
    extractor: Literal["moq"] | Plain = "moq"
    """Mixture of Q-Formers, or what Table 6 replaces it by: one pooled token per modality."""
    routing: Literal["top2", "dense"] = "top2"
    """How many experts read a sequence: two, or all."""
    experts: int = Field(4, ge=2)
    tokens: int = Field(8, gt=0)
    """l, the tokens of a Q-Former."""
    extractor_depth: int = Field(2, gt=0)
    """Layers of the extractors."""
    fusion_depth: int = Field(2, gt=0)
    factorize: Split | Literal["none"] = "ftre"
    """``misa``: MISA's split, with its central moment discrepancy as ``sha`` and its difference loss as ``uni``.
    ``none``: what is extracted is fused."""
    critic_width: int = Field(512, gt=0)
    label_width: int = Field(64, gt=0)
    """d_s and d_u."""
    learn_shared_label: bool = False
    """Whether Y^str learns, by the bound on I_str that is minimised; otherwise it is fixed at its random start."""
    club_warmup: int = Field(0, ge=0)
    """Epochs in which ``uni`` and ``str`` are 0 while their critics learn."""
    club_clamp: bool = False
    """Take an upper bound below 0, which is none, for 0."""
    contrast: ContrastForm = "accon"
    """Form of L_CL."""
    queue: int = Field(64, ge=0)
    """Entries of a sub-queue; 0 contrasts the batch alone."""
    queue_classes: int | None = Field(None, ge=2)
    """Sub-queues of an intensity; null = one a unit of the range, at least 5."""
    temperature: float = Field(0.1, gt=0)

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % self.heads or self.width % self.fusion_heads:
            raise ValueError(f"{self.heads} and {self.fusion_heads} heads must divide a width of {self.width}")
        return self


class FINE(Model):
    """Q-Formers extract, mutual information factorises, a transformer fuses, a queue contrasts."""

    name = "fine"
    citation = Citation(
        "FINE: Factorized Multimodal Sentiment Analysis via Mutual Information Estimation",
        "Yadong Liu, Shangfei Wang",
        "AAAI",
        2026,
    )
    Config = FINEConfig
    config: FINEConfig
    rates = {"critics": 1e-3}
    """Higher than the model's, so that the critics keep up with the representations."""
    exceptions = {"weights": "the head reads the [CLS] of all modalities: nothing weights one against another"}

    def build(self, config: FINEConfig) -> None:
        """Extractors, factorisation, fusion, heads, queue and critics."""
        width, count = config.width, len(self.modalities)
        self.projections, self.extractors = nn.ModuleDict(), nn.ModuleDict()
        for modality in self.modalities:
            # normalised, so that what was said weighs as much as where: MiniLM's states are a third of the positions
            projection = nn.Linear(self.input_widths[modality], width)
            self.projections[modality] = nn.Sequential(projection, nn.LayerNorm(width))
            self.extractors[modality] = self._extractor()
        self.factorizer = None
        if config.factorize != "none":
            decoder = self._on("recon")
            self.factorizer = Factorizer(count, width, config.dropout, split=config.factorize, decoder=decoder)
        branches = 1 if self.factorizer is None else 2
        self.cls = nn.Parameter(torch.randn(count, width) * 0.02)
        self.types = nn.Parameter(torch.randn(branches, count, width) * 0.02)
        self.fusion = Transformer(config.fusion_depth, width, config.fusion_heads, 4 * width, dropout=config.dropout)
        self.head = mlp(count * width, width, self.outputs, config.dropout)
        self.unimodal_heads = StackedLinear(count, width, self.outputs) if self._on("up") else None
        self.project, self.contrast = None, None
        if self._on("cl"):
            self.project = nn.Linear(count * width, width)
            self.contrast = DynamicContrastiveQueue(
                self.target,
                width,
                config.queue,
                form=config.contrast,
                temperature=config.temperature,
                classes=config.queue_classes,
            )
        self.information = None
        if config.factorize == "ftre":
            self.information = InformationTerms(
                count,
                width,
                self.outputs,
                {name for name in config.LOSSES if self._on(name)},
                critic_width=config.critic_width,
                label_width=config.label_width,
                clamp=config.club_clamp,
                learn_shared_label=config.learn_shared_label,
            )
        self.epoch = 0

    def _extractor(self) -> nn.Module:
        c = self.config
        if c.extractor != "moq":
            return PlainExtractor(c.extractor, c.extractor_depth, c.width, c.heads, c.dropout)
        chosen = 2 if c.routing == "top2" else c.experts
        return MixtureOfQFormers(c.experts, chosen, c.tokens, c.extractor_depth, c.width, c.heads, c.dropout)

    def _on(self, loss: str) -> bool:
        return self.config.loss_weights[loss] != 0

    def forward(self, batch: Batch) -> ModelOutput:
        """Eqs. 1 to 14; ``weights`` hold each modality's experts, or the weights over time of pooled steps."""
        present = self.present(batch)  # (B, M)
        tokens: list[Tensor] = []
        routes: list[Route] = []
        weights: dict[str, Tensor] = {}
        for modality in self.modalities:
            extracted, found = self._extract(modality, batch)
            tokens.append(extracted)
            if isinstance(found, Route):
                routes.append(found)
            elif found is not None:
                weights[f"time.{modality}"] = found
        x = torch.stack(tokens)  # (M, B, l, D)
        features = dict(zip(self.modalities, x.mean(dim=2), strict=True))
        factors: Factors | None = None
        branches = x.unsqueeze(0)
        if self.factorizer is not None:
            factors = self.factorizer(x)  # Eqs. 6, 9
            branches = torch.stack([factors.shared_task, factors.unique_task])
            for modality, shared, unique in zip(self.modalities, *factors.pooled()[2:], strict=True):
                features[f"shared.{modality}"], features[f"specific.{modality}"] = shared, unique
        read = self._fuse(branches, present)  # (B, M, D)
        features["fused"] = read.flatten(1)
        if self.project is not None:
            features["contrast"] = functional.normalize(self.project(features["fused"]), dim=1)
        prediction = self.to_prediction(self.head(features["fused"]))
        if routes:
            experts = torch.stack([route.weight for route in routes], dim=1)  # (B, M, E)
            shares = [self.spread(share) for share in experts.unbind(2)]
            weights["expert"] = torch.stack(shares, dim=2).flatten(1)  # (B, 3E)
        own = read if self.config.unimodal == "cls" else branches.mean(dim=(0, 3)).transpose(0, 1)  # (B, M, D)
        losses = self._losses(prediction, features, own, present, batch) if batch.labels else {}
        if batch.labels and routes and self._on("aux"):
            balance = [load_balance(*route, here) for route, here in zip(routes, present.T, strict=True)]
            losses["aux"] = torch.stack(balance).mean()
        if batch.labels and factors is not None:
            losses |= self._factor_losses(x, factors, present.T, batch.labels["M"])
        return ModelOutput(prediction, losses, weights, features)

    def _extract(self, modality: str, batch: Batch) -> tuple[Tensor, Route | Tensor | None]:
        """Eq. 1: (B, l, D) tokens and the route, or (B, T) weights over time."""
        values, mask = self.sequence(modality, batch)
        projected = self.projections[modality](values.masked_fill(~mask.unsqueeze(-1), 0.0))
        positions = sinusoidal(values.shape[1], self.config.width, values.device)
        return self.extractors[modality](projected + positions, mask)  # type: ignore[no-any-return] # Eq. 1

    def _fuse(self, branches: Tensor, present: Tensor) -> Tensor:
        """(P, M, B, l, D) tokens of P kinds -> (B, M, D), each modality's [CLS] after it has looked at all of them."""
        size, count = present.shape
        typed = branches + self.types[:, :, None, None]
        sequence = typed.permute(2, 1, 0, 3, 4)  # (B, M, P, l, D)
        per = sequence.shape[2] * sequence.shape[3]
        values = torch.cat([self.cls.expand(size, -1, -1), sequence.flatten(1, 3)], dim=1)
        mask = torch.cat([present, present.unsqueeze(2).expand(-1, -1, per).flatten(1)], dim=1)
        read: Tensor = self.fusion(values, mask, first=count)
        return read

    def _losses(
        self, prediction: Tensor, features: dict[str, Tensor], unimodal: Tensor, present: Tensor, batch: Batch
    ) -> dict[str, Tensor]:
        """L_MP, L_UP and L_CL; every other loss of Eq. 14 as 0."""
        label, kind = batch.labels["M"], self.config.task
        losses = dict.fromkeys(self.config.LOSSES, prediction.new_zeros(()))
        losses["task"] = task_loss(prediction, label, self.target, kind)
        if self.unimodal_heads is not None:
            own = []
            heads = self.to_prediction(self.unimodal_heads(unimodal.transpose(0, 1)))
            for modality, head, here in zip(self.modalities, heads, present.T, strict=True):
                name = modality[0].upper() if self.config.unimodal_labels else "M"
                own.append(task_loss(head, batch.labels.get(name, label), self.target, kind, here))
            losses["up"] = torch.stack(own).mean()
        if self.contrast is not None:
            losses["cl"] = self.contrast(features["contrast"], label, present.any(dim=1))  # Eq. 13
        return losses

    def _factor_losses(self, x: Tensor, factors: Factors, present: Tensor, label: Tensor) -> dict[str, Tensor]:
        """L_MI (Eq. 12) term by term and the critics' own loss: (M, B, l, D), factors of it, (M, B), (B,)."""
        assert self.factorizer is not None  # noqa: S101 - it made the factors
        means, losses = factors.pooled(), {}
        if self.factorizer.decoder is not None:
            losses["recon"] = self.factorizer.reconstruction(x, factors, present)
        if self.information is None:
            return losses | misa_distances(means, present)
        ready = self.epoch >= self.config.club_warmup
        vector = self._label_vector(label, x.dtype)
        terms: dict[str, Tensor] = self.information(means, present, vector, ready=ready)  # Eqs. 7, 8, 10, 11
        return losses | terms  # Eq. 12

    def _label_vector(self, label: Tensor, dtype: torch.dtype) -> Tensor:
        """(B,) -> (B, 1) intensities, or (B, C) one-hot classes."""
        if self.target.kind == "classes":
            return functional.one_hot(label, self.outputs).to(dtype)
        return label.unsqueeze(1).to(dtype)

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """``text_encoder``, ``default`` and ``critics``, which is there, and empty, without critics too."""
        critics = [] if self.information is None else list(self.information.critics.parameters())
        theirs = {id(p) for p in critics}
        groups = {k: [p for p in group if id(p) not in theirs] for k, group in super().param_groups().items()}
        return groups | {"critics": critics}

    def set_epoch(self, epoch: int) -> None:
        """The warm-up of the upper bounds counts epochs."""
        self.epoch = epoch

    def after_step(self, batch: Batch, output: ModelOutput) -> None:
        """Queue the batch's representations; of several processes, the first one's queue is everybody's."""
        if self.contrast is not None and self.config.queue and batch.labels:
            self.contrast.push(output.features["contrast"], batch.labels["M"], self.present(batch).any(dim=1))
