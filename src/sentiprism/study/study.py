"""Compare groups of recordings: means, curves over time, and differences with corrected p-values."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from math import isnan, nan
from typing import NamedTuple

import numpy as np

from sentiprism.errors import UserError
from sentiprism.evaluation.differences import holm
from sentiprism.evaluation.resampling import FEW, ROUGH
from sentiprism.study.arrays import Floats, quotient
from sentiprism.study.contrasts import (
    Contrast,
    CurveInterval,
    MeanInterval,
    independent_contrast,
    mean_curve,
    mean_interval,
    paired_contrast,
)
from sentiprism.study.design import (
    PERSON,
    Observation,
    Unit,
    UnitCount,
    make_units,
    measures_of,
    split_groups,
    unit_values,
    value_of,
)
from sentiprism.study.repeated import Repeated, repeated_measures
from sentiprism.study.summary import BINS, coarsen

MOST_GROUPS = 50
MOST_COMPARED = 6
"""Groups of which every pair is compared: 15 pairs."""


class Group(NamedTuple):
    """Recordings with one value of an attribute."""

    name: str
    """The value; "" = all recordings."""
    recordings: int
    units: UnitCount
    mean: MeanInterval
    values: Floats
    """(U,) of each unit."""
    relative: CurveInterval | None
    """Sentiment over normalised time; None if no recording has a curve."""
    absolute: CurveInterval | None
    """Sentiment over absolute time."""


class GroupDifference(NamedTuple):
    """The difference of two groups, a minus b, or the reason why it is not given."""

    a: str
    b: str
    design: str
    """"paired" or "independent"; "" if it is not given."""
    units: tuple[UnitCount, UnitCount]
    """Of each group that are compared."""
    left_out: int
    """Units that are in only one group of a paired comparison."""
    contrast: Contrast | None
    holm: float
    """p-value corrected for all differences of the study (Holm 1979)."""
    reason: str
    """Why there is no number; else ""."""


class Study(NamedTuple):
    """Groups of recordings side by side."""

    by: str | None
    measure: str
    middle: float
    """Middle of the model's scale."""
    model: str
    recordings: int
    groups: tuple[Group, ...]
    differences: tuple[GroupDifference, ...]
    repeated: Repeated | None
    """One test over three or more groups of the same persons; None if there are too few of either."""
    step: int
    """Seconds of a bin of curves over absolute time."""
    notes: tuple[str, ...]


def compare_groups(observations: Sequence[Observation], by: str | None = None, measure: str | None = None) -> Study:
    """Compare recordings by an attribute.

    Where persons are given, a person is one unit with the mean of their recordings. Groups that share persons are
    compared within those persons.

    Args:
        observations: analysed recordings.
        by: attribute whose values make the groups; None = all recordings together.
        measure: as `sentiprism.study.design.measures_of` names it; by default the first.

    Raises:
        UserError: no recording has an utterance, the measure is unknown, or there are too many groups.
    """
    used, model, notes = _of_one_model(observations)
    known = measures_of(used)
    if not known:
        raise UserError("no recording has an analysed utterance", "analyze recordings in which somebody speaks")
    measure = measure or known[0]
    if measure not in known:
        raise UserError(f"{measure!r} is not a measure of these recordings", f"choose one of: {', '.join(known)}")
    silent = [one for one in used if isnan(value_of(one, measure))]
    used = [one for one in used if not isnan(value_of(one, measure))]
    if silent:
        notes.append(f"{_recordings(len(silent))} without an utterance: left out.")
    parted = split_groups(used, by)
    if len(parted) > MOST_GROUPS:
        cause = f"{by} has {len(parted)} values"
        raise UserError(cause, f"choose an attribute with at most {MOST_GROUPS} values")
    without = len(used) - sum(map(len, parted.values()))
    if without:
        notes.append(f"{_recordings(without)} without a value of {by}: left out.")
    step = max((one.summary.step for own in parted.values() for one in own if one.summary.absolute), default=1)
    units = {name: make_units(own, by) for name, own in parted.items()}
    groups = tuple(_group(name, own, measure, step) for name, own in units.items())
    differences = _differences(units, measure)
    notes += _notes(groups, by)
    middle = (used[0].summary.low + used[0].summary.high) / 2
    repeated = repeated_measures(units, measure) if len(units) <= MOST_COMPARED else None
    count = sum(group.recordings for group in groups)
    return Study(by, measure, middle, model, count, groups, differences, repeated, step, tuple(notes))


