"""KuDA: knowledge-guided dynamic modality attention (Feng et al., Findings of EMNLP 2024).

Encoders with adapters that learned sentiment give each modality a score of its own; the modality whose score is
nearest to the sentiment as a whole is dominant, and an attention over all modalities scales what it reads of each by
that ratio. A noise-contrastive loss ties the fused representation to each modality.

Deviations:
    The authors' code is published, for CH-SIMS; what is not named here is as in it. Its equation numbers are not
    cited: we had the code, not the paper.

    - place | the authors' code | here | why, and the alternative
    - sentiment ratio | exp(−k (ŷ_m − y)²), normalised, of the label y while training; nothing is scaled while testing |
      of an estimate from all modalities, in training and after; without gradient | a weight that needs the label does
      not exist at prediction time, and leaks the label to the fusion in training. `reference: label` is the code's
    - scaling | LN_m(f_m + r_m f_m) | (1 + r_m) LN_m(f_m) | a layer norm cancels any scale of its input, so that r_m has
      no effect (a test shows it); `scale: before_norm` is the code's. `preset: code` sets both
    - knowledge | encoders, adapters and scores are trained beforehand on other datasets, one modality after the other;
      adapters and scores are then frozen | all learn in the one run; scores and estimate by the loss `uni` (mean of
      their errors, weight 0.1), each against its modality's own label where there is one (CH-SIMS) | every model learns
      from the same data here; published numbers have more
    - text adapters | four, half as wide as BERT, which read the sum of its levels 0 and 3, then 6, 9 and 11; its last
      level is joined to them without a norm | one, on the encoder's output, of `adapter_width` | text may come as
      stored features, which have no layers
    - lengths | a linear map over time brings every modality to the text's length | 8 learned steps that attend to the
      real ones (`tokens`) | no linear map over padded time
    - layer norms | one shared by the adapters and the last level of a modality; one more inside feed-forward parts of
      the fusion; three of a block with eps 1e-6 | one each; none inside; eps as in the code | `preset: code`
      (`inner_norm`) has the one inside
    - unimodal scores | mean over steps, layers of W/2, W/4 and W/8 with GELU, frozen after training beforehand | the
      same layers, learning with the rest
    - dropout on attention weights | 0.2 and 0.1 in encoders and adapters | none | the fused kernel
    - NCE | cosines of means without temperature, over the batch, sum over modalities, weight 0.1 | the same; a sample
      without a modality is in no pair of it
    - classes | – | ratios compare probabilities
    - published numbers | test values of every epoch are printed | best epoch on valid
"""

from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models.base import SMALL_LAYERS, Citation, Model, NetworkConfig
from sentiprism.models.kuda.dynamic_attention import (
    Adapters,
    DynamicAttention,
    LearnedSteps,
    LevelEncoder,
    ScalePlace,
    sentiment_ratio,
)
from sentiprism.nn.blocks import gelu_mlp, masked_mean, mlp
from sentiprism.nn.objectives.contrastive import contrastive_loss
from sentiprism.nn.objectives.task import task_loss
from sentiprism.types import Batch, ModelOutput


