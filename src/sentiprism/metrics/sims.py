"""Metrics of intensities on [-1, 1], for CH-SIMS (Yu et al. 2020) and CH-SIMS v2 (Liu et al. 2022).

Both sides are clipped to [-1, 1] before anything else, for MAE and correlation too. Bins are open on the left
and closed on the right: 0 is negative in Acc-2 and 0.1 is neutral in Acc-3. Shapes are those of
`sentiprism.metrics.intensity`.
"""

import numpy as np
import numpy.typing as npt

from sentiprism.metrics import intensity
from sentiprism.metrics.sums import (
    Array,
    Floats,
    Singles,
    Weight,
    mean,
    ratio,
    singles,
    variance,
    weighted_f1,
)

FIVE = (-0.7, -0.1, 0.1, 0.7)
"""Edges of the bins of Acc-5."""
WEAK = np.float32(0.4)
"""Largest absolute label of a weak sentiment in CH-SIMS v2, inclusive."""


def mae(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Mean absolute error of the clipped values."""
    return intensity.mae(_clipped(prediction), _clipped(label), weight)


def pearson(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Pearson correlation of the clipped values; nan if either side is constant after clipping."""
    return intensity.pearson(_clipped(prediction), _clipped(label), weight)


def acc_2(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Accuracy over [-1, 0] and (0, 1]."""
    return mean(bins(prediction, 0.0) == bins(label, 0.0), weight)


def f1(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Weighted F1 over [-1, 0] and (0, 1]."""
    return weighted_f1(bins(prediction, 0.0), bins(label, 0.0), 2, weight)


def acc_3(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Accuracy over [-1, -0.1], (-0.1, 0.1] and (0.1, 1]."""
    edges = (-0.1, 0.1)
    return mean(bins(prediction, *edges) == bins(label, *edges), weight)


def acc_5(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Accuracy over [-1, -0.7], (-0.7, -0.1], (-0.1, 0.1], (0.1, 0.7] and (0.7, 1]."""
    return mean(bins(prediction, *FIVE) == bins(label, *FIVE), weight)


def f1_5(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Weighted F1 over the five bins of `acc_5`."""
    return weighted_f1(bins(prediction, *FIVE), bins(label, *FIVE), len(FIVE) + 1, weight)


def acc2_weak(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """`acc_2` over samples whose label is at most 0.4 from 0 (CH-SIMS v2); nan if there are none."""
    weak = np.abs(_clipped(label)) <= WEAK
    return mean(bins(prediction, 0.0) == bins(label, 0.0), weight, within=weak)


def r2(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Coefficient of determination of the clipped values (CH-SIMS v2); nan if the labels are constant."""
    near, truth = (_clipped(side).astype(np.float64) for side in (prediction, label))
    return 1.0 - ratio(mean((near - truth) ** 2, weight), variance(truth, weight))


def _clipped(values: npt.ArrayLike) -> Singles:
    return np.clip(singles(values), -1, 1)


def bins(values: npt.ArrayLike, *edges: float) -> Array:
    """(N,) index of the bin, from 0; a value on an edge is in the lower bin."""
    return np.digitize(_clipped(values), singles(edges), right=True)
