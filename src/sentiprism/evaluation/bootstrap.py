"""How sure a number is: spread over seeds, and bootstrap intervals over test samples.

The two answer different questions. ``std`` says how much a result moves when the model is trained again; the
interval says how much the mean over these trained models would move on other test samples of the same kind.
Percentile bootstrap after Efron and Tibshirani (1993), chapter 13. Where the videos of the samples are known, whole
videos are drawn (cluster bootstrap, Davison and Hinkley 1997, section 3.8): utterances of one video resemble each
other, and intervals over utterances would be too narrow.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isnan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.markup import number, probability
from sentiprism.metrics import Protocol
from sentiprism.metrics.sums import Array, Floats

PAIRED = 5000
"""Resamples of a difference: the least p is 2 / (R + 1), and must stay small after it is corrected for many tests."""
BLOCK = 4_000_000
"""Weights held at once: 32 MB, whatever N and the number of resamples."""
FEW, ROUGH = 10, 30
"""Below how many drawn units an interval is unreliable, and rough."""


class Interval(NamedTuple):
    """A metric over S seeds: unrounded, on the scale of the metric."""

    mean: float
    """Mean over seeds; nan where any seed's value is undefined, so that no failed seed is hidden."""
    std: float
    """Standard deviation over seeds (by S - 1); nan for one seed."""
    low: float
    high: float

    def cells(self, scale: int = 1) -> tuple[str, ...]:
        """Mean with its deviation, where there is one, and interval, for tables; a dash where it is undefined."""
        spread = "" if isnan(self.std) else f" ± {number(self.std, scale)}"
        mean = f"{number(self.mean, scale)}{spread}"
        return (mean,) if isnan(self.low) else (mean, f"[{number(self.low, scale)}, {number(self.high, scale)}]")


class Difference(NamedTuple):
    """A metric of a less the same metric of b, each a mean over seeds."""

    mean: float
    low: float
    high: float
    p: float
    """Two-sided bootstrap p-value of no difference, at least 1 / (resamples + 1)."""
    holm: float = float("nan")
    """The same, corrected for all metrics, and in a comparison for all its runs too (Holm 1979)."""

    def cells(self, scale: int = 1) -> tuple[str, str, str]:
        """Mean, interval and p, for tables."""
        interval = f"[{number(self.low, scale)}, {number(self.high, scale)}]"
        return number(self.mean, scale), interval, probability("p", self.p)


class Resampled(NamedTuple):
    """Every metric of S seeds, and its mean over them on each of R resamples."""

    values: dict[str, Floats]
    """(S,) on the samples as they are."""
    drawn: dict[str, Floats]
    """(R,) on the resamples."""

    def intervals(self, level: float = 0.95) -> dict[str, Interval]:
        """Mean and deviation over seeds, percentile interval over samples."""
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
    """Score predictions on the samples and on resamples; arguments and errors as `interval`.

    The same ``seed`` gives the same resamples: what is computed of several predictions' draws is paired.
    """
    runs, truth = protocol.checked(prediction, label)
    return Resampled(protocol.resampled(runs, truth), _seed_means(runs, truth, protocol, resamples, seed, videos))


def mixed(parts: Sequence[Resampled], shares: Sequence[float]) -> Resampled:
    """A sum of metrics over several sets of predictions, each times its share: a mean, an area under a curve."""

    def summed(which: str) -> dict[str, Floats]:
        found = [getattr(part, which) for part in parts]
        return {name: sum(s * f[name] for s, f in zip(shares, found, strict=True)) for name in found[0]}

    return Resampled(summed("values"), summed("drawn"))


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """p-values corrected so that the chance of any false rejection among them stays below the level (Holm 1979).

    With p in ascending order the i-th of m becomes max over j <= i of min(1, (m - j + 1) p_j); nan is no test.
    """
    ordered = sorted((value, name) for name, value in p.items() if not isnan(value))
    found, largest = dict.fromkeys(p, float("nan")), 0.0
    for place, (value, name) in enumerate(ordered):
        largest = max(largest, min(1.0, (len(ordered) - place) * value))
        found[name] = largest
    return found


def corrected(differences: Sequence[Mapping[str, Difference] | None]) -> list[dict[str, Difference] | None]:
    """Differences whose ``holm`` counts every metric of every one of them as a test."""
    tests = {f"{i} {name}": one.p for i, found in enumerate(differences) for name, one in (found or {}).items()}
    p = holm(tests)
    return [
        found and {name: one._replace(holm=p[f"{i} {name}"]) for name, one in found.items()}  # type: ignore[misc]
        for i, found in enumerate(differences)
    ]


