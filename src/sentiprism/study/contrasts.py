"""Means of groups with bootstrap intervals, differences with tests by random signs and labels, and effect sizes.

Every function takes one value for each independent unit: a recording, or a person with the mean of their recordings.
Intervals are percentile intervals over resamples of units (Efron and Tibshirani 1993, chapter 13). Below
`sentiprism.evaluation.resampling.FEW` units, intervals and p-values are not computed.
"""

from collections.abc import Iterator
from math import nan
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.evaluation.bootstrap import percentiles
from sentiprism.evaluation.resampling import FEW, draws
from sentiprism.study.arrays import Floats, quotient

RESAMPLES = 2000
"""Of an interval."""
LEVEL = 0.95
EXACT = 13
"""Most pairs for which every assignment of signs is tried: 8192 of them."""
PERMUTATIONS = (2_000, 10_000)
"""Fewest and most random assignments of a test."""
WORK = 4_000_000
"""Most numbers that the random assignments of a test are made of, beyond the fewest."""
TINY = 1e-9
"""Relative difference below which two sums are equal: the order of summation may differ."""


class MeanInterval(NamedTuple):
    """A mean with the ends of its interval; nan where there are too few units."""

    mean: float
    low: float
    high: float


class CurveInterval(NamedTuple):
    """Means over (B,) bins with pointwise intervals; nan where a bin has no units, or too few."""

    mean: Floats
    low: Floats
    high: Floats
    units: npt.NDArray[np.int64]
    """(B,) units with a value in the bin."""


class Contrast(NamedTuple):
    """Difference of two means, a minus b."""

    difference: float
    low: float
    high: float
    effect: float
    """Standardised difference: `paired_contrast` and `independent_contrast` say by which standard deviation."""
    effect_low: float
    effect_high: float
    p: float
    """Two-sided, of no difference."""


def mean_interval(values: Floats, *, seed: int = 0) -> MeanInterval:
    """Mean over units, with its interval over resamples of units.

    Args:
        values: (U,).
        seed: random seed of the resamples.
    """
    if not len(values):
        return MeanInterval(nan, nan, nan)
    if len(values) < FEW:
        return MeanInterval(float(values.mean()), nan, nan)
    drawn = np.concatenate([block @ values for block in draws(len(values), RESAMPLES, seed)]) / len(values)
    return MeanInterval(float(values.mean()), *percentiles(drawn, LEVEL))


def mean_curve(values: Floats, *, seed: int = 0) -> CurveInterval:
    """Mean over units in each bin, with pointwise intervals; a unit without a value in a bin does not count there.

    Args:
        values: (U, B), nan where undefined.
        seed: random seed of the resamples.
    """
    defined = ~np.isnan(values)
    known, count = np.where(defined, values, 0.0), defined.sum(axis=0)
    mean = quotient(known.sum(axis=0), count)
    low, high = np.full_like(mean, nan), np.full_like(mean, nan)
    enough = np.flatnonzero(count >= FEW)
    if len(enough):
        drawn = np.concatenate(
            [
                quotient(block @ known[:, enough], block @ defined[:, enough])
                for block in draws(len(values), RESAMPLES, seed)
            ]
        )
        low[enough], high[enough] = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return CurveInterval(mean, low, high, count)


def paired_contrast(a: Floats, b: Floats, *, seed: int = 0) -> Contrast:
    """Difference within pairs; the effect size is d_z: the mean difference in standard deviations of differences.

    The p-value is that of the sign-flip test: the share of assignments of signs to the differences whose mean is at
    least as far from zero. All of them are tried for up to `EXACT` pairs, else a random sample.

    Args:
        a: (n,) of each person in one condition.
        b: (n,) of the same persons in the other one.
        seed: random seed.
    """
    difference = a - b
    mean, variance = _moments(difference, seed)
    return _contrast(mean, _standardized(mean, variance), _sign_flip(difference, seed))


