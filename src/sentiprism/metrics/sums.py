"""Metrics as weighted sums over samples, for the bootstrap.

A resample with replacement is given by how often each sample was drawn. So R resamples are a weight (R, N) and each
sum over them is one matrix product, whereas an index (R, N) would copy every prediction R times. A subset, such as
samples with a non-zero label, is a factor of 0 or 1, so that arrays of resamples stay rectangular.

Values are compared as float32, the precision of models and stored labels, because edges such as 0.1 differ between
precisions: 0.1 as float32 is above 0.1 as float64 and would change its bin. Sums are float64.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Weight = npt.ArrayLike | None

CONSTANT = 1e-12
"""Variance, relative to the mean square, below which values are constant up to the rounding of their sums."""


def singles(values: npt.ArrayLike) -> Singles:
    """Convert values to float32, in which all comparisons are made."""
    return np.asarray(values, dtype=np.float32)


def total(values: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Weighted sum over the last axis.

    Args:
        values: (..., N) numbers or truth values.
        weight: None for 1 each, (N,), or (R, N) for R sums at once.

    Returns:
        (...), or (..., R) float64.
    """
    values = np.asarray(values, dtype=np.float64)
    if weight is None:
        return np.asarray(values.sum(axis=-1))
    return np.asarray(values @ np.asarray(weight, dtype=np.float64).T)


def ratio(numerator: Floats, denominator: Floats, otherwise: float = np.nan) -> Floats:
    """Quotient, or ``otherwise`` without a warning where the denominator is 0."""
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    quotient = np.full(shape, otherwise, dtype=np.float64)
    np.divide(numerator, denominator, out=quotient, where=denominator != 0)
    return quotient


def mean(values: npt.ArrayLike, weight: Weight = None, within: Array | None = None) -> Floats:
    """Weighted mean over the last axis.

    Args:
        values: (..., N).
        weight: None, (N,) or (R, N).
        within: (..., N) bool, the samples to use; None = all.

    Returns:
        (...) or (..., R); nan where no sample is used.
    """
    values = np.asarray(values, dtype=np.float64)
    counted = np.ones(values.shape[-1]) if within is None else np.asarray(within, dtype=np.float64)
    return ratio(total(values * counted, weight), total(counted, weight))


def weighted_f1(
    prediction: Array, label: Array, classes: int, weight: Weight = None, within: Array | None = None
) -> Floats:
    """F1 of each class, averaged with the number of labels as weights (scikit-learn's ``average="weighted"``).

    It is not symmetric: with swapped arguments, classes are weighted by the number of predictions.

    Args:
        prediction: (..., N) class numbers.
        label: (..., N) class numbers.
        classes: C; numbers are 0 to C - 1.
        weight: None, (N,) or (R, N).
        within: (..., N) bool, the samples to use; None = all.

    Returns:
        (...) or (..., R); nan where no sample is used.
    """
    prediction, label = np.broadcast_arrays(prediction, label)
    counted = np.ones(label.shape, dtype=bool) if within is None else np.broadcast_to(within, label.shape)
    score, support = np.zeros(()), np.zeros(())
    for number in range(classes):
        predicted, true = (prediction == number) & counted, (label == number) & counted
        of_class = total(true, weight)
        both = of_class + total(predicted, weight)
        score = score + of_class * ratio(2 * total(predicted & true, weight), both, otherwise=0.0)
        support = support + of_class
    return ratio(score, support)


def variance(values: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Weighted variance (by N) over the last axis, exactly 0 if all values with non-zero weight are equal."""
    values = shifted(values)
    square = mean(values**2, weight)
    found = square - mean(values, weight) ** 2
    return np.where(found <= CONSTANT * square, 0.0, found)


def correlation(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Weighted Pearson correlation over the last axis; nan if either side is constant."""
    a, b = shifted(prediction), shifted(label)
    covariance = mean(a * b, weight) - mean(a, weight) * mean(b, weight)
    return np.clip(ratio(covariance, np.sqrt(variance(a, weight) * variance(b, weight))), -1.0, 1.0)


def shifted(values: npt.ArrayLike) -> Floats:
    """(..., N) minus the first value, for numerically stable moments; constants become exactly 0."""
    moved: Floats = np.array(values, dtype=np.float64)
    moved -= moved[..., :1].copy()
    return moved
