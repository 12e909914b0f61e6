"""Supervised contrast with a queue of the latest representations of each class."""

from math import pi
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from sentiprism.types import TargetSpec

ContrastForm = Literal["accon", "scl"]
SAME = 1e-4  # of the range: labels that differ by less are one label in float32


def compensate(cosine: Tensor, gap: Tensor) -> Tensor:
    """Compensated cosine: cos θ̂ = cos(θ + φ) with φ = (1 - gap) π: smallest at θ = gap · π (ACCon, Zhao et al. 2025).

    A negative is so pushed to an angle in proportion to the distance of the labels, and not to the far side.

    Args:
        cosine: cos θ, (...).
        gap: |Δy| / Δ_max in [0, 1], (...).
    """
    phi = (1 - gap) * pi
    sine = (1 - cosine.square()).clamp(min=0).add(1e-6).sqrt()  # a gradient at θ = 0 too
    return cosine * phi.cos() - sine * phi.sin().abs()


def contrastive_loss(
    cosine: Tensor, positive: Tensor, negative: Tensor, temperature: float, gap: Tensor | None = None
) -> Tensor:
    """L_CL: mean over the anchors that have a positive (FINE, Eq. 13; without ``gap`` Khosla et al. 2020, L_out).

    Args:
        cosine: (B, K) of anchors and keys.
        positive: (B, K) bool, the anchor itself left out.
        negative: (B, K) bool.
        temperature: τ.
        gap: (B, K) |Δy| / Δ_max, by which the angles of negatives are compensated; None = they are not.
    """
    similarity = cosine if gap is None else torch.where(negative, compensate(cosine, gap), cosine)
    logits = similarity / temperature
    lowest = torch.finfo(logits.dtype).min
    denominator = logits.masked_fill(~(positive | negative), lowest).logsumexp(dim=1, keepdim=True)
    partners = positive.sum(dim=1)
    gain = ((logits - denominator) * positive).sum(dim=1) / partners.clamp(min=1)  # FINE, Eq. 13: (B,)
    return -gain.sum() / (partners > 0).sum().clamp(min=1)


def level_count(target: TargetSpec) -> int:
    """How many classes contrast knows: the target's, or one a unit of the range, at least 5 (7 for [-3, 3])."""
    return len(target.classes) or max(5, round(target.high - target.low) + 1)


def level_of(labels: Tensor, target: TargetSpec, count: int) -> Tensor:
    """Classes as they are, intensities rounded to ``count`` even steps of their range: (...) -> (...) int64."""
    if target.kind == "classes":
        return labels.long()
    share = (labels.clamp(target.low, target.high) - target.low) / (target.high - target.low)
    return (share * (count - 1)).round().long()


class DynamicContrastiveQueue(nn.Module):
    """First in, first out of the latest representations with their labels, a sub-queue a class; and the loss on it.

    Intensities are rounded to ``classes`` even steps of their range. The queue is buffers, the newest first: it is
    saved with the weights and training continues from it.

    Args:
        target: what the labels are.
        width: D of the representations.
        size: N of a sub-queue; 0 = there is none, the batch alone is contrasted.
        form: ``accon`` compensates the angles of negatives, and equal labels are positives; ``scl`` does not, and equal
            classes are.
        temperature: τ.
        classes: C of an intensity; None = one a unit of the range, at least 5 (7 for [-3, 3], 5 for [-1, 1]).
    """

    vectors: Tensor
    labels: Tensor
    filled: Tensor

    def __init__(
        self,
        target: TargetSpec,
        width: int,
        size: int,
        *,
        form: ContrastForm = "accon",
        temperature: float = 0.1,
        classes: int | None = None,
    ) -> None:
        super().__init__()
        self.target, self.form, self.temperature, self.size = target, form, temperature, size
        self.classes = classes if classes and target.kind == "intensity" else level_count(target)
        self.register_buffer("vectors", torch.zeros(self.classes, size, width))
        self.register_buffer("labels", torch.zeros(self.classes, size))
        self.register_buffer("filled", torch.zeros(self.classes, size, dtype=torch.bool))

    def forward(self, vectors: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
        """Contrast a batch with itself and the queue.

        Args:
            vectors: (B, D) of length 1.
            labels: (B,).
            mask: (B,) bool: samples that count.
        """
        labels = labels.to(vectors.dtype)
        keys = torch.cat([vectors, self.vectors.flatten(0, 1).to(vectors.dtype)])  # (K, D)
        key_labels = torch.cat([labels, self.labels.flatten().to(labels.dtype)])
        real = mask.unsqueeze(1) & torch.cat([mask, self.filled.flatten()])
        real = real & ~torch.eye(len(labels), len(keys), dtype=torch.bool, device=mask.device)
        gap = self._gap(labels.unsqueeze(1), key_labels)
        alike = self.class_of(labels).unsqueeze(1) == self.class_of(key_labels)
        if self.form == "accon":
            alike = gap < SAME
        by = gap if self.form == "accon" else None
        return contrastive_loss(vectors @ keys.T, real & alike, real & ~alike, self.temperature, by)

    def class_of(self, labels: Tensor) -> Tensor:
        """(...) -> (...) int64, the number of the sub-queue."""
        return level_of(labels, self.target, self.classes)

    @torch.no_grad()
    def push(self, vectors: Tensor, labels: Tensor, mask: Tensor) -> None:
        """Put (B, D) vectors with their (B,) labels in front of their sub-queues; the oldest fall out."""
        member = functional.one_hot(self.class_of(labels), self.classes).bool() & mask.unsqueeze(1)  # (B, C)
        coming = member.sum(dim=0)  # (C,)
        before = torch.arange(self.size, device=coming.device) - coming.unsqueeze(1)  # (C, N) where each place was
        stays, before = before >= 0, before.clamp(min=0)
        moved = self.vectors.gather(1, before.unsqueeze(-1).expand_as(self.vectors))
        moved_labels, moved_filled = self.labels.gather(1, before), self.filled.gather(1, before) & stays
        later = member.flip(0).cumsum(dim=0).flip(0) - 1  # (B, C) how many of a class come after this sample
        sample, place = (member & (later < self.size)).nonzero(as_tuple=True)
        position = later[sample, place]
        moved[place, position] = vectors[sample].to(moved.dtype)
        moved_labels[place, position] = labels[sample].to(moved_labels.dtype)
        moved_filled[place, position] = True
        self.vectors.copy_(moved)
        self.labels.copy_(moved_labels)
        self.filled.copy_(moved_filled)

    def _gap(self, left: Tensor, right: Tensor) -> Tensor:
        """|Δy| / Δ_max; classes have no order: 0 or 1."""
        if self.target.kind == "classes":
            return (left != right).to(left.dtype)
        return ((left - right).abs() / (self.target.high - self.target.low)).clamp(max=1)


def pairwise_contrast(cosine: Tensor, positive: Tensor, negative: Tensor, temperature: float) -> Tensor:
    """Mean over all positive pairs of -log exp(s_ip / τ) / (exp(s_ip / τ) + Σ_n exp(s_in / τ)), n the negatives of i.

    The loss of ConFEDE (Yang et al. 2023): other positives are not in a pair's denominator.

    Args:
        cosine: s, (A, K) of anchors and keys.
        positive: (A, K) bool.
        negative: (A, K) bool.
        temperature: τ.
    """
    logits = cosine / temperature
    lowest = torch.finfo(logits.dtype).min
    against = logits.masked_fill(~negative, lowest).logsumexp(dim=1, keepdim=True)
    loss = functional.softplus(against - logits) * positive
    return loss.sum() / positive.sum().clamp(min=1)
