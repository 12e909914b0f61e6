"""DLF: disentangled-language-focused representation learning (Wang et al., AAAI 2025).

A shared and a specific encoder split each modality (Sh_m, Sp_m); the specific parts are gathered around the language
by an attractor, and a hierarchy of predictions learns from the joint and the separate parts. Preset ``paper`` is the
paper's equations, preset ``code`` what the authors' code does where the two differ.

Deviations:
    The authors' code is published.

    - place | the paper | here | why, and the alternative
    - Eq. 7, d | cosine similarity | 1 − cosine | with a similarity the hinge pulls positives apart
    - Eq. 7, form | constant µ (no value), positives in other modalities, negatives in the same one | the same, µ =
      0.15, mean over triples; the same sentiment means equal labels | `triplet: label` (code): margin 0.15·|Δy|,
      negatives in any modality, mean over anchors
    - Eq. 7, vectors | S, P, N in the shared space | means of Sh_m over the real steps | the code flattens the padded
      sequence into a linear layer that only this loss uses
    - Eqs. 4, 6 | ‖·‖₂ | norm of each step's difference, mean over real steps, sum over modalities | the norm of a whole
      sequence grows with its length; `distance: square` (code) is the mean of squares
    - Eq. 8 | a non-negative counterpart of cosine similarity, of features | max(0, cos) of each step, mean over real
      steps | the code's, but on MOSEI it cuts steps into slices of 10. `orthogonality: abs` alone has its minimum at
      right angles only
    - Eqs. 9, 14 | λ, β not given | the code's: 0.01 for m and o; 3 for the text's own prediction, 1 for the others. r
      and s have 0.014 | the code's 0.1 of r and s is made for means of squares (`preset: code` has it); the norm of a
      step's difference is √50 times the root of that mean, so that 0.1 would count 5 to 11 times as much as there at
      the start. `loss_weights`
    - positions | "positional embedding" | sinusoids from 0, added to √D times the steps, with post-norm layers too |
      without √D the positions (root mean square 0.71) would outweigh the projected steps. `position_form: fairseq`
      (code) counts from 1 and gives a step whose first channel is 0 none
    - Eq. 10 | full attention | the same | `causal: true` (code). Across lengths the mask is shifted by the difference
      of true lengths, not of padded ones
    - Eq. 11 | the sums are normalised; dropout after attention | the same, but none on attention weights, which also is
      several times faster | `norm: pre` (code), with a norm at the end
    - LFA | cascaded transformers | 2 layers, and 3 of self-attention after each cross-attention | the code's; `memory:
      0` leaves them out
    - vectors from sequences | not stated | masked attention pooling | with full attention no single step summarises the
      sequence; `pool: last` (code) is the last real step
    - HSh | a unified transformer layer, two linear layers, then fusion | one stack for all modalities; Eq. 12 takes
      what comes after the linear layers, which have a residual | `unified: false` and `fusion: squashed` (code): one
      stack each, and sigmoid(linear(·)) of HSp_m and of what HSh is made from
    - convolutions | decoder D_m; the projection to X̂_m is not described | kernel 5 (3 on MOSEI) without bias, padded
      so that the length stays; D_m of kernel 1 | the code's, which loses the outer steps
    - L_m, L_o under `preset: code` | – | L_m of means over the real steps, L_o of each step | the code has learned
      layers over flattened time for L_m alone, and folds flattened features into rows of 50 (MOSI) or 10 (MOSEI, a
      fifth of a step) for L_o
    - training | batch 16, rate 1e-4 | the same | the code adds up 10 batches and clips entries to 0.6:
      `optim.accumulate`, `optim.clip_value`
    - without LFA (Table 2) | "three separate Query components like MulT" | each modality is a query to all three; HSp_m
      is the mean of its three branches | MulT concatenates its branches, which would widen every layer after it
    - without FDM (Table 2) | – | X̂_m is used for both Sh_m and Sp_m; L_r, L_s, L_m and L_o are 0
    - without HP (Table 2) | only the final loss | weights of the other four predictions 0
    - missing modality | named as a limitation | no part in attention, pools, pairs and losses; 0 in Eq. 12. Where it is
      the dominant one, a learned step (0 at first, which attends evenly) is the query
    - another dominant modality | broad impact (ii) | `dominant`; the first modality of the dataset where it has no such
      modality
    - classes | – | cross-entropy; labels of two classes are 1 apart in Eq. 7
    - modality weights | – | none are reported | Eq. 12 concatenates the modalities, and the code's sigmoids
      squash values: neither weights a modality. `time.*` are the pools over Sh_m
"""

from functools import partial
from itertools import product
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models._projected import CrossmodalConfig, ProjectedModel
from sentiprism.models.base import Citation
from sentiprism.models.search_space import among, between
from sentiprism.nn.attention import Norm
from sentiprism.nn.blocks import masked_mean
from sentiprism.nn.branches import Branch, Higher, Pool, Stack
from sentiprism.nn.objectives.orthogonality import CosineForm, cosine_orthogonality
from sentiprism.nn.objectives.reconstruction import DistanceForm, reconstruction
from sentiprism.nn.objectives.task import task_loss
from sentiprism.nn.objectives.triplet import TripletForm, triplet
from sentiprism.types import Batch, Modality, ModelOutput, Sequence

SPECIFIC: dict[Modality, str] = {"text": "sp_l", "audio": "sp_a", "vision": "sp_v"}
Sequences = dict[Modality, Sequence]


class DLFConfig(CrossmodalConfig):
    """Configuration of `DLF`; the paper gives no weights of its losses, the defaults are those of the code."""

    LOSSES = {  # Eq. 15
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
    kernel: int = Field(5, gt=0)
    depth: int = Field(2, gt=0)
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


class DLF(ProjectedModel):
    """Separates shared and specific features; the dominant modality attends to the specific ones."""

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
    exceptions = {"weights": "Eq. 12 concatenates the modalities; the code's sigmoids gate none of them"}

    def build_fusion(self, config: DLFConfig) -> None:
        """Transformers, pools, the attractor's branches and heads."""
        D, M, used = config.width, len(self.modalities), self.modalities
        self.dominant = config.dominant if config.dominant in used else used[0]
        pool, higher = partial(Pool, D, last=config.pool == "last"), partial(Higher, dropout=config.head_dropout)

        def stack(depth: int = config.depth, *, cross: bool = False) -> Stack:
            return Stack(D, config.heads, depth, cross=cross, norm=config.norm, **config.stack)

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
        drawn = self._attract(specific, there)
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
        vector: Tensor = branch(query) if source == to else branch(query, specific[source])  # Eqs. 10, 11
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
            "task": task_loss(prediction, label, self.target, kind),  # Eq. 13
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
