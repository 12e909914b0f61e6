"""DMD: decoupled multimodal distillation (Li et al., CVPR 2023).

Each modality is split into a homogeneous part X^com, made by one encoder for all, and a heterogeneous part X^prt, made
by one of its own; in each of the two spaces a graph distillation unit (GD-Unit) weighs which modality teaches which.
The heterogeneous parts first read each other (crossmodal attention). L = L_task + λ1 L_dec + λ2 L_dtl, and
L_dec = L_rec + L_cyc + γ (L_mar + L_ort). Where the paper is silent, this follows the authors' code: linear encoders
and decoders, losses on the answers of every vertex, the prior on the edges, sigmoids of what the prediction joins, loss
weights. The readings: attention sees all steps; pools take the place of flattened time and of last steps; answers are
distilled, representations are not. docs/deviations.md lists all this.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models._projected import ProjectedConfig, ProjectedModel
from sentiprism.models.base import Citation
from sentiprism.nn.attractor import Higher, Pool, Stack
from sentiprism.nn.blocks import masked_mean
from sentiprism.nn.crossmodal import Crossmodal
from sentiprism.nn.graph_distillation import GraphDistillation
from sentiprism.nn.objectives.orthogonality import cosine_orthogonality
from sentiprism.nn.objectives.reconstruction import reconstruction
from sentiprism.nn.objectives.task import TaskLoss, task_loss
from sentiprism.nn.objectives.triplet import TripletForm, triplet
from sentiprism.types import Batch, FeatureSpec, Modality, ModelOutput, Sequence, TargetSpec

Sequences = dict[Modality, Sequence]
HOMO: frozenset[tuple[Modality, Modality]] = frozenset({("text", "audio"), ("text", "vision")})
HETERO: frozenset[tuple[Modality, Modality]] = HOMO | {("vision", "audio")}


class DMDConfig(ProjectedConfig):
    """Configuration of `DMD`; loss weights are those of the authors' code, γ being within ``mar`` and ``ort``."""

    LOSSES = {
        **{"task": 1.0, "homo": 1.0, "hetero": 1.0, "common": 1.0},  # L_task: the joint answer, each vertex's, X^com's
        **{"rec": 0.1, "cyc": 0.1, "mar": 0.01, "ort": 0.01},  # L_dec
        **{"dtl": 0.05, "prior": 0.5},  # L_dtl of both graphs
    }

    width: int = Field(50, gt=0)
    heads: int = Field(10, gt=0)
    kernel: int = Field(5, gt=0)
    depth: int = Field(4, gt=0)
    """Layers of each transformer."""
    memory: int = Field(4, gt=0)
    """Self-attention layers after the crossmodal attention."""
    edge_width: int = Field(32, gt=0)
    """Of what the GD-Units compare; the code has 64 and 32."""
    homogeneous: bool = True
    """Whether there is a GD-Unit over X^com."""
    heterogeneous: bool = True
    """Whether there is one over what the X^prt have drawn from each other."""
    triplet: TripletForm = "constant"
    """Margin and negatives of L_mar; ``label`` is the authors' code."""
    margin: float = Field(0.15, gt=0)
    task: TaskLoss = "l1"
    dropout: float = Field(0.1, ge=0, lt=1)
    """In the transformers and on what goes into them."""
    text_dropout: float = Field(0.1, ge=0, lt=1)
    head_dropout: float = Field(0.1, ge=0, lt=1)


