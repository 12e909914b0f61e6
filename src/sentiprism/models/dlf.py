"""DLF: disentangled-language-focused representation learning (Wang et al., AAAI 2025).

Preset ``paper`` is the paper's equations, preset ``code`` what the authors' code does where the two differ. What the
paper leaves open is settled by these readings: d of Eq. 7 is a distance, 1 - cosine, and its vectors are the means of
Sh_m over time; L_r and L_s are norms of a step's difference, L_o a cosine a step, means over the real steps; every
transformer has positions of its own; with full attention no step stands for the whole, so that sequences end in
attention pooling; HSp_m and HSh are two linear layers with a residual. A missing modality takes part in no attention,
pooling, pair or loss, and enters Eq. 12 as 0. Where the dominant modality is the missing one, a learned step takes its
place as the query; where the dataset lacks it, the first one that it has is dominant. Without the attractor every
modality is a query, and HSp_m is the mean of what it draws from those that are there. Without the disentanglement the
projected sequences stand for Sh_m and Sp_m. The page docs/deviations.md lists all this with the alternatives.
"""

from functools import partial
from itertools import product
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models._projected import ProjectedConfig, ProjectedModel
from sentiprism.models.base import Citation
from sentiprism.models.search_space import among, between
from sentiprism.nn.attention import Norm
from sentiprism.nn.blocks import masked_mean
from sentiprism.nn.branches import Branch, Higher, Pool, Stack
from sentiprism.nn.objectives.orthogonality import CosineForm, cosine_orthogonality
from sentiprism.nn.objectives.reconstruction import DistanceForm, reconstruction
from sentiprism.nn.objectives.task import TaskLoss, task_loss
from sentiprism.nn.objectives.triplet import TripletForm, triplet
from sentiprism.nn.positions import PositionForm
from sentiprism.types import Batch, FeatureSpec, Modality, ModelOutput, Sequence, TargetSpec

SPECIFIC: dict[Modality, str] = {"text": "sp_l", "audio": "sp_a", "vision": "sp_v"}
Sequences = dict[Modality, Sequence]


