"""Correlations with intervals over people, and ridge regression on people left out."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Of the penalty, relative to the variance of a standardised column."""
FEWEST = 3
"""People that a fit needs: one is left out, and one of the others chooses the strength."""


class Correlation(NamedTuple):
    """Pearson's r with its percentile interval (95%) over resampled people."""

    r: float
    low: float
    high: float

    def __str__(self) -> str:
        bounds = f" [{self.low:.2f}, {self.high:.2f}]" if np.isfinite(self.low) else ""
        return f"{self.r:.2f}{bounds}" if np.isfinite(self.r) else "–"


def within(values: Floats, people: npt.NDArray[np.str_]) -> Floats:
    """Subtract each person's mean from (N,) or (N, F) values."""
    found = np.array(values, np.float64)
    for person in np.unique(people):
        found[people == person] -= found[people == person].mean(axis=0)
    return found


def correlate(
    one: Floats, other: Floats, people: npt.NDArray[np.str_], *, resamples: int = 2000, seed: int = 0
) -> Correlation:
    """Correlate (N,) values with others; whole people are resampled, since their frames are alike."""
    names, index = np.unique(people, return_inverse=True)
    terms = np.stack([np.ones_like(one), one, other, one * one, other * other, one * other], axis=1)
    sums = np.zeros((len(names), terms.shape[1]))
    np.add.at(sums, index, terms)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)
    found = _r(drawn @ sums)
    found = found[np.isfinite(found)]
    low, high = np.percentile(found, [2.5, 97.5]) if len(found) and len(names) > 1 else (np.nan, np.nan)
    return Correlation(float(_r(sums.sum(axis=0)[None])[0]), float(low), float(high))


def _r(sums: Floats) -> Floats:
    """(R,) correlations of (R, 6) sums of 1, x, y, xx, yy, xy."""
    n, x, y, xx, yy, xy = sums.T
    spread = (n * xx - x * x) * (n * yy - y * y)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 1e-9 * n**4, (n * xy - x * y) / np.sqrt(np.maximum(spread, 0)), np.nan)


def predict_left_out(columns: Floats, target: Floats, people: npt.NDArray[np.str_]) -> Floats:
    """Predict each person's (N,) target, within the person, by a ridge regression on all others.

    The strength of the penalty is chosen by leaving out one of the others at a time, so that nothing of a person is
    used for that person's prediction.

    Args:
        columns: (N, F) blendshapes and measures.
        target: (N,) of the reference.
        people: (N,) names.

    Returns:
        (N,) less the person's mean; nan with fewer than `FEWEST` people.
    """
    names = np.unique(people)
    if len(names) < FEWEST:
        return np.full(len(target), np.nan)
    x, y = within(columns, people), within(target, people)
    x = x / np.maximum(x.std(axis=0), 1e-6)
    rows = [people == name for name in names]
    grams = np.stack([x[own].T @ x[own] for own in rows])
    moments = np.stack([x[own].T @ y[own] for own in rows])
    counts = np.array([own.sum() for own in rows])

    def solve(used: npt.NDArray[np.bool_], strength: float) -> Floats:
        penalty = strength * counts[used].sum() * np.eye(x.shape[1])
        return np.asarray(np.linalg.solve(grams[used].sum(axis=0) + penalty, moments[used].sum(axis=0)))

    def error(weights: Floats, person: int) -> float:
        return float(weights @ grams[person] @ weights - 2 * weights @ moments[person])

    predicted = np.empty(len(y))
    for left, own in enumerate(rows):
        others = np.arange(len(names)) != left
        chosen = min(
            STRENGTHS,
            key=lambda strength: sum(
                error(solve(others & (np.arange(len(names)) != inner), strength), inner)
                for inner in np.flatnonzero(others)
            ),
        )
        predicted[own] = x[own] @ solve(others, chosen)
    return predicted
