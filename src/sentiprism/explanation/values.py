"""Compute Shapley values, occlusion and shares from the values of coalitions."""

from math import factorial

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def shapley(values: npt.ArrayLike) -> Floats:
    """Compute exact Shapley values (Shapley 1953).

    φ_m = Σ_{S ∌ m} |S|! (M - |S| - 1)! / M! · (v(S ∪ m) - v(S)); the φ of a sample sum to v(all) - v(∅).

    Args:
        values: (..., 2^M) values of coalitions in the order of `Coalitions`.

    Returns:
        (..., M), in the unit of the values.
    """
    v = np.asarray(values, np.float64)
    M = v.shape[-1].bit_length() - 1
    return np.stack([v @ _marginal(M, m) for m in range(M)], axis=-1)


def _marginal(M: int, m: int) -> Floats:
    """(2^M,) weight of each coalition's value in φ_m."""
    weights = np.zeros(2**M)
    for n in range(2**M):
        if not n >> m & 1:
            size = n.bit_count()
            share = factorial(size) * factorial(M - size - 1) / factorial(M)
            weights[n | 1 << m] += share
            weights[n] -= share
    return weights


def occlusion(values: npt.ArrayLike) -> Floats:
    """v(all) - v(all but m), the effect of removing one modality; (..., 2^M) -> (..., M)."""
    v = np.asarray(values, np.float64)
    last = v.shape[-1] - 1
    return np.stack([v[..., last] - v[..., last ^ 1 << m] for m in range(last.bit_length())], axis=-1)


def chosen_class(values: npt.NDArray[np.generic]) -> Floats:
    """(N, 2^M) values; for classes (N, 2^M, C), the logits of the class that is predicted with all modalities."""
    v = np.asarray(values, np.float64)
    if v.ndim == 2:
        return v
    predicted = v[:, -1].argmax(axis=-1)
    return np.asarray(v[np.arange(len(v)), :, predicted])


def shares(attribution: npt.ArrayLike) -> Floats:
    """(..., M) attributions -> absolute values as shares that sum to 1; all 0 if every one is 0."""
    amount = np.abs(np.asarray(attribution, np.float64))
    total = amount.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(amount, total, out=np.zeros_like(amount), where=total > 0))
