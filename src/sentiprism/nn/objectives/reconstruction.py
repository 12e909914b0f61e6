"""Reconstruction losses."""

from typing import Literal

import torch
from torch import Tensor

DistanceForm = Literal["norm", "square"]


def reconstruction(made: Tensor, original: Tensor, mask: Tensor, form: DistanceForm = "square") -> Tensor:
    """Distance of two sequences, mean over their real steps; 0 where there are none.

    ``norm`` is the Euclidean norm of each step's difference (DLF, Eqs. 4 and 6: the norm of a whole sequence would
    grow with its length); ``square`` is the mean of its squared entries.

    Args:
        made: (..., D).
        original: (..., D).
        mask: (...) bool, the steps that count.
        form: see above.
    """
    difference = made - original
    # DLF, Eqs. 4, 6
    distance = torch.linalg.vector_norm(difference, dim=-1) if form == "norm" else difference.square().mean(dim=-1)
    return distance.masked_fill(~mask, 0.0).sum() / mask.sum().clamp(min=1)