class KuDAConfig(NetworkConfig):
    """Configuration of `KuDA`; the defaults are the authors' code's, or this project's reading."""

    LOSSES = {"task": 1.0, "nce": 0.1, "uni": 0.1}
    PRESETS = {"paper": {}, "code": {"reference": "label", "scale": "before_norm", "inner_norm": True}}
    SMALL = {
        **{**SMALL_LAYERS, "depth": 1, "extractor_depth": 1, "adapter_depth": 1},
        **{"encoder_width": 16, "adapter_width": 8},
    }

    width: int = Field(256, gt=0)
    """Of the fusion."""
    heads: int = Field(8, gt=0)
    head_width: int | None = Field(64, gt=0)
    """Width of a head in the fusion; null splits ``width`` evenly."""
    hidden: int = Field(512, gt=0)
    """Feed-forward width in the fusion."""
    depth: int = Field(3, gt=0)
    """Blocks of the dynamic attention."""
    dropout: float = Field(0.3, ge=0, lt=1)
    """Where the fusion reads a modality."""
    tokens: int = Field(8, gt=0)
    """Steps that each modality is brought to before the fusion."""
    encoder_width: int = Field(128, gt=0)
    """Of the audio and the vision encoder."""
    extractor_depth: int = Field(4, gt=0)
    """Layers of the audio and the vision encoder."""
    encoder_dropout: float = Field(0.2, ge=0, lt=1)
    adapter_width: int = Field(64, gt=0)
    """Inside an adapter."""
    adapter_depth: int = Field(2, gt=0)
    """Transformer layers of an adapter."""
    adapter_dropout: float = Field(0.1, ge=0, lt=1)
    positions: int = Field(512, gt=0)
    """Learned positions of audio and vision; later steps share the last."""
    sharpness: float = Field(0.1, gt=0)
    """k of the ratios: exp(-k d²)."""
    reference: Literal["estimate", "label"] = "estimate"
    """What the unimodal scores are compared with: an estimate from all modalities, or the label (the authors' code:
    while training; otherwise nothing is scaled)."""
    scale: ScalePlace = "after_norm"
    """Where the ratio is multiplied on; ``before_norm`` (the authors' code) is without effect."""
    inner_norm: bool = False
    """Whether the feed-forward parts of the fusion have one more layer norm inside (code)."""


