"""Triplets across modalities: utterances of one sentiment closer together than those of different ones."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

TripletForm = Literal["constant", "label"]


def triplet(vectors: Tensor, present: Tensor, gap: Tensor, margin: float, form: TripletForm = "constant") -> Tensor:
    """L_m: hinge max(0, d(S, P) - d(S, N) + µ) over all triples, d = 1 - cosine (DLF, Eq. 7).

    The paper calls d a similarity, with which the literal hinge would pull positives apart; the distance is meant.
    ``constant`` is the paper's: positives are of the same sentiment and other modalities, negatives of another
    sentiment and the same modality, µ is ``margin``, the mean is over the triples. ``label`` is the authors' code:
    positives and negatives come from any modality, µ is ``margin`` · |y_S - y_N|, the mean is over anchors, of the
    mean over each one's triples.

    Each anchor's negatives are sorted and their sums accumulated, so that a positive finds its whole hinge at once:
    (B M)² numbers instead of (B M)³.

    Args:
        vectors: (B, M, D) shared features.
        present: (B, M) bool; a missing modality is neither anchor nor positive nor negative.
        gap: (B, B) how far the labels are apart; 0 = the same sentiment.
        margin: µ, or its slope.
        form: see above.
    """
    B, M = present.shape
    real = present.flatten()
    unit = functional.normalize(vectors.flatten(0, 1), dim=-1)
    distance = (1 - unit @ unit.T).float()  # (BM, BM)
    gap = gap.repeat_interleave(M, dim=0).repeat_interleave(M, dim=1)
    pair = real & real.unsqueeze(1) & ~torch.eye(B * M, dtype=torch.bool, device=real.device)
    positive, negative, reach = pair & (gap == 0), pair & (gap > 0), margin * gap
    if form == "constant":
        modality = torch.arange(M, device=real.device).repeat(B)
        same = modality == modality.unsqueeze(1)
        positive, negative, reach = positive & ~same, negative & same, torch.full_like(distance, margin)
    bound = (distance - reach).masked_fill(~negative, torch.inf).sort(dim=1).values  # the hinge is d(S, P) - bound
    violated = torch.searchsorted(bound.detach(), distance.detach())  # (BM, BM): negatives whose hinge is open
    sums = functional.pad(bound.masked_fill(bound.isinf(), 0.0).cumsum(dim=1), (1, 0))
    hinge = violated * distance - sums.gather(1, violated)  # DLF, Eq. 7
    total = (hinge * positive).sum(dim=1)  # of each anchor
    triples = positive.sum(dim=1) * negative.sum(dim=1)
    if form == "constant":
        return total.sum() / triples.sum().clamp(min=1)
    return (total / triples.clamp(min=1)).sum() / (triples > 0).sum().clamp(min=1)
