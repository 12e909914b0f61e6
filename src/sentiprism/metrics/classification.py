"""Metrics of classes: `prediction` (..., N, C) logits against `label` (..., N).

The class of a sample is the largest logit, the first if tied. ``weight`` and results are those of
`sentiprism.metrics.intensity`. The two-class metrics read three classes: negative, neutral, positive.
"""

import numpy as np
import numpy.typing as npt

from sentiprism.metrics.sums import Array, Floats, Weight, mean, weighted_f1

NEUTRAL = 1


def accuracy(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Share of samples with the correct class."""
    return mean(np.argmax(prediction, axis=-1) == np.asarray(label), weight)


def f1(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Weighted F1 over all C classes."""
    logits = np.asarray(prediction)
    return weighted_f1(logits.argmax(axis=-1), np.asarray(label), logits.shape[-1], weight)


def acc2_has0(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Accuracy of positive against the rest, over all samples: a neutral label counts as negative (MMSA)."""
    return mean(_positive(prediction) == (np.asarray(label) > NEUTRAL), weight)


def f1_has0(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Weighted F1 of positive against the rest, over all samples; see `acc2_has0`."""
    return weighted_f1(_positive(prediction), np.asarray(label) > NEUTRAL, 2, weight)


def acc2_non0(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Accuracy of negative against positive, over samples that are not neutral; nan if there are none.

    MMSA compares predictions of 0 and 1 with labels of 0 and 2 here, so that no positive is ever correct and perfect
    predictions score below 1. This is the metric it intended.
    """
    truth = np.asarray(label)
    return mean(_positive(prediction) == (truth > NEUTRAL), weight, within=truth != NEUTRAL)


def f1_non0(prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
    """Weighted F1 of negative against positive, over samples that are not neutral; see `acc2_non0`."""
    truth = np.asarray(label)
    return weighted_f1(_positive(prediction), truth > NEUTRAL, 2, weight, within=truth != NEUTRAL)


def _positive(prediction: npt.ArrayLike) -> Array:
    """Whether the positive logit exceeds the negative one; the neutral logit is ignored (MMSA)."""
    logits = np.asarray(prediction)
    return np.asarray(logits[..., 2] > logits[..., 0])
