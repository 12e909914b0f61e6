"""Pearson's r within videos: of predictions and labels, each minus the mean of its video.

Predictions for left-out videos follow the mean of the other videos, which is lower if that of the left-out video is
higher: without centring, noise has a negative r, see `sentiprism.data.video_folds`.
"""

from math import nan
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.evaluation.bootstrap import Resampled, resample
from sentiprism.metrics import Metric, Protocol
from sentiprism.metrics.intensity import pearson

Array = npt.NDArray[Any]

FLAT = 1e-6
"""Largest deviation from the video's mean that counts as constant."""
LABEL = "r within videos"
MEANING = (
    "Pearson correlation of predictions and labels minus the mean of their video; r itself is biased downwards if "
    "models predict left-out videos, below 0 for noise: the higher the mean of these videos, the lower that of train"
)
WITHIN = "pearson_within_videos"
PROTOCOL = Protocol(
    name="within videos",
    title="within videos",
    kind="intensity",
    metrics={WITHIN: Metric(pearson, LABEL, MEANING, percent=False)},
    default_selection=WITHIN,
)


def centre(values: Array, videos: Array) -> npt.NDArray[np.float64]:
    """(..., N) values minus the mean of their video; 0 if they differ only by rounding."""
    _, index = np.unique(np.asarray(videos, str), return_inverse=True)
    counts = np.bincount(index)
    rows = np.asarray(values, np.float64).reshape(-1, len(index))
    found = np.stack([row - (np.bincount(index, row) / counts)[index] for row in rows])
    found[np.abs(found).max(axis=1) < FLAT] = 0
    return found.reshape(np.shape(values))


def within_videos(prediction: Array, label: Array, videos: Array) -> float:
    """Pearson's r within videos of one model; nan if predictions or labels are constant in every video."""
    one, other = (centre(values, videos) for values in (prediction, label))
    return float(np.corrcoef(one, other)[0, 1]) if one.any() and other.any() else nan


def resample_within(prediction: Array, label: Array, videos: Array, *, resamples: int = 1000) -> Resampled:
    """Bootstrap r within videos; whole videos are drawn, so their means are the same in every resample.

    Args:
        prediction: (S, N).
        label: (N,).
        videos: (N,).
        resamples: as in `resample`; the same number draws the same videos.
    """
    return resample(centre(prediction, videos), centre(label, videos), PROTOCOL, videos=videos, resamples=resamples)
