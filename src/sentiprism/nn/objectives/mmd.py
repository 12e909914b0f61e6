"""Maximum mean discrepancy: two sets of vectors drawn to one distribution."""

import torch
from torch import Tensor

WIDTHS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Bandwidths of the kernels, in quarters of the mean squared distance."""


def mmd(left: Tensor, right: Tensor, mask: Tensor) -> Tensor:
    """Squared MMD (Gretton et al. 2012, Eq. 5, biased) under a sum of five Gaussian kernels (TMT's released code).

    The mean squared distance between two of the 2B vectors, by which the kernels are measured, has no gradient.

    Args:
        left: (..., B, D).
        right: (..., B, D).
        mask: (..., B) bool: the samples that count, as if there were no others.

    Returns:
        (...) non-negative; 0 where no sample counts.
    """
    real = torch.cat([mask, mask], dim=-1).to(left.dtype)  # (..., 2B)
    count = real.sum(dim=-1, keepdim=True)
    vectors = torch.cat([left, right], dim=-2)  # (..., 2B, D)
    # distances do not depend on the origin, their rounding does
    vectors = vectors - (vectors * real.unsqueeze(-1)).sum(dim=-2, keepdim=True) / count.unsqueeze(-1).clamp(min=1)
    norms = vectors.square().sum(dim=-1)
    squared = (norms.unsqueeze(-1) + norms.unsqueeze(-2) - 2 * vectors @ vectors.mT).clamp(min=0)  # (..., 2B, 2B)
    pairs = real.unsqueeze(-1) * real.unsqueeze(-2)
    mean = (squared.detach() * pairs).sum(dim=(-2, -1)) / (count * (count - 1)).squeeze(-1).clamp(min=1)
    unit = (mean / 4).clamp(min=torch.finfo(left.dtype).eps)[..., None, None]
    kernel = torch.stack([torch.exp(-squared / (width * unit)) for width in WIDTHS]).sum(dim=0)
    weight = mask.to(left.dtype)
    signed = torch.cat([weight, -weight], dim=-1) / weight.sum(dim=-1, keepdim=True).clamp(min=1)
    # mean k(x, x') + mean k(y, y') - 2 mean k(x, y)
    result: Tensor = signed.unsqueeze(-2) @ kernel @ signed.unsqueeze(-1)
    return result.squeeze(-1).squeeze(-1)
