"""Metrics of intensities on [-3, 3], as in MMSA's `metricsTop`.

Every function takes ``prediction`` (..., N), ``label`` (..., N) and ``weight`` (None, (N,), or (R, N) for R
resamples at once), works over the last axis and returns (...) or (..., R), unrounded, as a fraction.
"""

import numpy as np
import numpy.typing as npt

from sentiprism.metrics.sums import Floats, Singles, Weight, correlation, mean, singles, weighted_f1


def mae(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Mean absolute error, in the labels' unit."""
    return mean(np.abs(singles(prediction).astype(np.float64) - singles(label)), weight)


def pearson(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Pearson correlation; nan if predictions or labels are constant."""
    return correlation(singles(prediction), singles(label), weight)


def acc_7(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Accuracy over the seven integers of [-3, 3]: both sides clipped, then rounded half to even."""
    return _rounded_accuracy(prediction, label, weight, limit=3)


def acc_5(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Accuracy over the five integers of [-2, 2]: both sides clipped, then rounded half to even; 2.6 is 2."""
    return _rounded_accuracy(prediction, label, weight, limit=2)


def f1_5(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Weighted F1 over the five classes of `acc_5`."""
    near, truth = (np.asarray(rounded(side, 2) + 2, np.int64) for side in (prediction, label))
    return weighted_f1(near, truth, 5, weight)


def acc2_has0(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Accuracy of negative against non-negative, over all samples; 0 and -0.0 are non-negative."""
    return mean((singles(prediction) >= 0) == (singles(label) >= 0), weight)


def f1_has0(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Weighted F1 of negative against non-negative, over all samples."""
    return weighted_f1(singles(prediction) >= 0, singles(label) >= 0, 2, weight)


def acc2_non0(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Accuracy of negative against positive, over samples with a non-zero label; nan if there are none.

    A prediction of 0 is negative here and non-negative in `acc2_has0`.
    """
    truth = singles(label)
    return mean((singles(prediction) > 0) == (truth > 0), weight, within=truth != 0)


def f1_non0(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Weighted F1 of negative against positive, over samples with a non-zero label; see `acc2_non0`."""
    truth = singles(label)
    return weighted_f1(singles(prediction) > 0, truth > 0, 2, weight, within=truth != 0)


def f1_legacy(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """`f1_non0` with prediction and label swapped, as in MISA, TMT and early Self-MM.

    Classes are weighted by how often they are predicted, which favours the model's own class frequencies. It is for
    reading old tables and is not in any protocol.
    """
    truth = singles(label)
    return weighted_f1(truth > 0, singles(prediction) > 0, 2, weight, within=truth != 0)


def _rounded_accuracy(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight, *, limit: int) -> Floats:
    return mean(rounded(prediction, limit) == rounded(label, limit), weight)


def rounded(values: npt.ArrayLike, limit: int) -> Singles:
    """(N,) clipped to [-limit, limit], then rounded half to even."""
    return np.asarray(np.round(np.clip(singles(values), -limit, limit)))