def independent_contrast(a: Floats, b: Floats, *, seed: int = 0) -> Contrast:
    """Difference between independent groups; the effect size is Hedges' g.

    g = (1 - 3 / (4 (n_a + n_b) - 9)) (mean_a - mean_b) / s, where s is the pooled standard deviation (Hedges 1981).
    The p-value is that of a permutation test: the share of random assignments of units to the two groups whose
    difference of means is at least as far from zero.

    Args:
        a: (n_a,) one value for each unit of one group.
        b: (n_b,) of the other one.
        seed: random seed.
    """
    first, second = _moments(a, seed), _moments(b, seed + 1)
    correction = 1 - 3 / (4 * (len(a) + len(b)) - 9)
    variance = (first[1] * (len(a) - 1) + second[1] * (len(b) - 1)) / (len(a) + len(b) - 2)
    difference = first[0] - second[0]
    return _contrast(difference, correction * _standardized(difference, variance), _permutation(a, b, seed))


def _contrast(difference: Floats, effect: Floats, p: float) -> Contrast:
    """Of (1 + R,) values: those of the units themselves, then of resamples."""
    return Contrast(
        float(difference[0]),
        *percentiles(difference[1:], LEVEL),
        float(effect[0]),
        *percentiles(effect[1:], LEVEL),
        p,
    )


def _standardized(difference: Floats, variance: Floats) -> Floats:
    """Differences in standard deviations; nan where all values are equal up to rounding."""
    deviation = np.sqrt(variance)
    return quotient(difference, np.where(deviation > TINY * np.abs(difference), deviation, 0.0))


def _moments(values: Floats, seed: int) -> tuple[Floats, Floats]:
    """(1 + R,) mean and variance (by n - 1) of the values, then of resamples."""
    n = len(values)
    blocks = [np.ones((1, n)), *draws(n, RESAMPLES, seed)]
    mean = np.concatenate([block @ values for block in blocks]) / n
    centred = np.concatenate([block @ (values - values.mean()) for block in blocks]) / n
    squares = np.concatenate([block @ (values - values.mean()) ** 2 for block in blocks])
    return mean, np.clip(squares - n * centred**2, 0.0, None) / (n - 1)


def _sign_flip(difference: Floats, seed: int) -> float:
    n, own = len(difference), abs(float(difference.sum()))
    if n <= EXACT:
        signs = 1.0 - 2.0 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
        return float(np.mean(_as_far(signs @ difference, own)))
    generator = np.random.default_rng(seed)
    found = [_as_far((1.0 - 2.0 * generator.integers(2, size=(rows, n))) @ difference, own) for rows in row_counts(n)]
    return share_of_far(np.concatenate(found))


def _permutation(a: Floats, b: Floats, seed: int) -> float:
    values, n = np.concatenate([a, b]), len(a) + len(b)
    values = values - values.mean()  # then the sum over one group is in proportion to the difference of means
    own, generator = abs(float(values[: len(a)].sum())), np.random.default_rng(seed)
    found = []
    for rows in row_counts(n):
        shuffled = generator.permuted(np.broadcast_to(values, (rows, n)), axis=1)
        found.append(_as_far(shuffled[:, : len(a)].sum(axis=1), own))
    return share_of_far(np.concatenate(found))


def row_counts(n: int) -> Iterator[int]:
    """Sizes of blocks of random assignments of n units, by which memory is bounded."""
    fewest, most = PERMUTATIONS
    total, rows = min(max(fewest, WORK // n), most), max(1, WORK // n)
    for start in range(0, total, rows):
        yield min(rows, total - start)


def _as_far(sums: Floats, own: float) -> npt.NDArray[np.bool_]:
    return np.abs(sums) >= own * (1 - TINY)


def share_of_far(far: npt.NDArray[np.bool_]) -> float:
    """Share of random assignments, the observed one included (Davison and Hinkley 1997, section 4.2)."""
    return (1 + int(np.count_nonzero(far))) / (len(far) + 1)
