"""Arrange recordings for a study: groups by an attribute, and their independent units."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sentiprism.study.arrays import Floats
from sentiprism.study.summary import RecordingSummary

PERSON = "person"
"""Attribute whose values are the persons; recordings of one person are not independent."""
STANDARD = ("group", "condition", PERSON, "session")
"""Attributes that every collection or study begins with."""
SENTIMENT = "sentiment"
SHARE = "share of "


class Observation(NamedTuple):
    """A recording of a study."""

    recording: str
    """Its identifier."""
    attributes: Mapping[str, str]
    """Values by name; those without a value are left out."""
    summary: RecordingSummary


class Unit(NamedTuple):
    """A person, or a recording whose person is not known."""

    person: str | None
    recordings: tuple[Observation, ...]

    @property
    def key(self) -> tuple[str, str]:
        """By which a unit of another group is recognised as the same."""
        return ("person", self.person) if self.person is not None else ("recording", self.recordings[0].recording)


class UnitCount(NamedTuple):
    """A number of units, in words."""

    number: int
    persons: bool

    def __str__(self) -> str:
        noun = "person" if self.persons else "recording"
        return f"{self.number:,} {noun}{'s' * (self.number != 1)}"


def measures_of(observations: Iterable[Observation]) -> list[str]:
    """Names of what can be compared: sentiment, and shares of the time."""
    found: dict[str, None] = {}
    for one in observations:
        if one.summary.mean is not None:
            found.setdefault(SENTIMENT)
    shares = dict.fromkeys(name for one in observations for name in one.summary.shares)
    return [*found, *(f"{SHARE}{name}" for name in shares)]


def value_of(one: Observation, measure: str) -> float:
    """A recording's value of a measure; nan without utterances."""
    if measure == SENTIMENT:
        return np.nan if one.summary.mean is None else one.summary.mean
    return one.summary.shares.get(measure.removeprefix(SHARE), np.nan)


def split_groups(observations: Sequence[Observation], by: str | None) -> dict[str, list[Observation]]:
    """Recordings by their value of an attribute, in natural order; those without a value are left out.

    Args:
        observations: of a study.
        by: name of the attribute; None = all of them are one group, "".
    """
    if by is None:
        return {"": list(observations)}
    found: dict[str, list[Observation]] = {}
    for one in observations:
        if value := one.attributes.get(by):
            found.setdefault(value, []).append(one)
    return {name: found[name] for name in sorted(found, key=natural)}


def natural(text: str) -> tuple[tuple[int, float, str], ...]:
    """Key by which "session 2" comes before "session 10"."""
    digits, found = "", []
    for character in [*text.casefold(), ""]:
        if character.isdecimal():
            digits += character
            continue
        if digits:
            found.append((0, float(digits[:300]), ""))
            digits = ""
        found.append((1, 0.0, character))
    return tuple(found)


def make_units(observations: Sequence[Observation], by: str | None) -> list[Unit]:
    """Independent units: persons where they are given, unless persons themselves are compared.

    Args:
        observations: of one group.
        by: attribute by which groups were made.
    """
    found: dict[tuple[str, str], list[Observation]] = {}
    for one in observations:
        person = None if by == PERSON else one.attributes.get(PERSON)
        found.setdefault(("person", person) if person else ("recording", one.recording), []).append(one)
    return [Unit(name if kind == "person" else None, tuple(own)) for (kind, name), own in found.items()]


def unit_values(units: Sequence[Unit], measure: str) -> Floats:
    """(U,) mean of each unit's recordings."""
    return np.array([np.mean([value_of(one, measure) for one in unit.recordings]) for unit in units])
