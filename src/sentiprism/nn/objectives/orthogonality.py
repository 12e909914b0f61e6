"""Orthogonality: representations that are to have nothing in common."""

from typing import Literal

from torch import Tensor
from torch.nn import functional

CosineForm = Literal["hinge", "abs"]


def difference(left: Tensor, right: Tensor, mask: Tensor) -> Tensor:
    """Difference loss of two representations (MISA, Hazarika et al. 2020, Eq. 7; TMT's O).

    Both are centred over the batch, their rows divided by their own length, through which no gradient flows; the
    loss is the mean of the squared entries of AᵀB, a (D, D') matrix.

    Args:
        left: (..., B, D).
        right: (..., B, D').
        mask: (..., B) bool: the samples that count, as if there were no others.

    Returns:
        (...) non-negative; 0 where fewer than two samples count.
    """
    # ‖AᵀB‖² = Σ (AAᵀ ∘ BBᵀ): matrices of B² entries instead of D D'
    product = _gram(left, mask) * _gram(right, mask)
    return product.sum(dim=(-2, -1)) / (left.shape[-1] * right.shape[-1])


def _gram(vectors: Tensor, mask: Tensor) -> Tensor:
    real = mask.unsqueeze(-1).to(vectors.dtype)
    mean = (vectors * real).sum(dim=-2, keepdim=True) / real.sum(dim=-2, keepdim=True).clamp(min=1)
    centred = (vectors - mean) * real
    unit = centred / (centred.detach().norm(dim=-1, keepdim=True) + 1e-6)
    gram: Tensor = unit @ unit.mT
    return gram


def batch_orthogonality(one: Tensor, other: Tensor, mask: Tensor) -> Tensor:
    """Mean of max(0, cos) of each channel of each step over the batch, as DMD's code computes L_ort.

    Its tensors are (T, B, D), of which the library of its time compared the second axis.

    Args:
        one: (B, T, D).
        other: (B, T, D).
        mask: (B, T) bool; steps that no sample has do not count.
    """
    padding = ~mask.unsqueeze(-1)
    cosine = functional.cosine_similarity(one.masked_fill(padding, 0.0), other.masked_fill(padding, 0.0), dim=0)
    steps = mask.any(dim=0)  # (T,)
    return cosine.clamp(min=0).mean(dim=-1).masked_fill(~steps, 0.0).sum() / steps.sum().clamp(min=1)


def cosine_orthogonality(one: Tensor, other: Tensor, mask: Tensor, form: CosineForm = "hinge") -> Tensor:
    """L_o: non-negative cosine of two features of the same step, mean over the real steps (DLF, Eq. 8).

    ``hinge`` is max(0, cos), as in the authors' code: right angles and anything wider cost nothing. ``abs`` has its
    minimum at right angles alone.

    Args:
        one: (..., D).
        other: (..., D).
        mask: (...) bool, the steps that count; 0 where there are none.
        form: how the cosine is made non-negative.
    """
    cosine = functional.cosine_similarity(one, other, dim=-1)
    cosine = cosine.clamp(min=0) if form == "hinge" else cosine.abs()  # DLF, Eq. 8
    return cosine.masked_fill(~mask, 0.0).sum() / mask.sum().clamp(min=1)
