"""Count utterances."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from sentiprism.report.schema import UtterancePart


class Tally(NamedTuple):
    """Counts over a recording."""

    utterances: int
    firm: int
    """Number of utterances without a weak estimate."""
    faces: int
    """Largest number of estimates of an utterance: one per face."""


def count_utterances(parts: Iterable[UtterancePart]) -> Tally:
    """Count utterances by their times."""
    estimates = defaultdict(list)
    for part in parts:
        estimates[part.start, part.end, part.id].append(part.estimate)
    firm = sum(not any(one.caution for one in own) for own in estimates.values())
    return Tally(len(estimates), firm, max(map(len, estimates.values()), default=0))
