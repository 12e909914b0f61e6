"""Labels of the modalities, from the multimodal label and distances of representations (Self-MM's ULGM)."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from sentiprism.nn.row_memory import RowMemory
from sentiprism.types import TargetSpec

DistanceForm = Literal["square", "norm"]
EPSILON = 1e-8


def relative_distance(vectors: Tensor, centres: Tensor, form: DistanceForm = "square") -> Tensor:
    """Relative distance value α = (D_n - D_p) / (D_p + ε): how much nearer the positive centre is.

    Self-MM (Yu et al. 2021), Relative Distance Value: D = ‖F - C‖² / √d; its code takes ‖F - C‖ (``norm``).

    Args:
        vectors: (..., D).
        centres: (2, ..., D), the positive centre and the negative one.
        form: of the distance.

    Returns:
        (...) above -1; 0 halfway.
    """
    distance = (vectors - centres).square().sum(dim=-1)
    distance = distance / vectors.shape[-1] ** 0.5 if form == "square" else distance.sqrt()
    positive, negative = distance
    alpha: Tensor = (negative - positive) / (positive + EPSILON)
    return alpha


def shifted_label(label: Tensor, whole: Tensor, own: Tensor) -> Tensor:
    """y_s = y_m + δ_sm with δ_sm = (α_s - α_m) / 2 · (y_m + α_m) / α_m (Self-MM, Shifting Value).

    It is the mean of y_m α_s / α_m and y_m + α_s - α_m.

    Args:
        label: y_m, 0 = neutral.
        whole: α_m of the multimodal representation.
        own: α_s of a modality's.
    """
    by = whole + torch.where(whole < 0, -EPSILON, EPSILON)
    return label + (own - whole) / 2 * (label + whole) / by


def momentum(before: Tensor, now: Tensor, epoch: int) -> Tensor:
    """y^(i) = (i - 1) / (i + 1) y^(i-1) + 2 / (i + 1) y of epoch i, counted from 1 (Momentum-based Update Policy)."""
    return (epoch - 1) / (epoch + 1) * before + 2 / (epoch + 1) * now


class UnimodalLabels(RowMemory):
    """Representations and labels of every train utterance, multimodal first, then the modalities.

    What is missing in an utterance belongs to no centre, and keeps the label it has.

    Args:
        rows: N, utterances of the train split.
        widths: D of the representations of each of the 1 + M tasks.
        target: range of the labels; its middle is neutral.
        form: see `relative_distance`.
    """

    vectors: Tensor
    labels: Tensor
    known: Tensor

    def __init__(self, rows: int, widths: tuple[int, ...], target: TargetSpec, form: DistanceForm = "square") -> None:
        tasks = len(widths)
        super().__init__(rows, {"vectors": (tasks, max(widths)), "labels": (tasks,), "known": (tasks,)})
        self.low, self.high, self.form = target.low, target.high, form

    def read(self, index: Tensor, label: Tensor) -> Tensor:
        """Labels of the modalities, (B, M); an utterance that was never seen has its own ``label`` (B,) for all."""
        own = label.unsqueeze(1).to(self.labels.dtype)
        return torch.where(self.written[index].unsqueeze(1), self.labels[index], own)[:, 1:]

    def centres(self) -> tuple[Tensor, Tensor]:
        """Means over the utterances whose label is above neutral, and below it: (2, 1 + M, D); and of how many."""
        side = (self.labels - (self.low + self.high) / 2).sign() * self.known  # known is 0 where nothing is written
        member = torch.stack([side > 0, side < 0]).to(self.vectors.dtype)  # (2, N, 1 + M)
        count = member.sum(dim=1)
        sums = torch.einsum("snk,nkd->skd", member, self.vectors)
        return sums / count.clamp(min=1).unsqueeze(-1), count

    @torch.no_grad()
    def update(self, index: Tensor, vectors: Tensor | list[Tensor], label: Tensor, present: Tensor, epoch: int) -> None:
        """Generate new labels, from the second epoch on, then keep the representations.

        Args:
            index: (B,) rows.
            vectors: (B, 1 + M, D), or (B, D) a task where the widths differ.
            label: (B,) y_m.
            present: (B, M) bool.
            epoch: counted from 1.
        """
        labels = torch.cat([label.unsqueeze(1).to(self.labels.dtype), self.read(index, label)], dim=1)
        if isinstance(vectors, list):  # zeros behind the shorter ones: √d divides out of α
            longest = self.vectors.shape[-1]
            vectors = torch.stack([functional.pad(v, (0, longest - v.shape[-1])) for v in vectors], dim=1)
        vectors = vectors.to(self.vectors.dtype)
        if epoch > 1:
            middle = (self.low + self.high) / 2
            centres, count = self.centres()
            alpha = relative_distance(vectors, centres.unsqueeze(1), self.form)  # (B, 1 + M)
            new = shifted_label(labels[:, :1] - middle, alpha[:, :1], alpha[:, 1:]) + middle
            sides = (count > 0).all(dim=0)  # without one of the centres there is no distance
            moved = momentum(labels[:, 1:], new.clamp(self.low, self.high), epoch)
            labels[:, 1:] = torch.where(present & sides[0] & sides[1:], moved, labels[:, 1:])
        self.write(index, vectors=vectors, labels=labels, known=torch.cat([present.any(1, keepdim=True), present], 1))