class DLFConfig(ProjectedConfig):
    """Configuration of `DLF`; the paper gives no weights of its losses, the defaults are those of the code."""

    LOSSES = {
        **{"task": 1.0, "sh": 1.0, "sp_l": 3.0, "sp_v": 1.0, "sp_a": 1.0},  # Eq. 14; without HP: the last four 0
        # Eq. 9; the code's 0.1 of r and s is for mean squares, a norm of 50 channels is √50 times their root
        **{"r": 0.014, "s": 0.014, "m": 0.01, "o": 0.01},
    }
    PRESETS = {
        "paper": {},
        "code": {
            **{"norm": "pre", "causal": True, "position_form": "fairseq", "pool": "last", "unified": False},
            **{"fusion": "squashed", "triplet": "label", "distance": "square", "loss_weights": {"r": 0.1, "s": 0.1}},
        },
    }
    SEARCH = {"width": among(50, 100), "depth": between(1, 3)}
    SMALL = {"width": 16, "heads": 4, "depth": 1, "memory": 1}

    width: int = Field(50, gt=0)
    heads: int = Field(10, gt=0)
    kernel: int = Field(5, gt=0)
    depth: int = Field(2, gt=0)
    """Layers of each transformer."""
    memory: int = Field(3, ge=0)
    """Self-attention layers after each cross-attention of the attractor."""
    disentangle: bool = True
    """The feature disentanglement module (FDM of Table 2)."""
    attractor: bool = True
    """The language-focused attractor (LFA of Table 2); False makes every modality a query, as MulT does."""
    dominant: Modality = "text"
    """The attractor's query."""
    norm: Norm = "post"
    """Eq. 11 normalises the sums; the code what goes in."""
    causal: bool = False
    """Whether attention sees no later step (code)."""
    position_form: PositionForm = "sinusoidal"
    """Positions of Vaswani et al. (2017) from 0, or those of the code (fairseq)."""
    pool: Literal["attention", "last"] = "attention"
    """How a sequence becomes a vector: masked attention, or its last real step (code)."""
    unified: bool = True
    """One transformer for the shared features of all modalities ("a unified Transformer layer"), or one each (code)."""
    fusion: Literal["projected", "squashed"] = "projected"
    """What Eq. 12 joins: HSp_m and HSh, or sigmoids of HSp_m and of what HSh is made from (code)."""
    triplet: TripletForm = "constant"
    """Margin and negatives of L_m (Eq. 7)."""
    margin: float = Field(0.15, gt=0)
    """µ of Eq. 7, or its slope; the code's 0.15, the paper gives none."""
    distance: DistanceForm = "norm"
    """Of L_r and L_s (Eqs. 4 and 6)."""
    orthogonality: CosineForm = "hinge"
    """How the cosine of L_o is made non-negative (Eq. 8)."""
    task: TaskLoss = "l1"
    """Eq. 13 is the absolute error."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """In the transformers and on what goes into them."""
    text_dropout: float = Field(0.1, ge=0, lt=1)
    head_dropout: float = Field(0.1, ge=0, lt=1)
    """In HSp_m, HSh and the final prediction."""


class DLF(ProjectedModel):
    """Shared and specific features apart, and the specific ones drawn to the dominant modality."""

    name = "dlf"
    version = 2
    citation = Citation(
        "DLF: Disentangled-Language-Focused Multimodal Sentiment Analysis",
        "Pan Wang, Qiang Zhou, Yawen Wu, Tianlong Chen, Jingtong Hu",
        "AAAI",
        2025,
        "https://github.com/pwang322/DLF",
    )
    Config = DLFConfig
    config: DLFConfig
    exceptions = {
        "weights": "Eq. 12 joins the modalities side by side; the code's sigmoids are values, not gates on any"
    }

    def __init__(
        self, features: FeatureSpec, target: TargetSpec, config: DLFConfig, *, pretrained: bool = True
    ) -> None:
        super().__init__(features, target, config, pretrained=pretrained)
        D, M, used = config.width, len(self.modalities), self.modalities
        self.dominant = config.dominant if config.dominant in used else used[0]
        options: dict[str, Any] = {"dropout": config.dropout, "norm": config.norm, "causal": config.causal}
        options["position_form"] = config.position_form
        pool, higher = partial(Pool, D, last=config.pool == "last"), partial(Higher, dropout=config.head_dropout)

        def stack(depth: int = config.depth, *, cross: bool = False) -> Stack:
            return Stack(D, config.heads, depth, cross=cross, **options)

        if config.disentangle:
            self.share = stack()
            self.specify = nn.ModuleDict({m: stack() for m in used})
            self.decode = nn.ModuleDict({m: nn.Linear(2 * D, D, bias=False) for m in used})  # a convolution of kernel 1
        self.refine = nn.ModuleDict({m: stack() for m in (("all",) if config.unified else used)})
        self.pools = nn.ModuleDict({m: pool() for m in used})
        self.branches = nn.ModuleDict()
        for q, m in product((self.dominant,) if config.attractor else used, used):
            memory = stack(config.memory) if q != m and config.memory else None
            self.branches[f"{q}_{m}"] = Branch(stack(cross=q != m), memory, pool())
        if config.attractor:
            self.stand_in = nn.Parameter(torch.zeros(D))
        self.specific_higher = nn.ModuleDict({m: higher(D) for m in used})
        self.specific_heads = nn.ModuleDict({m: nn.Linear(D, self.outputs) for m in used})
        self.shared_higher, self.shared_head = higher(M * D), nn.Linear(M * D, self.outputs)
        if config.fusion == "squashed":
            self.squash = nn.ModuleDict({m: nn.Linear(D, D) for m in used})
            self.squash_shared = nn.Linear(M * D, M * D)
        self.final, self.head = higher(2 * M * D), nn.Linear(2 * M * D, self.outputs)

    def forward(self, batch: Batch) -> ModelOutput:
        """Eqs. 1 to 15; ``weights`` say where the pools of the shared features look."""
        low = self.projected(batch)  # X̂_m
        shared = specific = low
        if self.config.disentangle:
            shared = {m: self.share(x) for m, x in low.items()}  # Eq. 1
            specific = {m: self.specify[m](x) for m, x in low.items()}  # Eq. 2
        there = {m: x.present.unsqueeze(1).to(x.values.dtype) for m, x in low.items()}  # (B, 1)
        joint, weights = self._refine(shared)  # (B, M D)
        drawn = self._attract(specific, there)  # Eqs. 10, 11
        higher = {m: self.specific_higher[m](h) for m, h in drawn.items()}  # HSp_m
        shared_higher = self.shared_higher(joint)  # HSh
        own, common = higher, shared_higher
        if self.config.fusion == "squashed":
            own = {m: self.squash[m](h).sigmoid() for m, h in higher.items()}
            common = self.squash_shared(joint).sigmoid()
        fused = self.final(torch.cat([*(h * there[m] for m, h in own.items()), common], dim=1))  # Eq. 12
        prediction = self.to_prediction(self.head(fused))
        means = {m: masked_mean(*x) for m, x in shared.items()}
        losses = {}
        if batch.labels:
            heads = {m: self.to_prediction(self.specific_heads[m](h)) for m, h in higher.items()}
            losses = self._task_losses(prediction, self.to_prediction(self.shared_head(shared_higher)), heads, batch)
            losses |= self._decoupling(low, shared, specific, means, batch)
        features: dict[str, Tensor] = {str(m): h for m, h in higher.items()}
        features |= {"shared": shared_higher, "fused": fused}
        features |= {f"shared.{m}": mean for m, mean in means.items()}
        features |= {f"specific.{m}": masked_mean(*x) for m, x in specific.items()}
        return ModelOutput(prediction, losses, weights, features)

    def _refine(self, shared: Sequences) -> tuple[Tensor, dict[str, Tensor]]:
        """Transformer and pooling of the shared features: (B, M D), and the pools' weights by name."""
        pooled, weights = [], {}
        for modality, x in shared.items():
            refine = self.refine["all" if self.config.unified else modality]
            vector, share = self.pools[modality](refine(x))
            pooled.append(vector)
            if share is not None:
                weights[f"time.{modality}"] = share
        return torch.cat(pooled, dim=1), weights

    def _attract(self, specific: Sequences, there: dict[Modality, Tensor]) -> dict[Modality, Tensor]:
        """What each HSp_m is made from, (B, D); 0 where m is missing."""
        if self.config.attractor:
            query = self._query(specific[self.dominant])
            return {m: self._branch(self.dominant, m, query, specific) * there[m] for m in specific}
        count = torch.stack(list(there.values())).sum(dim=0).clamp(min=1)
        drawn = {}
        for q, query in specific.items():
            from_each = torch.stack([self._branch(q, m, query, specific) * there[m] for m in specific])
            drawn[q] = from_each.sum(dim=0) * there[q] / count
        return drawn

    def _branch(self, to: Modality, source: Modality, query: Sequence, specific: Sequences) -> Tensor:
        """MCA(Q_to, K_source, V_source) and what follows it: (B, D)."""
        branch = self.branches[f"{to}_{source}"]
        vector: Tensor = branch(query) if source == to else branch(query, specific[source])
        return vector

    def _query(self, dominant: Sequence) -> Sequence:
        """Sp of the dominant modality, one learned step in the rows that lack it."""
        values, mask = dominant
        first = torch.arange(mask.shape[1], device=mask.device) == 0
        absent = first & ~mask.any(dim=1, keepdim=True)  # (B, T)
        return Sequence(torch.where(absent.unsqueeze(-1), self.stand_in, values), mask | absent)

    def _task_losses(
        self, prediction: Tensor, from_shared: Tensor, from_specific: dict[Modality, Tensor], batch: Batch
    ) -> dict[str, Tensor]:
        """L_f, L_Sh and L_Sp of Eq. 14, each as Eq. 13; L_Sp_m over the samples that have m."""
        label, kind = batch.labels["M"], self.config.task
        losses = {
            "task": task_loss(prediction, label, self.target, kind),
            "sh": task_loss(from_shared, label, self.target, kind),
        }
        losses |= {name: prediction.new_zeros(()) for name in SPECIFIC.values()}
        for m, answer in from_specific.items():
            losses[SPECIFIC[m]] = task_loss(answer, label, self.target, kind, getattr(batch, m).present)
        return losses

    def _decoupling(
        self,
        low: Sequences,
        shared: Sequences,
        specific: Sequences,
        means: dict[Modality, Tensor],
        batch: Batch,
    ) -> dict[str, Tensor]:
        """L_r, L_s, L_m and L_o of Eq. 9; all but L_m are sums over the modalities."""
        losses = {name: means[self.dominant].new_zeros(()) for name in ("r", "s", "m", "o")}
        if not self.config.disentangle:
            return losses
        for m, (x, mask) in low.items():
            sh, sp = shared[m].values, specific[m].values
            again = self.decode[m](torch.cat([sh, sp], dim=-1))  # Eq. 3
            losses["r"] = losses["r"] + reconstruction(again, x, mask, self.config.distance)  # Eq. 4
            sp_again = self.specify[m](Sequence(again, mask)).values  # Eq. 5
            losses["s"] = losses["s"] + reconstruction(sp_again, sp, mask, self.config.distance)  # Eq. 6
            losses["o"] = losses["o"] + cosine_orthogonality(sh, sp, mask, self.config.orthogonality)  # Eq. 8
        label = batch.labels["M"]
        apart = label.unsqueeze(1) - label
        gap = (apart != 0).float() if self.target.kind == "classes" else apart.abs()
        vectors = torch.stack(list(means.values()), dim=1)
        losses["m"] = triplet(vectors, self.present(batch), gap, self.config.margin, self.config.triplet)  # Eq. 7
        return losses
