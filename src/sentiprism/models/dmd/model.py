"""DMD: decoupled multimodal distillation (Li et al., CVPR 2023).

Each modality is split into a homogeneous part X^com, made by one encoder for all, and a heterogeneous part X^prt, made
by one of its own; in each of the two spaces a graph distillation unit (GD-Unit) weights which modality teaches which.
The heterogeneous parts first read each other (crossmodal attention). L = L_task + λ1 L_dec + λ2 L_dtl, and
L_dec = L_rec + L_cyc + γ (L_mar + L_ort). Where the paper does not say, this follows the authors' code.

Deviations:
    - place | the paper | here | why, and the alternative
    - encoders, decoders | E, D | linear, step by step | the authors' code: convolutions of kernel 1
    - L_task | – | of the joint prediction, of each vertex of both graphs (`homo`, `hetero`) and of the homogeneous
      parts together (`common`) | the code's
    - edges | w_ij normalised | softmax over all edges, scores divided by 8; the homogeneous graph reads ReLU(W_1 x +
      b_1) of a vertex, the heterogeneous one the output of both layers | the code's, whose graphs are 64 and 32 wide
      (`preset: code`; 32 both by default)
    - L_dtl | ‖W ⊙ E‖₁ | of predictions, a teacher's without gradient; the code's prior, which favours the edges from
      the text, is added to W, and `prior` is the squared distance of the mean edges from it | with W alone the minimum
      puts all weight on the edge with nothing to learn. The code also distils representations of the heterogeneous
      space by a cosine that pushes them apart: `distil_vectors`, in `preset: code`
    - L_ort | cosine of X^com and X^prt | of each step, over features | the code's tensors are compared over the batch
      (`ort_axis: batch`, in `preset: code`); today's torch refuses such tensors
    - L_mar | margin, positives of the same class and other modalities, negatives of the same modality | the same, d = 1
      − cos | `triplet: label` is the code's
    - attention, time | – | every step is attended to, attention pooling, sinusoids from 0 | the code is causal, takes
      last steps and counts positions from 1 (`preset: code`). It flattens time in the homogeneous vertices and for
      L_mar; here these are means over the real steps, with the preset too
    - joint prediction | adaptive fusion | sigmoids of a linear layer, concatenated | the code's; values, not gates on a
      modality, so that no weights are reported
    - missing modality | – | no edge, pair or loss; 0 in the joint prediction | one modality alone has no graph
"""

from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models._projected import CrossmodalConfig, ProjectedModel
from sentiprism.models.base import Citation
from sentiprism.models.dmd.graph_distillation import Distillation, GraphDistillation
from sentiprism.nn.blocks import masked_mean
from sentiprism.nn.branches import Higher, Pool, Stack
from sentiprism.nn.crossmodal import Crossmodal
from sentiprism.nn.objectives.orthogonality import batch_orthogonality, cosine_orthogonality
from sentiprism.nn.objectives.reconstruction import reconstruction
from sentiprism.nn.objectives.task import task_loss
from sentiprism.nn.objectives.triplet import TripletForm, triplet
from sentiprism.types import Batch, Modality, ModelOutput, Sequence

Sequences = dict[Modality, Sequence]
HOMO: frozenset[tuple[Modality, Modality]] = frozenset({("text", "audio"), ("text", "vision")})
HETERO: frozenset[tuple[Modality, Modality]] = HOMO | {("vision", "audio")}