def _of_one_model(observations: Sequence[Observation]) -> tuple[list[Observation], str, list[str]]:
    """The recordings that were analysed with the most frequent model: other scales are not comparable."""
    counts = Counter(one.summary.model for one in observations)
    if not counts:
        return [], "", []
    model = max(sorted(counts), key=counts.__getitem__)
    used = [one for one in observations if one.summary.model == model]
    others = len(observations) - len(used)
    note = f"{_recordings(others)} analysed with another model: left out. Analyze them with {model} to include them."
    return used, model, [note] if others else []


def _group(name: str, units: Sequence[Unit], measure: str, step: int) -> Group:
    recordings = [one for unit in units for one in unit.recordings]
    values = unit_values(units, measure)
    relative = [[one.summary.relative for one in unit.recordings if one.summary.relative] for unit in units]
    absolute = [[coarsen(one.summary, step) for one in unit.recordings if one.summary.absolute] for unit in units]
    longest = max((len(row) for rows in absolute for row in rows), default=0)
    return Group(
        name,
        len(recordings),
        count_units(units),
        mean_interval(values),
        values,
        _curve([np.array(rows, float).reshape(-1, BINS) for rows in relative]),
        _curve([np.array([_padded(row, longest) for row in rows]).reshape(len(rows), longest) for rows in absolute]),
    )


def _curve(rows: Sequence[Floats]) -> CurveInterval | None:
    """Mean over units of the means over their recordings."""
    found = [_defined_mean(own) for own in rows if own.size]
    return mean_curve(np.array(found)) if found else None


def _defined_mean(rows: Floats) -> Floats:
    defined = ~np.isnan(rows)
    return quotient(np.where(defined, rows, 0.0).sum(axis=0), defined.sum(axis=0))


def _padded(row: Floats, length: int) -> Floats:
    return np.concatenate([row, np.full(length - len(row), nan)])


def count_units(units: Sequence[Unit]) -> UnitCount:
    """How many units there are, and of what kind."""
    return UnitCount(len(units), any(unit.person is not None for unit in units))


def _differences(units: dict[str, list[Unit]], measure: str) -> tuple[GroupDifference, ...]:
    if len(units) > MOST_COMPARED:
        return ()
    found = [_difference(a, b, units[a], units[b], measure) for a, b in combinations(units, 2)]
    p = {str(n): one.contrast.p for n, one in enumerate(found) if one.contrast is not None}
    corrected = holm(p)
    return tuple(one._replace(holm=corrected.get(str(n), nan)) for n, one in enumerate(found))


def _difference(a: str, b: str, first: list[Unit], second: list[Unit], measure: str) -> GroupDifference:
    by_key = [{unit.key: unit for unit in own} for own in (first, second)]
    both = [key for key in by_key[0] if key in by_key[1]]
    counts = (count_units(first), count_units(second))
    made = GroupDifference(a, b, "", counts, 0, None, nan, "")
    if both and len(both) < FEW:
        persons = UnitCount(len(both), persons=True)
        few = f"too few for a paired test ({FEW} are needed), and the groups are not independent"
        return made._replace(reason=f"{persons} in both: {few}")
    if both:
        pairs = [unit_values([own[key] for key in both], measure) for own in by_key]
        shared = UnitCount(len(both), persons=True)
        left_out = len(first) + len(second) - 2 * len(both)
        contrast = paired_contrast(*pairs)
        return made._replace(design="paired", units=(shared, shared), left_out=left_out, contrast=contrast)
    if min(len(first), len(second)) < FEW:
        least = min(counts, key=lambda one: one.number)
        return made._replace(reason=f"{least} in one group: too few for a test ({FEW} are needed)")
    contrast = independent_contrast(unit_values(first, measure), unit_values(second, measure))
    return made._replace(design="independent", contrast=contrast)


def _notes(groups: Sequence[Group], by: str | None) -> list[str]:
    found = []
    if len(groups) > MOST_COMPARED:
        found.append(f"{len(groups)} groups are too many to compare each with each ({MOST_COMPARED} at most).")
    counts = [group.units.number for group in groups]
    noun = "persons" if any(group.units.persons for group in groups) else "recordings"
    if any(count < FEW for count in counts):
        found.append(f"Intervals need {FEW} {noun}; a group or moment with fewer has none.")
    if any(FEW <= count < ROUGH for count in counts):
        found.append(f"With fewer than {ROUGH} {noun}, intervals are rough.")
    if noun == "persons":
        found.append("Each person counts once, with the mean of their recordings in a group.")
    elif by != PERSON and groups:
        found.append("Recordings are treated as independent. Give the attribute person if some are of the same person.")
    return found


def _recordings(count: int) -> str:
    return str(UnitCount(count, persons=False))