class KuDA(Model):
    """Scales attention by ratios that follow from unimodal scores."""

    name = "kuda"
    version = 2
    citation = Citation(
        "Knowledge-Guided Dynamic Modality Attention Fusion Framework for Multimodal Sentiment Analysis",
        "Xinyu Feng, Yuming Lin, Lihua He, You Li, Liang Chang, Ya Zhou",
        "Findings of EMNLP",
        2024,
        "https://github.com/MKMaS-GUET/KuDA",
    )
    Config = KuDAConfig
    config: KuDAConfig

    def build(self, config: KuDAConfig) -> None:
        """Encoders, adapters, scorers and the dynamic attention."""
        c, M = config, len(self.modalities)
        self.encoders, self.adapters, self.scorers = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        self.projections, self.steps = nn.ModuleDict(), nn.ModuleDict()
        widths = dict.fromkeys(self.modalities, c.encoder_width)
        if "text" in widths:
            widths["text"] = self.text_encoder.width
        for modality, width in widths.items():
            levels = 1
            if modality != "text":
                inputs, levels = self.input_widths[modality], c.extractor_depth + 1
                self.encoders[modality] = LevelEncoder(
                    inputs, width, c.extractor_depth, c.heads, steps=c.positions, dropout=c.encoder_dropout
                )
            self.adapters[modality] = Adapters(
                levels, width, c.adapter_width, depth=c.adapter_depth, heads=4, dropout=c.adapter_dropout
            )
            self.scorers[modality] = scorer(width, self.outputs)
            self.projections[modality] = nn.Linear(2 * width, c.width)
            self.steps[modality] = LearnedSteps(c.width, c.tokens, c.heads, c.head_width)
        self.estimator = mlp(2 * sum(widths.values()), c.width, self.outputs, 0.0)
        options: dict[str, Any] = {"head_width": c.head_width, "dropout": c.dropout}
        options |= {"scale": c.scale, "inner_norm": c.inner_norm}
        self.blocks = nn.ModuleList(DynamicAttention(M, c.width, c.heads, c.hidden, **options) for _ in range(c.depth))
        self.head = gelu_mlp(c.width, c.width // 4, c.width // 8, self.outputs)

    def forward(self, batch: Batch) -> ModelOutput:
        """Predict a batch; ``weights["modality"]`` are the sentiment ratios."""
        present = self.present(batch)  # (B, M)
        pooled, steps = self._encode(batch)
        scores = torch.stack([self.scorers[m](x) for m, x in zip(self.modalities, pooled, strict=True)], dim=1)
        estimate = self.estimator(torch.cat(pooled, dim=1))
        ratio = self._ratio(scores, estimate, present, batch)
        fused = steps.sum(dim=1)  # missing ones are 0
        for block in self.blocks:
            fused = block(fused, steps, present, ratio)
        whole, parts = fused.mean(dim=1), steps.mean(dim=2)  # (B, D), (B, M, D)
        prediction = self.to_prediction(self.head(whole))
        losses = {}
        if batch.labels:
            losses = {
                "task": task_loss(prediction, batch.labels["M"], self.target, self.config.task),
                "nce": correlation(parts, whole, present),
                "uni": self._unimodal(scores, estimate, present, batch),
            }
        weights = {} if ratio is None else {"modality": self.spread(ratio)}
        features: dict[str, Tensor] = {"fused": whole}
        features |= dict(zip(self.modalities, parts.unbind(1), strict=True))
        return ModelOutput(prediction, losses, weights, features)

    def _encode(self, batch: Batch) -> tuple[list[Tensor], Tensor]:
        """Means over steps, (B, 2W) a modality, and the steps that the fusion reads (B, M, K, D)."""
        pooled, steps = [], []
        for m in self.modalities:
            sequence = self.sequence(m, batch)
            levels = [sequence.values] if m == "text" else self.encoders[m](sequence)
            hidden = self.adapters[m](levels, sequence.mask)
            pooled.append(masked_mean(hidden, sequence.mask))
            steps.append(self.steps[m](self.projections[m](hidden), sequence.mask))
        return pooled, torch.stack(steps, dim=1)

    @torch.no_grad()
    def _ratio(self, scores: Tensor, estimate: Tensor, present: Tensor, batch: Batch) -> Tensor | None:
        """(B, M), without gradient; None where the reference is a label that must not be looked at."""
        classes = self.target.kind == "classes"
        reference = estimate.softmax(dim=-1) if classes else estimate
        if self.config.reference == "label":
            if not (self.training and batch.labels):
                return None
            label = batch.labels["M"]
            one_hot = nn.functional.one_hot(label.long(), self.outputs) if classes else label.unsqueeze(1)
            reference = one_hot.to(scores.dtype)
        return sentiment_ratio(scores.softmax(dim=-1) if classes else scores, reference, present, self.config.sharpness)

    def _unimodal(self, scores: Tensor, estimate: Tensor, present: Tensor, batch: Batch) -> Tensor:
        """Mean of the errors of scores and estimate; a modality is compared with its own label if there is one."""
        found = [task_loss(self.to_prediction(estimate), batch.labels["M"], self.target, self.config.task)]
        for i, m in enumerate(self.modalities):
            label = batch.labels.get(m[0].upper(), batch.labels["M"])
            found.append(
                task_loss(self.to_prediction(scores[:, i]), label, self.target, self.config.task, present[:, i])
            )
        return torch.stack(found).mean()


def scorer(width: int, outputs: int) -> nn.Sequential:
    """A unimodal score of the mean over steps, (B, 2W): layers of W/2, W/4 and W/8 with GELU, and a last one."""
    return gelu_mlp(2 * width, *(max(width // share, 1) for share in (2, 4, 8)), outputs)


def correlation(parts: Tensor, whole: Tensor, present: Tensor) -> Tensor:
    """Noise-contrastive estimation between each modality and the fusion, cosines over the batch; sum over modalities.

    Args:
        parts: (B, M, D).
        whole: (B, D).
        present: (B, M) bool; a sample without the modality is in no pair of it.
    """
    cosine = nn.functional.normalize(parts, dim=-1).transpose(0, 1) @ nn.functional.normalize(whole, dim=-1).T
    own = torch.eye(whole.shape[0], dtype=torch.bool, device=whole.device)
    losses = []
    for i, similarity in enumerate(cosine.unbind(0)):  # (B, B): modality of a row, fusion of a column
        real = present[:, i, None] & present[:, i]
        losses.append(contrastive_loss(similarity, real & own, real & ~own, 1.0))
    return torch.stack(losses).sum()
