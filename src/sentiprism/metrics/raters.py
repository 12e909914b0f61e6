"""Agreement of raters: Krippendorff's alpha, intraclass correlations, limits of agreement."""

from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval"]
LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval")
"""Levels of measurement: names, ranks, and numbers whose differences have a meaning."""
BETWEEN = 1.96
"""Standard deviations on each side of the bias that 95% of normal differences are within."""


class Icc(NamedTuple):
    """An intraclass correlation with its confidence interval; nan where it is undefined."""

    value: float
    low: float
    high: float


class IntraclassCorrelations(NamedTuple):
    """Absolute agreement of raters who were drawn at random, two-way model."""

    single: Icc
    """ICC(2,1): reliability of one rater."""
    average: Icc
    """ICC(2,k): reliability of the mean of all raters."""
    utterances: int
    """Those that every rater has rated; the others are left out."""
    raters: int


class BlandAltman(NamedTuple):
    """Differences of two raters, first less second."""

    bias: float
    """Mean difference."""
    std: float
    """Standard deviation of the differences, by n - 1."""
    low: float
    """Lower limit of agreement, bias - 1.96 std."""
    high: float
    means: Floats
    """(n,) of both ratings."""
    differences: Floats
    """(n,)"""


class RaterAgreement(NamedTuple):
    """Agreement of all raters of the same utterances."""

    alpha: float
    utterances: int
    """Those with two ratings or more."""
    ratings: int
    icc: IntraclassCorrelations | None
    """None for classes."""
    pairs: dict[tuple[int, int], BlandAltman]
    """Of every two raters who share at least two utterances; empty for classes."""


def krippendorff_alpha(ratings: npt.ArrayLike, level: Level = "interval") -> float:
    """Compute Krippendorff's α = 1 - D_o / D_e (Krippendorff 2011), with missing ratings.

    D_o is the mean distance of two ratings of one utterance, D_e that of any two ratings.

    Args:
        ratings: (N, R) of N utterances by R raters; nan = not rated. Classes are numbers too.
        level: of measurement, which defines the distance of two ratings.

    Returns:
        1 for perfect agreement, 0 for that of chance; nan where all ratings are equal or no utterance has two.
    """
    given = np.asarray(ratings, np.float64)
    given = given[(~np.isnan(given)).sum(axis=1) > 1]
    if not given.size:
        return float("nan")
    values = np.unique(given[~np.isnan(given)])
    counts = (given[:, :, None] == values).sum(axis=1).astype(np.float64)  # (N, V)
    weighted = counts / (counts.sum(axis=1, keepdims=True) - 1)
    coincidences = weighted.T @ counts - np.diag(weighted.sum(axis=0))  # (V, V)
    total = coincidences.sum(axis=1)
    distance = _distances(values, total, level)
    expected = float((np.outer(total, total) * distance).sum() / (total.sum() - 1))
    return 1 - float((coincidences * distance).sum()) / expected if expected > 0 else float("nan")


def _distances(values: Floats, total: Floats, level: Level) -> Floats:
    """(V, V) squared distances of values, which occur ``total`` times."""
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "ordinal":  # the number of ratings between two ranks, with half of those at each
        ranks = np.cumsum(total) - total / 2
        return np.asarray((ranks[:, None] - ranks) ** 2)
    return np.asarray((values[:, None] - values) ** 2)


