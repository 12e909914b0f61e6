"""Rank agreement of two attributions, with bootstrap intervals."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.evaluation.bootstrap import Interval, percentiles
from sentiprism.evaluation.resampling import draws
from sentiprism.types import MODALITIES, Modality

Floats = npt.NDArray[np.float64]

PIECE = 50
"""Resamples whose ranks are in memory at once."""


class Agreement(NamedTuple):
    """Rank agreement of two attributions; means over seeds, with percentile bootstrap intervals."""

    spearman: dict[str, Interval]
    """Spearman's ρ of each modality's attribution over utterances, and "all": over all (utterance, modality) pairs. A
    modality with constant attribution is left out."""
    kendall: Interval
    """Mean over utterances of Kendall's τ-b between their modalities; utterances with only ties are ignored."""

    @property
    def table(self) -> dict[str, Interval]:
        """All intervals by name; Kendall's is "within"."""
        return {**self.spearman, "within": self.kendall}


def agreement(
    one: npt.ArrayLike,
    other: npt.ArrayLike,
    modalities: tuple[Modality, ...] = MODALITIES,
    *,
    videos: npt.NDArray[Any] | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Agreement:
    """Compute the rank agreement of two attributions of the same utterances, with the same resamples for all seeds.

    Args:
        one: (S, N, M) of S seeds, or (N, M).
        other: same shape, or (N, M) for all seeds.
        modalities: names of the M columns.
        videos: (N,) video of each utterance; if known, whole videos are resampled.
        resamples: R.
        level: share of resamples inside an interval.
        seed: random seed of the resamples.

    Raises:
        UserError: fewer than two utterances.
    """
    a, b = (np.asarray(given, np.float64) for given in (one, other))
    a, b = np.broadcast_arrays(*(given if given.ndim == 3 else given[None] for given in (a, b)))
    if a.shape[1] < 2:
        raise UserError(
            f"{a.shape[1]} utterances have no ranks to compare",
            "choose a split with more utterances that have all modalities",
        )
    columns = {name: [m] for m, name in enumerate(modalities)} | {"all": list(range(len(modalities)))}
    ranked = {name: c for name, c in columns.items() if all(np.ptp(x[:, c]) > 0 for given in (a, b) for x in given)}
    tau = np.stack([kendall_within(x, y) for x, y in zip(a, b, strict=True)])  # (S, N)
    drawn: dict[str, list[Floats]] = {name: [] for name in (*ranked, "within")}
    for block in draws(a.shape[1], resamples, seed, videos):
        for counts in np.array_split(block, -(-len(block) // PIECE)):
            for name, c in ranked.items():
                drawn[name].append(np.mean([_spearman(x[:, c], y[:, c], counts) for x, y in zip(a, b, strict=True)], 0))
            drawn["within"].append(_mean(tau, counts).mean(axis=0))
    once = np.ones((1, a.shape[1]))
    found = {name: np.array([_spearman(x[:, c], y[:, c], once)[0] for x, y in zip(a, b, strict=True)])
             for name, c in ranked.items()}  # fmt: skip
    found["within"] = _mean(tau, once)[:, 0]
    intervals = {name: _interval(values, np.concatenate(drawn[name]), level) for name, values in found.items()}
    kendall = intervals.pop("within")
    return Agreement(intervals, kendall)


def kendall_within(a: Floats, b: Floats) -> Floats:
    """τ-b (Kendall 1945) between the columns of each row: (N, M), (N, M) -> (N,); nan for a row of only ties."""
    first, second = np.triu_indices(a.shape[1], 1)
    x, y = (np.sign(values[:, first] - values[:, second]) for values in (a, b))
    pairs = np.sqrt((x != 0).sum(axis=1) * (y != 0).sum(axis=1))
    return _ratio((x * y).sum(axis=1), pairs)


def _spearman(a: Floats, b: Floats, counts: Floats) -> Floats:
    """(R,) ρ between all entries of (N, K) and (N, K), on resamples that draw row i ``counts[r, i]`` times."""
    each = np.repeat(counts, a.shape[1], axis=1)  # (R, N K)
    x, y = (_centred(_ranks(values.ravel(), each), each) for values in (a, b))
    scale = np.sqrt((each * x * x).sum(axis=1) * (each * y * y).sum(axis=1))
    return _ratio((each * x * y).sum(axis=1), scale)


def _ranks(values: Floats, counts: Floats) -> Floats:
    """(K,), (R, K) -> (R, K): mean rank of each value in each resample, up to a constant."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    starts = np.cumsum(sizes) - sizes
    drawn = np.add.reduceat(counts[:, np.argsort(values, kind="stable")], starts, axis=1)
    return np.asarray((np.cumsum(drawn, axis=1) - drawn / 2)[:, group])


def _centred(ranks: Floats, counts: Floats) -> Floats:
    return np.asarray(ranks - (ranks * counts).sum(axis=1, keepdims=True) / counts.sum(axis=1, keepdims=True))


def _mean(tau: Floats, counts: Floats) -> Floats:
    """(S, N), (R, N) -> (S, R): means over the resampled utterances with a defined τ."""
    real = ~np.isnan(tau)
    return _ratio(np.nan_to_num(tau) @ counts.T, real.astype(np.float64) @ counts.T)


def _ratio(above: Floats, below: Floats) -> Floats:
    """Quotient; nan where the denominator is 0."""
    return np.asarray(np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0))


def _interval(values: Floats, drawn: Floats, level: float) -> Interval:
    std = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return Interval(float(values.mean()), std, *percentiles(drawn, level))
