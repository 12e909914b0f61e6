"""Score the constant predictor.

It is what a model reaches without any information, and the first row of every table of results.
"""

from math import isnan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import Dataset, TuningView
from sentiprism.evaluation.bootstrap import Interval, resample
from sentiprism.evaluation.differences import Difference, pair_scores
from sentiprism.metrics import Protocol
from sentiprism.tables import number
from sentiprism.types import TargetSpec

Array = npt.NDArray[Any]

NAME = "constant predictor"
"""Its name in tables."""
MARK = "‡"
"""Mark after the name of a model that is not better."""


class Constant(NamedTuple):
    """The constant predictor on a split, and the difference of a model from it."""

    description: str
    """Its value, for example "mean of train's labels, 0.140"."""
    prediction: Array
    """(N,) float32, or (N, C) with 1 at the class."""
    metrics: dict[str, Interval]
    """On the same resamples as the model's."""
    difference: Difference
    """The model minus the constant predictor on the protocol's own metric, by paired bootstrap."""
    better: bool | None
    """Whether the model is better by the 95% interval of the difference; None if there are too few videos."""

    def to_dict(self) -> dict[str, Any]:
        """As values for JSON."""
        return {
            "description": self.description,
            "metrics": {name: value._asdict() for name, value in self.metrics.items()},
            "difference": self.difference._asdict(),
            "better": self.better,
        }


def constant_of(dataset: Dataset | TuningView, count: int) -> tuple[Array, str]:
    """Constant prediction of a dataset's train split for ``count`` utterances, and its description."""
    return constant_prediction(dataset.train.labels["M"], dataset.card.target, count)


def constant_prediction(train: Array, target: TargetSpec, count: int) -> tuple[Array, str]:
    """Constant prediction for ``count`` utterances, and its description.

    Args:
        train: (M,) labels of train.
        target: intensities, which are predicted by their mean, or classes, by the most frequent one.
        count: N.
    """
    if target.kind == "classes":
        chosen = int(np.bincount(train.astype(np.int64), minlength=len(target.classes)).argmax())
        logits = np.zeros((count, len(target.classes)), np.float32)
        logits[:, chosen] = 1
        return logits, f"most frequent class of train, {target.classes[chosen]}"
    mean = float(np.mean(train, dtype=np.float64))
    return np.full(count, mean, np.float32), f"mean of train's labels, {number(mean)}"


def score(
    prediction: Array, label: Array, protocol: Protocol, videos: Array | None, constant: tuple[Array, str] | None
) -> tuple[dict[str, Interval], Constant | None]:
    """Score a model's seeds, and the constant predictor on the same resamples.

    Args:
        prediction: (S, N) or (S, N, C).
        label: (N,).
        protocol: protocol with the metrics.
        videos: (N,) see `sentiprism.evaluation.bootstrap.resample`.
        constant: see `constant_prediction`; None if train's labels are not known.

    Returns:
        All metrics of the model, including the protocol's extra ones, and the constant predictor.
    """
    everything = protocol.extended()
    drawn = resample(prediction, label, everything, videos=videos)
    if constant is None:
        return drawn.intervals(), None
    values, description = constant
    other = resample(values, label, everything, videos=videos)
    difference = pair_scores(drawn, other, tests=protocol.names)[protocol.default_selection]
    better = is_better(difference, protocol)
    return drawn.intervals(), Constant(description, values, other.intervals(), difference, better)


def is_better(difference: Difference, protocol: Protocol) -> bool | None:
    """Whether a difference in the protocol's own metric is an improvement by its interval; None if undecidable."""
    if isnan(difference.p):
        return None
    better = protocol.higher_is_better(protocol.default_selection)
    return difference.low > 0 if better else difference.high < 0