class DMD(ProjectedModel):
    """What modalities share and what each has alone, and graphs along which they teach each other."""

    name = "dmd"
    citation = Citation(
        "Decoupled Multimodal Distilling for Emotion Recognition",
        "Yong Li, Yuanzhi Wang, Zhen Cui",
        "CVPR",
        2023,
        "https://github.com/mdswyz/DMD",
    )
    Config = DMDConfig
    config: DMDConfig
    exceptions = {"weights": "edges say who teaches whom while it learns; the answer joins the modalities side by side"}

    def __init__(
        self, features: FeatureSpec, target: TargetSpec, config: DMDConfig, *, pretrained: bool = True
    ) -> None:
        super().__init__(features, target, config, pretrained=pretrained)
        D, used, lost = config.width, self.modalities, config.head_dropout
        self.share = nn.Linear(D, D, bias=False)  # convolutions of kernel 1
        self.specify = nn.ModuleDict({m: nn.Linear(D, D, bias=False) for m in used})
        self.decode = nn.ModuleDict({m: nn.Linear(2 * D, D, bias=False) for m in used})
        self.refine = nn.ModuleDict({m: Stack(D, config.heads, config.depth, dropout=config.dropout) for m in used})
        self.pools = nn.ModuleDict({m: Pool(D, last=False) for m in used})
        self.crossmodal = Crossmodal(used, D, config.heads, config.depth, config.memory, dropout=config.dropout)
        joint, drawn = len(used) * D, self.crossmodal.width
        self.homo = nn.ModuleDict({m: Vertex(D, self.outputs, lost) for m in used})
        self.hetero = nn.ModuleDict({m: Vertex(drawn, self.outputs, lost) for m in used})
        self.common = Vertex(joint, self.outputs, lost)
        more = len(used) > 1  # one modality has nobody to teach
        self.homo_graph = self.hetero_graph = None
        if config.homogeneous and more:
            self.homo_graph = GraphDistillation(used, D, self.outputs, config.edge_width, HOMO)
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
        fused, answer = self.final(torch.cat([*own, self.squash_common(joint).sigmoid()], dim=1))
        prediction = self.to_prediction(answer)
        means = {m: masked_mean(*x) for m, x in com.items()}
        losses = {}
        if batch.labels:
            losses = {"task": task_loss(prediction, batch.labels["M"], self.target, self.config.task)}
            losses |= self._answers(means, drawn, joint, present, batch.labels["M"])
            losses |= self._decoupling(low, com, prt, means, batch)
        features: dict[str, Tensor] = {**drawn, "shared": joint, "fused": fused}
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
        """What every vertex answers, and what the graphs make of it; ``homo`` and ``hetero`` are sums over vertices."""
        kind, nothing = self.config.task, joint.new_zeros(())
        common = self.to_prediction(self.common(joint)[1])
        losses = {"common": task_loss(common, label, self.target, kind), "dtl": nothing, "prior": nothing}
        for name, vertices, graph, inputs in (
            ("homo", self.homo, self.homo_graph, means),
            ("hetero", self.hetero, self.hetero_graph, drawn),
        ):
            found = [vertices[m](x) for m, x in inputs.items()]
            answers = torch.stack([answer for _, answer in found], dim=1)  # (B, M, outputs)
            each = self.to_prediction(answers).unbind(1)
            own = [task_loss(y, label, self.target, kind, p) for y, p in zip(each, present.unbind(1), strict=True)]
            losses[name] = torch.stack(own).sum()
            if graph is not None:
                vectors = torch.stack([vector for vector, _ in found], dim=1)
                _, taught, away = graph(answers, vectors, present)
                losses["dtl"], losses["prior"] = losses["dtl"] + taught, losses["prior"] + away
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
            losses["ort"] = losses["ort"] + cosine_orthogonality(c, s, mask)
        label = batch.labels["M"]
        apart = label.unsqueeze(1) - label
        gap = (apart != 0).float() if self.target.kind == "classes" else apart.abs()
        vectors = torch.stack(list(means.values()), dim=1)
        return losses | {"mar": triplet(vectors, self.present(batch), gap, self.config.margin, self.config.triplet)}


class Vertex(nn.Module):
    """A representation and what it answers.

    Args:
        width: D.
        outputs: of the answer.
        dropout: inside.
    """

    def __init__(self, width: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.higher, self.head = Higher(width, dropout), nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D) -> (B, D) and (B, outputs)."""
        vector = self.higher(x)
        return vector, self.head(vector)
