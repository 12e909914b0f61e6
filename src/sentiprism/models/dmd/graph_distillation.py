"""Modalities that teach each other along a directed graph with learned edges (DMD, Li et al. 2023)."""

from collections.abc import Collection
from itertools import permutations
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from sentiprism.nn.blocks import masked_softmax
from sentiprism.types import Modality

SHARPNESS = 1 / 8
"""By which the authors' code multiplies the edges' scores before the softmax."""
VECTORS = 10.0
"""By which it multiplies the distillation of representations."""


class Distillation(NamedTuple):
    """What the edges weigh, and what they cost."""

    weights: Tensor
    """w (B, E), 0 without an edge."""
    answers: Tensor
    """Σ over edges of the mean of (w_ij + π_ij) |a_j - a_i|, a teacher's answer without gradient."""
    vectors: Tensor
    """10 Σ over edges of the mean of max(0, cos(x_j, x_i)) times the mean of (w_ij + π_ij), as the code has it."""
    prior: Tensor
    """Squared distance of the mean of w from the prior π."""


class GraphDistillation(nn.Module):
    """A graph distillation unit: every modality is a vertex, an edge i → j teaches j what i predicts.

    w_ij = softmax over the edges of g([f(a_i), X_i], [f(a_j), X_j]). The prior π is added to w where an edge costs
    something: on w alone the cost would be least with all weight on the edge that has nothing to teach.

    Args:
        modalities: those in use.
        width: D of X.
        outputs: of an answer.
        hidden: width of f's results.
        favoured: edges (teacher, student) that the prior of the authors' code has in favour: softmax of 4 for these and
            0 for the others.
    """

    prior: Tensor

    def __init__(
        self,
        modalities: tuple[Modality, ...],
        width: int,
        outputs: int,
        hidden: int,
        favoured: Collection[tuple[Modality, Modality]],
    ) -> None:
        super().__init__()
        edges = list(permutations(range(len(modalities)), 2))
        self.teachers, self.students = [i for i, _ in edges], [j for _, j in edges]
        self.answers, self.vectors = nn.Linear(outputs, hidden), nn.Linear(width, hidden)
        self.edge = nn.Linear(4 * hidden, 1)
        liked = [4.0 if (modalities[i], modalities[j]) in favoured else 0.0 for i, j in edges]
        self.register_buffer("prior", torch.tensor(liked).softmax(dim=0))

    def forward(self, answers: Tensor, vectors: Tensor, present: Tensor) -> Distillation:
        """Weigh the edges; means are over the samples with an edge.

        Args:
            answers: (B, M, outputs).
            vectors: (B, M, D).
            present: (B, M) bool; an edge needs both its ends.
        """
        nodes = torch.cat([self.answers(answers), self.vectors(vectors)], dim=-1)
        scores = self.edge(torch.cat([nodes[:, self.students], nodes[:, self.teachers]], dim=-1)).squeeze(-1)
        real = present[:, self.students] & present[:, self.teachers]  # (B, E)
        weights = masked_softmax(SHARPNESS * scores, real) * real
        prior = self.prior * real
        prior = prior / prior.sum(dim=1, keepdim=True).clamp(min=torch.finfo(prior.dtype).tiny)
        strength = weights + prior  # 0 without an edge
        count = real.any(dim=1).sum().clamp(min=1)
        gap = (answers[:, self.students] - answers[:, self.teachers].detach()).abs().sum(dim=-1)
        alike = functional.cosine_similarity(vectors[:, self.students], vectors[:, self.teachers].detach(), dim=-1)
        near = (alike.clamp(min=0) * real).sum(dim=0) / real.sum(dim=0).clamp(min=1)  # (E,)
        away = ((weights - prior).sum(dim=0) / count).square().sum()
        pushed = VECTORS * (near * strength.sum(dim=0)).sum() / count
        return Distillation(weights, (strength * gap).sum() / count, pushed, away)