class DMDConfig(CrossmodalConfig):
    """Configuration of `DMD`; loss weights are those of the authors' code, γ being within ``mar`` and ``ort``."""

    LOSSES = {
        **{"task": 1.0, "homo": 1.0, "hetero": 1.0, "common": 1.0},  # L_task: the joint answer, each vertex's, X^com's
        **{"rec": 0.1, "cyc": 0.1, "mar": 0.01, "ort": 0.01},  # L_dec
        **{"dtl": 0.05, "prior": 0.5},  # L_dtl of both graphs
    }
    PRESETS = {
        "paper": {},
        "code": {
            **{"causal": True, "pool": "last", "position_form": "fairseq", "homo_edge_width": 64},
            **{"triplet": "label", "ort_axis": "batch", "distil_vectors": True},
        },
    }
    SMALL = {"width": 16, "heads": 4, "depth": 1, "memory": 1}

    width: int = Field(50, gt=0)
    kernel: int = Field(5, gt=0)
    memory: int = Field(4, gt=0)
    """Self-attention layers after the crossmodal attention."""
    distil_vectors: bool = False
    """Whether L_dtl holds the code's distillation of heterogeneous representations, which pushes them apart."""
    ort_axis: Literal["features", "batch"] = "features"
    """Along which axis L_ort compares the two parts; the code's tensors are compared over the batch."""
    homogeneous: bool = True
    """Whether there is a GD-Unit over X^com."""
    heterogeneous: bool = True
    """Whether there is one over the X^prt after their crossmodal attention."""
    triplet: TripletForm = "constant"
    """Margin and negatives of L_mar; ``label`` is the authors' code."""
    margin: float = Field(0.15, gt=0)
    edge_width: int = Field(32, gt=0)
    """Of what the GD-Units compare."""
    homo_edge_width: int | None = Field(None, gt=0)
    """The same of the homogeneous one; null = ``edge_width``, the code has 64."""


