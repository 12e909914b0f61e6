"""Central moment discrepancy: distributions made alike."""

import torch
from torch import Tensor


def moment_discrepancy(left: Tensor, right: Tensor, mask: Tensor, moments: int = 5) -> Tensor:
    """Distance of the means and of the central moments up to the given one (CMD, Zellinger et al. 2017; MISA's L_sim).

    Args:
        left: (..., B, D), values in [0, 1].
        right: (..., B, D), values in [0, 1].
        mask: (..., B) bool: samples that count.
        moments: the highest.

    Returns:
        (...) non-negative; 0 where no sample counts.
    """
    real = mask.unsqueeze(-1).to(left.dtype)
    count = real.sum(dim=-2).clamp(min=1)
    means = [(side * real).sum(dim=-2) / count for side in (left, right)]
    centred = [(side - mean.unsqueeze(-2)) * real for side, mean in zip((left, right), means, strict=True)]
    distances = [_length(means[0] - means[1])]
    for order in range(2, moments + 1):
        powers = [(side**order).sum(dim=-2) / count for side in centred]
        distances.append(_length(powers[0] - powers[1]))
    return torch.stack(distances).sum(dim=0)


def _length(difference: Tensor) -> Tensor:
    """Euclidean, with a gradient at 0."""
    square = difference.square().sum(dim=-1)
    return torch.where(square > 0, square, torch.ones_like(square)).sqrt() * (square > 0)
