"""A metric of its own: the median of the absolute errors, which a few gross errors do not move."""

import numpy as np

from sentiprism.metrics.custom import CustomMetric
from sentiprism.metrics.sums import Array, Floats


class MedianError(CustomMetric):
    """Weighted median of the absolute errors."""

    name = "median_error"
    label = "MedAE"
    meaning = "median of the absolute errors, in the unit of the labels"
    higher_is_better = False

    def compute(self, prediction: Array, label: Array, weight: Floats) -> float:
        """The smallest error that half of the weight does not exceed."""
        error = np.abs(prediction - label)
        order = np.argsort(error, kind="stable")
        half = np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)
        return float(error[order][half])
