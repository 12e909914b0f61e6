"""Modalities that teach each other along a directed graph with learned edges (DMD, Li et al. 2023)."""

from collections.abc import Collection
from itertools import permutations

import torch
from torch import Tensor, nn

from sentiprism.nn.blocks import masked_softmax
from sentiprism.types import Modality

SHARPNESS = 1 / 8
"""By which the authors' code multiplies the edges' scores before the softmax."""


class GraphDistillation(nn.Module):
    """A graph distillation unit: every modality is a vertex, an edge i → j teaches j what i answers.

    w_ij = softmax over the edges of g([f(answer_i), X_i], [f(answer_j), X_j]).

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

    def forward(self, answers: Tensor, vectors: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the edges weigh, and what they cost.

        Args:
            answers: (B, M, outputs).
            vectors: (B, M, D).
            present: (B, M) bool; an edge needs both its ends.

        Returns:
            w (B, E), 0 without an edge; L_dtl, the mean of ‖W ⊙ E‖₁ over the samples with an edge, where E are the
            absolute differences of the answers and a teacher does not learn; and the squared distance of the mean of w
            from the prior, which keeps the weights from leaving every edge on which there is something to learn.
        """
        nodes = torch.cat([self.answers(answers), self.vectors(vectors)], dim=-1)
        scores = self.edge(torch.cat([nodes[:, self.students], nodes[:, self.teachers]], dim=-1)).squeeze(-1)
        real = present[:, self.students] & present[:, self.teachers]  # (B, E)
        weights = masked_softmax(SHARPNESS * scores, real) * real
        taught = (answers[:, self.students] - answers[:, self.teachers].detach()).abs().sum(dim=-1)
        count = real.any(dim=1).sum().clamp(min=1)
        prior = self.prior * real
        prior = prior / prior.sum(dim=1, keepdim=True).clamp(min=torch.finfo(prior.dtype).tiny)
        away = ((weights - prior).sum(dim=0) / count).square().sum()
        return weights, (weights * taught).sum() / count, away
