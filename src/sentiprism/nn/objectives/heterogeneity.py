"""Cross-modality heterogeneity: representations of different modalities pushed apart."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

HeterogeneityForm = Literal["signed", "abs", "square"]


def heterogeneity(representations: Tensor, present: Tensor, form: HeterogeneityForm = "signed") -> Tensor:
    """L_o: sum over ordered pairs of LN(h) · LN(h'), mean over the batch (MDF, Eq. 7).

    LN has no affine part and the product is divided by D, so each pair is a correlation in [-1, 1]; the literal sum
    grows with D and outweighs the other losses. ``signed`` is the paper's: its minimum is three vectors at 120°, the
    "three-legged confrontation" of its Fig. 4(b). ``abs`` and ``square`` have their minimum at right angles.

    Args:
        representations: (B, M, D).
        present: (B, M) bool; a pair counts where both are present.
        form: what is summed: the product, its absolute value or its square.
    """
    size, modalities, width = representations.shape
    normed = functional.layer_norm(representations, (width,))
    product = normed @ normed.transpose(1, 2) / width  # (B, M, M)
    if form != "signed":
        product = product.abs() if form == "abs" else product.square()
    pairs = present.unsqueeze(1) & present.unsqueeze(2)
    pairs = pairs & ~torch.eye(modalities, dtype=torch.bool, device=present.device)
    return (product * pairs).sum() / size  # MDF, Eq. 7