class DMD(ProjectedModel):
    """Separates shared and specific features, and distils between modalities along graphs."""

    name = "dmd"
    version = 2
    citation = Citation(
        "Decoupled Multimodal Distilling for Emotion Recognition",
        "Yong Li, Yuanzhi Wang, Zhen Cui",
        "CVPR",
        2023,
        "https://github.com/mdswyz/DMD",
    )
    Config = DMDConfig
    config: DMDConfig
    exceptions = {
        "weights": "edges weight distillation in training; the prediction concatenates the modalities",
        "energy": "the prediction joins sigmoids, which are a half at the start",
    }

    def build_fusion(self, config: DMDConfig) -> None:
        """Encoders, decoders, transformers, graphs and heads."""
        D, used, lost = config.width, self.modalities, config.head_dropout
        self.share = nn.Linear(D, D, bias=False)  # convolutions of kernel 1
        self.specify = nn.ModuleDict({m: nn.Linear(D, D, bias=False) for m in used})
        self.decode = nn.ModuleDict({m: nn.Linear(2 * D, D, bias=False) for m in used})
        options, last = config.stack, config.pool == "last"
        self.refine = nn.ModuleDict({m: Stack(D, config.heads, config.depth, **options) for m in used})
        self.pools = nn.ModuleDict({m: Pool(D, last=last) for m in used})
        self.crossmodal = Crossmodal(used, D, config.heads, config.depth, config.memory, last=last, **options)
        joint, drawn = len(used) * D, self.crossmodal.width
        self.homo = nn.ModuleDict({m: Vertex(D, self.outputs, lost) for m in used})
        self.hetero = nn.ModuleDict({m: Vertex(drawn, self.outputs, lost) for m in used})
        self.common = Vertex(joint, self.outputs, lost)
        more = len(used) > 1  # one modality has nobody to teach
        self.homo_graph = self.hetero_graph = None
        if config.homogeneous and more:
            hidden = config.homo_edge_width or config.edge_width
            self.homo_graph = GraphDistillation(used, D, self.outputs, hidden, HOMO)
        if config.heterogeneous and more:
            self.hetero_graph = GraphDistillation(used, drawn, self.outputs, config.edge_width, HETERO)
        self.squash = nn.ModuleDict({m: nn.Linear(drawn, drawn) for m in used})
        self.squash_common = nn.Linear(joint, joint)
        self.final = Vertex(joint + len(used) * drawn, self.outputs, lost)

    def forward(self, batch: Batch) -> ModelOutput:
        """Decouple, let the heterogeneous parts read each other, join; ``weights`` say where their pools look."""
        present = self.present(batch)  # (B, M)
        low = self.projected(batch)  # X̃
        com = {m: Sequence(self.share(x.values), x.mask) for m, x in low.items()}
        prt = {m: Sequence(self.specify[m](x.values), x.mask) for m, x in low.items()}
        joint = torch.cat([self.pools[m](self.refine[m](x))[0] for m, x in com.items()], dim=1)
        drawn, weights = self.crossmodal(prt)  # Z^prt
        there = dict(zip(self.modalities, present.unsqueeze(-1).unbind(1), strict=True))
        own = [self.squash[m](z).sigmoid() * there[m] for m, z in drawn.items()]
        final: Read = self.final(torch.cat([*own, self.squash_common(joint).sigmoid()], dim=1))
        prediction = self.to_prediction(final.answer)
        means = {m: masked_mean(*x) for m, x in com.items()}
        losses = {}
        if batch.labels:
            losses = {"task": task_loss(prediction, batch.labels["M"], self.target, self.config.task)}
            losses |= self._answers(means, drawn, joint, present, batch.labels["M"])
            losses |= self._decoupling(low, com, prt, means, batch)
        features: dict[str, Tensor] = {**drawn, "shared": joint, "fused": final.vector}
        features |= {f"shared.{m}": x for m, x in means.items()}
        features |= {f"specific.{m}": masked_mean(*x) for m, x in prt.items()}
        return ModelOutput(prediction, losses, weights, features)

    def _answers(
        self,
        means: dict[Modality, Tensor],
        drawn: dict[Modality, Tensor],
        joint: Tensor,
        present: Tensor,
        label: Tensor,
    ) -> dict[str, Tensor]:
        """What every vertex predicts, and the graphs' losses; ``homo`` and ``hetero`` are sums over vertices."""
        kind, nothing = self.config.task, joint.new_zeros(())
        common = self.to_prediction(self.common(joint).answer)
        losses = {"common": task_loss(common, label, self.target, kind), "dtl": nothing, "prior": nothing}
        for name, vertices, graph, inputs in (
            ("homo", self.homo, self.homo_graph, means),
            ("hetero", self.hetero, self.hetero_graph, drawn),
        ):
            found = [vertices[m](x) for m, x in inputs.items()]
            answers = torch.stack([one.answer for one in found], dim=1)  # (B, M, outputs)
            each = self.to_prediction(answers).unbind(1)
            own = [task_loss(y, label, self.target, kind, p) for y, p in zip(each, present.unbind(1), strict=True)]
            losses[name] = torch.stack(own).sum()
            if graph is not None:
                vectors = torch.stack([one.hidden if name == "homo" else one.vector for one in found], dim=1)
                edges: Distillation = graph(answers, vectors, present)
                losses["dtl"], losses["prior"] = losses["dtl"] + edges.answers, losses["prior"] + edges.prior
                if name == "hetero" and self.config.distil_vectors:
                    losses["dtl"] = losses["dtl"] + edges.vectors
        return losses

    def _decoupling(
        self, low: Sequences, com: Sequences, prt: Sequences, means: dict[Modality, Tensor], batch: Batch
    ) -> dict[str, Tensor]:
        """L_rec, L_cyc, L_mar and L_ort; all but L_mar are sums over the modalities."""
        losses = {name: next(iter(means.values())).new_zeros(()) for name in ("rec", "cyc", "ort")}
        for m, (x, mask) in low.items():
            c, s = com[m].values, prt[m].values
            again = self.decode[m](torch.cat([c, s], dim=-1))  # D_m([X^com, X^prt])
            losses["rec"] = losses["rec"] + reconstruction(again, x, mask)
            losses["cyc"] = losses["cyc"] + reconstruction(self.specify[m](again), s, mask)
            apart = batch_orthogonality if self.config.ort_axis == "batch" else cosine_orthogonality
            losses["ort"] = losses["ort"] + apart(c, s, mask)
        label = batch.labels["M"]
        between = label.unsqueeze(1) - label
        gap = (between != 0).float() if self.target.kind == "classes" else between.abs()
        vectors = torch.stack(list(means.values()), dim=1)
        return losses | {"mar": triplet(vectors, self.present(batch), gap, self.config.margin, self.config.triplet)}


class Read(NamedTuple):
    """What a vertex makes of a vector."""

    vector: Tensor
    """(B, D), x + W_2 ReLU(W_1 x + b_1) + b_2."""
    answer: Tensor
    """(B, outputs), its prediction."""
    hidden: Tensor
    """(B, D), ReLU(W_1 x + b_1)."""


class Vertex(nn.Module):
    """A representation and what it predicts.

    Args:
        width: D.
        outputs: of the answer.
        dropout: inside.
    """

    def __init__(self, width: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.higher, self.head = Higher(width, dropout), nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Read:
        """Read (B, D)."""
        first, rest = self.higher.layers[:2], self.higher.layers[2:]
        hidden = first(x)
        vector = x + rest(hidden)
        return Read(vector, self.head(vector), hidden)
