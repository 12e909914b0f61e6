"""Paired differences between models, with corrected p-values.

With fewer than `sentiprism.evaluation.resampling.FEW` videos, p is undefined: four videos have only 35 different
resamples, and say nothing about other videos.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isnan, nan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.evaluation.bootstrap import Resampled, percentiles, resample
from sentiprism.metrics import Protocol
from sentiprism.metrics.sums import Array, Floats
from sentiprism.tables import number, probability

PAIRED = 5000
"""Resamples of a difference: the smallest p is 2 / (R + 1), which must stay small after correction for many tests."""


class Difference(NamedTuple):
    """A metric of a minus the same metric of b, each a mean over seeds."""

    mean: float
    low: float
    high: float
    p: float
    """Two-sided bootstrap p-value of no difference, at least 1 / (resamples + 1); nan if the metric is undefined, or
    there are too few videos."""
    holm: float = nan
    """p corrected for all metrics, and in a comparison also for all runs (Holm 1979)."""

    def cells(self, scale: int = 1) -> tuple[str, str, str]:
        """Mean, interval and p, for tables."""
        interval = f"[{number(self.low, scale)}, {number(self.high, scale)}]"
        return number(self.mean, scale), interval, probability("p", self.p)


def paired(
    prediction_a: npt.ArrayLike,
    prediction_b: npt.ArrayLike,
    label: npt.ArrayLike,
    protocol: Protocol,
    *,
    videos: Array | None = None,
    resamples: int = PAIRED,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Difference]:
    """Difference of two models on the same samples, a minus b, for every metric.

    Both are scored on the same resamples, so that the difficulty of samples for both models cancels.

    Args:
        prediction_a: (S, N) or (N,), with classes (S, N, C) or (N, C).
        prediction_b: the same of the other model, rows in the same order; its number of seeds may differ.
        label: (N,).
        protocol: protocol with the metrics.
        videos: as in `interval`.
        resamples: R.
        level: share of resamples inside the interval.
        seed: random seed of the resamples.

    Returns:
        By metric name; p is twice the smaller share of resamples on one side of 0, the observed sample
        included (Davison and Hinkley 1997, section 4.2), at most 1; nan if there are too few units.

    Raises:
        UserError: as `interval`.
    """
    options: dict[str, Any] = {"videos": videos, "resamples": resamples, "seed": seed}
    return pair_scores(
        *(resample(one, label, protocol, **options) for one in (prediction_a, prediction_b)), level=level
    )


def pair_scores(
    a: Resampled, b: Resampled, *, level: float = 0.95, tests: Iterable[str] | None = None
) -> dict[str, Difference]:
    """Difference of two models, a minus b, scored on the same resamples; see `paired`.

    Args:
        a: scores of one model.
        b: scores of the other one.
        level: share of resamples inside the interval.
        tests: metrics that count in the correction of p-values; by default all.
    """
    drawn = {name: a.drawn[name] - b.drawn[name] for name in a.drawn}
    p = {name: nan if a.units.few else _p_value(values) for name, values in drawn.items()}
    over_metrics, found = holm({name: p[name] for name in (p if tests is None else tests)}), {}
    for name, values in drawn.items():
        mean = float(a.values[name].mean() - b.values[name].mean())
        found[name] = Difference(mean, *percentiles(values, level), p[name], over_metrics.get(name, nan))
    return found


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """Correct p-values so that the probability of any false rejection stays below the level (Holm 1979).

    With p in ascending order, the i-th of m becomes max over j <= i of min(1, (m - j + 1) p_j); nan is not counted.
    """
    ordered = sorted((value, name) for name, value in p.items() if not isnan(value))
    found, largest = dict.fromkeys(p, nan), 0.0
    for place, (value, name) in enumerate(ordered):
        largest = max(largest, min(1.0, (len(ordered) - place) * value))
        found[name] = largest
    return found


def corrected(differences: Sequence[Mapping[str, Difference] | None]) -> list[dict[str, Difference] | None]:
    """Set ``holm`` of differences, with every metric of each as a test."""
    tests = {f"{i} {name}": one.p for i, found in enumerate(differences) for name, one in (found or {}).items()}
    p = holm(tests)
    return [
        found and {name: one._replace(holm=p[f"{i} {name}"]) for name, one in found.items()}  # type: ignore[misc]
        for i, found in enumerate(differences)
    ]


def _p_value(differences: Floats) -> float:
    defined = differences[~np.isnan(differences)]
    if not len(defined):
        return nan
    side = min(np.count_nonzero(defined <= 0), np.count_nonzero(defined >= 0))
    return min(1.0, 2 * (1 + int(side)) / (len(defined) + 1))