def intraclass_correlation(ratings: npt.ArrayLike, level: float = 0.95) -> IntraclassCorrelations:
    """Compute ICC(2,1) and ICC(2,k) (Shrout and Fleiss 1979), with intervals by McGraw and Wong (1996).

    Args:
        ratings: (N, R) of N utterances by R raters; utterances with a missing rating (nan) are left out.
        level: of the confidence intervals.
    """
    given = np.asarray(ratings, np.float64)
    given = given[~np.isnan(given).any(axis=1)]
    n, k = given.shape
    undefined = Icc(*3 * (float("nan"),))
    if n < 2 or k < 2:
        return IntraclassCorrelations(undefined, undefined, n, k)
    rows, columns, grand = given.mean(axis=1), given.mean(axis=0), given.mean()
    between = k * float(((rows - grand) ** 2).sum()) / (n - 1)  # mean squares: utterances, raters, residual
    of_raters = n * float(((columns - grand) ** 2).sum()) / (k - 1)
    residual = float(((given - rows[:, None] - columns + grand) ** 2).sum()) / ((n - 1) * (k - 1))
    below = between + (k - 1) * residual + k * (of_raters - residual) / n
    if np.ptp(given) == 0 or below <= 0:
        return IntraclassCorrelations(undefined, undefined, n, k)
    single = (between - residual) / below
    low, high = _interval(single, (between, of_raters, residual), (n, k), level)
    mean = between + (of_raters - residual) / n
    average = (between - residual) / mean if mean > 0 else float("nan")
    return IntraclassCorrelations(Icc(single, low, high), Icc(average, _raise(low, k), _raise(high, k)), n, k)


def _raise(bound: float, k: int) -> float:
    """Reliability of the mean of k raters (Spearman and Brown); nan where that of one is too low to tell."""
    below = 1 + (k - 1) * bound
    return k * bound / below if below > 0 else float("nan")


def _interval(
    single: float, squares: tuple[float, float, float], size: tuple[int, int], level: float
) -> tuple[float, float]:
    """Bounds of ICC(2,1), from the F distribution with Satterthwaite's degrees of freedom."""
    from scipy.stats import f

    (between, of_raters, residual), (n, k) = squares, size
    if residual <= 0:  # the raters differ by a constant at most
        return (1.0, 1.0) if of_raters <= 0 else (float("nan"), float("nan"))
    ratio, tail = of_raters / residual, (1 - level) / 2
    rest = n * (1 + (k - 1) * single) - k * single
    above = (n - 1) * (k - 1) * (k * single * ratio + rest) ** 2
    freedom = above / ((n - 1) * (k * single * ratio) ** 2 + rest**2)
    upper, lower = f.isf(tail, n - 1, freedom), f.isf(tail, freedom, n - 1)
    common = k * of_raters + (k * n - k - n) * residual
    low = n * (between - upper * residual) / (upper * common + n * between)
    return float(low), float(n * (lower * between - residual) / (common + n * lower * between))


def bland_altman(first: npt.ArrayLike, second: npt.ArrayLike) -> BlandAltman:
    """Compute bias and limits of agreement of two raters (Bland and Altman 1986).

    Args:
        first: (N,) ratings; an utterance that one of both has not rated (nan) is left out.
        second: (N,) of the same utterances.
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    both = ~(np.isnan(one) | np.isnan(other))
    one, other = one[both], other[both]
    differences = one - other
    bias = float(differences.mean()) if len(differences) else float("nan")
    std = float(differences.std(ddof=1)) if len(differences) > 1 else float("nan")
    return BlandAltman(bias, std, bias - BETWEEN * std, bias + BETWEEN * std, (one + other) / 2, differences)


def measure_agreement(ratings: npt.ArrayLike, level: Level = "interval") -> RaterAgreement:
    """Compute every measure of agreement that the level of measurement allows.

    Args:
        ratings: (N, R) of N utterances by R raters; nan = not rated.
        level: of measurement; correlations and differences need ``interval``.
    """
    given = np.asarray(ratings, np.float64)
    rated = ~np.isnan(given)
    shared = rated.sum(axis=1) > 1
    pairs: dict[tuple[int, int], BlandAltman] = {}
    if level == "interval":
        for one, other in combinations(range(given.shape[1]), 2):
            if (rated[:, one] & rated[:, other]).sum() > 1:
                pairs[one, other] = bland_altman(given[:, one], given[:, other])
    alpha = krippendorff_alpha(given, level)
    icc = intraclass_correlation(given) if level == "interval" else None
    return RaterAgreement(alpha, int(shared.sum()), int(rated[shared].sum()), icc, pairs)