def interval(
    prediction: npt.ArrayLike,
    label: npt.ArrayLike,
    protocol: Protocol,
    *,
    videos: Array | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Mean and deviation over seeds, and percentile interval over samples, of every metric.

    All seeds and metrics are judged on the same resamples. Resamples on which a metric is undefined (no
    non-zero label drawn, say) are left out of its percentiles.

    Args:
        prediction: (S, N) of S seeds, or (N,) of one; with classes (S, N, C) or (N, C).
        label: (N,).
        protocol: which metrics.
        videos: (N,) the video of each sample; whole videos are drawn, see `drawn_videos`.
        resamples: R.
        level: share of resamples inside the interval.
        seed: of the resamples.

    Returns:
        By metric name.

    Raises:
        UserError: bad shapes, no samples, values that are not finite, R below 1, or a level outside (0, 1).
    """
    return resample(prediction, label, protocol, videos=videos, resamples=resamples, seed=seed).intervals(level)


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
    """Difference of two models on the same samples, a less b, of every metric.

    Both are judged on the same resamples, so that what makes a sample hard for both cancels.

    Args:
        prediction_a: (S, N) or (N,), with classes (S, N, C) or (N, C).
        prediction_b: the same of the other model, rows in the same order; its number of seeds may differ.
        label: (N,).
        protocol: which metrics.
        videos: as in `interval`.
        resamples: R.
        level: share of resamples inside the interval.
        seed: of the resamples.

    Returns:
        By metric name; p is twice the smaller share of resamples on one side of 0, the observed sample
        counted in (Davison and Hinkley 1997, section 4.2), at most 1.

    Raises:
        UserError: as `interval`.
    """
    options: dict[str, Any] = {"videos": videos, "resamples": resamples, "seed": seed}
    return differ(*(resample(one, label, protocol, **options) for one in (prediction_a, prediction_b)), level=level)


def differ(
    a: Resampled, b: Resampled, *, level: float = 0.95, tests: Iterable[str] | None = None
) -> dict[str, Difference]:
    """Difference of two models, a less b, that were scored on the same resamples; see `paired`.

    Args:
        a: one.
        b: the other.
        level: share of resamples inside the interval.
        tests: metrics whose p-values are corrected for each other; by default all.
    """
    drawn = {name: a.drawn[name] - b.drawn[name] for name in a.drawn}
    p = {name: _p_value(values) for name, values in drawn.items()}
    over_metrics, found = holm({name: p[name] for name in (p if tests is None else tests)}), {}
    for name, values in drawn.items():
        mean = float(a.values[name].mean() - b.values[name].mean())
        found[name] = Difference(mean, *percentiles(values, level), p[name], over_metrics.get(name, float("nan")))
    return found


def _seed_means(
    runs: Array, label: Array, protocol: Protocol, resamples: int, seed: int, videos: Array | None = None
) -> dict[str, Floats]:
    """(R,) mean over seeds of every metric on each resample."""
    if resamples < 1:
        raise UserError(f"resamples is {resamples}", "give at least 1, better 1000")
    blocks = [
        {name: values.mean(axis=0) for name, values in protocol.resampled(runs, label, weight).items()}
        for weight in draws(len(label), resamples, seed, videos)
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in protocol.names}


def draws(samples: int, resamples: int, seed: int, videos: Array | None = None) -> Iterator[Floats]:
    """Blocks (r, N) of how often each sample was drawn.

    Rows sum to N where samples are drawn one by one; V of V videos are drawn with replacement, each with all its
    samples, where `drawn_videos` gives their numbers.
    """
    generator, video = np.random.default_rng(seed), drawn_videos(videos)
    size = samples if video is None else int(video.max()) + 1
    rows = max(1, BLOCK // samples)
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        index = generator.integers(size, size=(count, size)) + size * np.arange(count)[:, None]
        drawn = np.bincount(index.ravel(), minlength=count * size).reshape(count, size).astype(np.float64)
        yield drawn if video is None else drawn[:, video]


def drawn_videos(videos: Array | None) -> npt.NDArray[np.int64] | None:
    """(N,) number of the video that each sample is drawn with.

    None where samples are drawn one by one: nobody knows their videos, all are of one, or each is of its own.
    """
    if videos is None:
        return None
    names, number = np.unique(np.asarray(videos, str), return_inverse=True)
    return number.astype(np.int64) if 1 < len(names) < len(number) else None


def drawn_over(videos: Array | None) -> str:
    """What a bootstrap draws, as captions say it: "31 videos", "utterances"; and whether they are few."""
    if videos is None:
        return "utterances, whose videos are not known"
    if len(np.unique(np.asarray(videos, str))) == 1 < len(videos):
        return "the utterances of one video"
    units = len(videos) if (video := drawn_videos(videos)) is None else int(video.max()) + 1
    remark = " (too few for a reliable interval)" if units < FEW else " (few: intervals are rough)" * (units < ROUGH)
    return f"{'utterances' if video is None else f'{units} videos'}{remark}"


def percentiles(values: Floats, level: float) -> tuple[float, float]:
    """Ends between which the share ``level`` of the defined values lies; nan where none is defined."""
    if not 0 < level < 1:
        raise UserError(f"level is {level}", "give a share between 0 and 1, for example 0.95")
    defined = values[~np.isnan(values)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def extreme_share(shares: Floats, units: int) -> tuple[float, float] | None:
    """Interval of a share that is 0 or 1 for every seed, which no resample can move; None for any other share.

    Its open end is that of the one-sided 95% interval of Clopper and Pearson (1934) for ``units`` independent draws.
    """
    if not units or not (np.all(shares == 0) or np.all(shares == 1)):
        return None
    from scipy.stats import binomtest

    found = binomtest(h := units * int(shares[0]), units, alternative="greater" if h else "less").proportion_ci(0.95)
    return float(found.low), float(found.high)


def _p_value(differences: Floats) -> float:
    defined = differences[~np.isnan(differences)]
    if not len(defined):
        return float("nan")
    side = min(np.count_nonzero(defined <= 0), np.count_nonzero(defined >= 0))
    return min(1.0, 2 * (1 + int(side)) / (len(defined) + 1))
