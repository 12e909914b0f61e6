"""Pearson's r within videos: of predictions and labels, each less the mean of its video.

Predictions of videos that were left out follow the mean of the other videos, which is the lower the higher that of the
video itself: without centring, noise has a negative r, see `sentiprism.data.video_folds`.
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
"""Largest deviation from the mean of its video of what counts as constant."""
LABEL = "r within videos"
MEANING = (
    "Pearson correlation of predictions and labels less the mean of their video; r itself is biased downwards where "
    "models predict videos that were left out, below 0 for noise: train's mean is the lower the higher theirs is"
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
    """(..., N) values less the mean of their video; 0 where nothing differs from it but by rounding."""
    _, index = np.unique(np.asarray(videos, str), return_inverse=True)
    counts = np.bincount(index)
    rows = np.asarray(values, np.float64).reshape(-1, len(index))
    found = np.stack([row - (np.bincount(index, row) / counts)[index] for row in rows])
    found[np.abs(found).max(axis=1) < FLAT] = 0
    return found.reshape(np.shape(values))


def within_videos(prediction: Array, label: Array, videos: Array) -> float:
    """Pearson's r within videos of one model; nan where predictions or labels are constant in every video."""
    one, other = (centre(values, videos) for values in (prediction, label))
    return float(np.corrcoef(one, other)[0, 1]) if one.any() and other.any() else nan


def resample_within(prediction: Array, label: Array, videos: Array, *, resamples: int = 1000) -> Resampled:
    """Bootstrap r within videos; a video that is drawn is drawn whole, so its mean is the same in every resample.

    Args:
        prediction: (S, N).
        label: (N,).
        videos: (N,).
        resamples: as in `resample`; the same number draws the same videos.
    """
    return resample(centre(prediction, videos), centre(label, videos), PROTOCOL, videos=videos, resamples=resamples)
