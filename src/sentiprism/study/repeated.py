"""Repeated measures: one test over three or more conditions that every person has."""

from collections.abc import Mapping, Sequence
from math import nan
from typing import NamedTuple

import numpy as np

from sentiprism.evaluation.resampling import FEW
from sentiprism.study.arrays import Floats
from sentiprism.study.contrasts import TINY, row_counts, share_of_far
from sentiprism.study.design import Unit, unit_values

LEAST = 3
"""Conditions; two are a paired comparison."""


class Repeated(NamedTuple):
    """The test of no difference between the conditions within persons."""

    conditions: tuple[str, ...]
    persons: int
    """Who have a recording in every condition."""
    left_out: int
    """Persons who lack a condition."""
    means: tuple[float, ...]
    """Of these persons in each condition."""
    f: float
    """F of the repeated-measures analysis of variance; nan if all persons change alike."""
    degrees: tuple[int, int]
    p: float
    """By permutation of the conditions within persons."""
    effect: float
    """Partial eta squared: share of the variance within persons that is between conditions."""


def repeated_measures(units: Mapping[str, Sequence[Unit]], measure: str, *, seed: int = 0) -> Repeated | None:
    """Test whether three or more conditions differ within the persons who have all of them.

    The p-value is the share of random permutations of conditions within persons whose F is at least as large. It
    assumes neither normality nor sphericity.

    Args:
        units: of each condition.
        measure: that is compared.
        seed: random seed of the permutations.

    Returns:
        The test; None with fewer than `LEAST` conditions, or than `FEW` persons who have all of them.
    """
    by_key = [{unit.key: unit for unit in own if unit.person is not None} for own in units.values()]
    if len(by_key) < LEAST:
        return None
    complete = [key for key in by_key[0] if all(key in own for own in by_key)]
    if len(complete) < FEW:
        return None
    values = np.stack([unit_values([own[key] for key in complete], measure) for own in by_key], axis=1)  # (n, k)
    persons = len({key for own in by_key for key in own})
    n, k = values.shape
    between, error = _sums(values[None])
    degrees = (k - 1, (n - 1) * (k - 1))
    within = float(between[0] + error[0])
    own = float(between[0])
    random = float(error[0]) > TINY * within
    f = (own / degrees[0]) / (float(error[0]) / degrees[1]) if random else nan
    return Repeated(
        tuple(units), n, persons - n, tuple(values.mean(axis=0).tolist()), f, degrees, _permutation(values, own, seed),
        own / within if within > 0 else nan,
    )  # fmt: skip


def _sums(values: Floats) -> tuple[Floats, Floats]:
    """Sums of squares between conditions, and of the error, of (R, n, k) values."""
    centred = values - values.mean(axis=2, keepdims=True)  # persons' own levels are removed
    means = centred.mean(axis=1)  # (R, k)
    between = values.shape[1] * (means**2).sum(axis=1)
    return between, (centred**2).sum(axis=(1, 2)) - between


def _permutation(values: Floats, own: float, seed: int) -> float:
    """Share of permutations; F grows with the sum of squares between conditions, as that within persons is fixed."""
    generator = np.random.default_rng(seed)
    n, k = values.shape
    centred = values - values.mean(axis=1, keepdims=True)
    found = []
    for rows in row_counts(n * k):
        shuffled = generator.permuted(np.broadcast_to(centred, (rows, n, k)), axis=2)
        found.append(_sums(shuffled)[0] >= own * (1 - TINY))
    return share_of_far(np.concatenate(found))
