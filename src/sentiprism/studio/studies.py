"""Studies of collections with their drawings, each computed once for what it is made of."""

import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from sentiprism.errors import UserError
from sentiprism.study.charts import Bands, Strips, draw_absolute, draw_relative, draw_strips
from sentiprism.study.design import PERSON, Observation, measures_of
from sentiprism.study.study import Study, compare_groups

MOST = 16
"""Studies in memory."""


@dataclass(frozen=True)
class Compared:
    """A study of a collection, or why there is none."""

    by: str | None
    measures: Sequence[str]
    study: Study | None = None
    strips: Strips | None = None
    relative: Bands | None = None
    absolute: Bands | None = None
    error: UserError | None = None


class Studies:
    """Compares recordings; the same numbers and attributes are compared once."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Compared] = {}
        self._lock = threading.Lock()

    def compare(
        self, observations: Sequence[Observation], versions: Sequence[Hashable], by: str | None, measure: str
    ) -> Compared:
        """Compare recordings by an attribute.

        Args:
            observations: analysed recordings.
            versions: of the numbers of each; others make another study.
            by: the attribute; None = all recordings together.
            measure: by default the first.
        """
        used = (PERSON,) if by is None else (by, PERSON)
        recordings = tuple((one.recording, *map(one.attributes.get, used)) for one in observations)
        key = (by, measure, recordings, tuple(versions))
        with self._lock:
            found = self._kept.pop(key, None) or _compare(observations, by, measure)
            self._kept[key] = found
            if len(self._kept) > MOST:
                del self._kept[next(iter(self._kept))]
            return found


def _compare(observations: Sequence[Observation], by: str | None, measure: str) -> Compared:
    measures = measures_of(observations)
    if not observations:
        return Compared(by, measures)
    try:
        study = compare_groups(observations, by, measure if measure in measures else None)
    except UserError as error:
        return Compared(by, measures, error=error)
    return Compared(by, measures, study, draw_strips(study), draw_relative(study), draw_absolute(study))
