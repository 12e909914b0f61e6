"""Count utterances."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from sentiprism.report.schema import UtterancePart


class Tally(NamedTuple):
    """Counts over a recording."""

    utterances: int
    firm: int
    """Utterances of which no estimate is weak."""
    faces: int
    """Estimates of the utterance that has most: one for each face."""


def count_utterances(parts: Iterable[UtterancePart]) -> Tally:
    """Count utterances by their place in time."""
    estimates = defaultdict(list)
    for part in parts:
        estimates[part.start, part.end, part.id].append(part.estimate)
    firm = sum(not any(one.caution for one in own) for own in estimates.values())
    return Tally(len(estimates), firm, max(map(len, estimates.values()), default=0))
