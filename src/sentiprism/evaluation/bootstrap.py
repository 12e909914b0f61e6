"""Bootstrap intervals of metrics, and standard deviations over seeds.

The two answer different questions. ``std`` describes how a result varies if the model is trained again; the
interval describes how the mean over these trained models would vary on other test samples of the same kind.
Percentile bootstrap after Efron and Tibshirani (1993), chapter 13; for the sampling units, see
`sentiprism.evaluation.resampling`.
"""

from collections.abc import Sequence
from math import isnan
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.evaluation.resampling import Units, draws, units_of
from sentiprism.metrics import Protocol
from sentiprism.metrics.sums import Array, Floats
from sentiprism.tables import number


class Interval(NamedTuple):
    """A metric over S seeds, unrounded, on the metric's scale."""

    mean: float
    """Mean over seeds; nan if any seed's value is undefined, so that failed seeds are not hidden."""
    std: float
    """Standard deviation over seeds (by S - 1); nan for one seed."""
    low: float
    high: float

    def cells(self, scale: int = 1) -> tuple[str, ...]:
        """Mean with standard deviation, if any, and interval, for tables; a dash if undefined."""
        spread = "" if isnan(self.std) else f" ± {number(self.std, scale)}"
        mean = f"{number(self.mean, scale)}{spread}"
        return (mean,) if isnan(self.low) else (mean, f"[{number(self.low, scale)}, {number(self.high, scale)}]")


class Resampled(NamedTuple):
    """All metrics of S seeds, and their means over seeds on each of R resamples."""

    values: dict[str, Floats]
    """(S,) on the original samples."""
    drawn: dict[str, Floats]
    """(R,) on the resamples."""
    units: Units
    """Units that were drawn."""

    def intervals(self, level: float = 0.95) -> dict[str, Interval]:
        """Compute the mean and standard deviation over seeds and the percentile interval of every metric.

        All use the same resamples. Those with an undefined metric (for example, if no non-zero label is drawn) are
        left out of its percentiles.

        Args:
            level: share of resamples inside the interval.

        Raises:
            UserError: the level is outside (0, 1).
        """
        found = {}
        for name, values in self.values.items():
            std = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
            found[name] = Interval(float(values.mean()), std, *percentiles(self.drawn[name], level))
        return found


def resample(
    prediction: npt.ArrayLike,
    label: npt.ArrayLike,
    protocol: Protocol,
    *,
    videos: Array | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Resampled:
    """Score predictions on the samples and on resamples.

    The same ``seed`` gives the same resamples, so results for several predictions are paired.

    Args:
        prediction: (S, N) of S seeds, or (N,) of one; with classes (S, N, C) or (N, C).
        label: (N,).
        protocol: protocol with the metrics.
        videos: (N,) the video of each sample; whole videos are drawn, see
            `sentiprism.evaluation.resampling.drawn_videos`.
        resamples: R.
        seed: random seed of the resamples.

    Raises:
        UserError: wrong shapes, no samples, values that are not finite, or R below 1.
    """
    runs, truth = protocol.checked(prediction, label)
    drawn = _seed_means(runs, truth, protocol, resamples, seed, videos)
    return Resampled(protocol.resampled(runs, truth), drawn, units_of(videos, len(truth)))


def mixed(parts: Sequence[Resampled], shares: Sequence[float]) -> Resampled:
    """Weighted sum of metrics over several sets of predictions: for example a mean, or an area under a curve."""

    def summed(which: str) -> dict[str, Floats]:
        found = [getattr(part, which) for part in parts]
        return {name: sum(s * f[name] for s, f in zip(shares, found, strict=True)) for name in found[0]}

    return Resampled(summed("values"), summed("drawn"), parts[0].units)


def _seed_means(
    runs: Array, label: Array, protocol: Protocol, resamples: int, seed: int, videos: Array | None = None
) -> dict[str, Floats]:
    """Compute (R,) means over seeds of every metric on each resample."""
    if resamples < 1:
        raise UserError(f"resamples is {resamples}", "give at least 1, better 1000")
    blocks = [
        {name: values.mean(axis=0) for name, values in protocol.resampled(runs, label, weight).items()}
        for weight in draws(len(label), resamples, seed, videos)
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in protocol.names}


def percentiles(values: Floats, level: float) -> tuple[float, float]:
    """Compute the ends of the central share ``level`` of the defined values; nan if none is defined."""
    if not 0 < level < 1:
        raise UserError(f"level is {level}", "give a share between 0 and 1, for example 0.95")
    defined = values[~np.isnan(values)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def extreme_share(shares: Floats, units: int) -> tuple[float, float] | None:
    """Interval of a share that is 0 or 1 for every seed, and so in every resample; None for any other share.

    Its open end is that of the one-sided 95% interval of Clopper and Pearson (1934) for ``units`` independent draws.
    """
    if not units or not (np.all(shares == 0) or np.all(shares == 1)):
        return None
    from scipy.stats import binomtest

    found = binomtest(h := units * int(shares[0]), units, alternative="greater" if h else "less").proportion_ci(0.95)
    return float(found.low), float(found.high)
