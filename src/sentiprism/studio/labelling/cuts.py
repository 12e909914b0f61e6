"""Boundaries of utterances: changed all at once, and only on purpose where somebody has rated them."""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sentiprism.errors import UserError
from sentiprism.reading import parse_json
from sentiprism.studio.labelling.tasks import (
    LONGEST_TEXT,
    MOST_SEGMENTS,
    Tasks,
    is_time,
    lock_open,
    read_task,
    tidy,
)
from sentiprism.studio.store.label_tables import LabelRatingRow, LabelSegmentRow
from sentiprism.studio.store.tables import now

CHANGED = "somebody else has changed these boundaries"
SAME = 0.0005
"""Seconds; a boundary that moves less is the same."""
SHORTEST = 0.1
"""Seconds of an utterance."""


class Cut(NamedTuple):
    """An utterance as the editor sends it."""

    id: str | None
    """Of the one that it was; None = a new one."""
    start: float
    end: float
    text: str | None


class RatedError(Exception):
    """Ratings would be set aside, which must be confirmed.

    Args:
        ratings: how many.
        segments: of how many utterances.
    """

    def __init__(self, ratings: int, segments: int) -> None:
        super().__init__(f"{ratings} ratings of {segments} utterances")
        self.ratings, self.segments = ratings, segments


def version_of(segments: Sequence[LabelSegmentRow]) -> str:
    """What the boundaries of a recording are now, in brief; another one is a change by somebody else."""
    return sha256(json.dumps([one.id for one in segments]).encode()).hexdigest()[:16]


def parse_cuts(given: str, duration: float, old: Sequence[LabelSegmentRow]) -> list[Cut]:
    """Read what the editor sends.

    Args:
        given: JSON list of utterances; of an unchanged one its identifier alone, so that long recordings fit a form.
        duration: of the recording.
        old: its utterances.

    Raises:
        UserError: it is not a list of utterances, in order, within the recording.
    """
    found: Any = parse_json(given, "the boundaries")
    if not isinstance(found, list) or not all(isinstance(one, dict | str) for one in found):
        raise UserError("the boundaries cannot be read", "load the page again")
    known, cuts = {one.id: one for one in old}, []
    for one in found:
        if isinstance(one, str):
            if one not in known:
                raise UserError(CHANGED, "load the page again, and change what is left")
            cuts.append(Cut(one, known[one].start, known[one].end, known[one].text))
            continue
        start, end, text, identifier = (one.get(key) for key in ("start", "end", "text", "id"))
        if not is_time(start) or not is_time(end) or not isinstance(text, str | None):
            raise UserError("a boundary is not a time", "give seconds, such as 61.5")
        if not isinstance(identifier, str | None):
            raise UserError("the boundaries cannot be read", "load the page again")
        said = tidy(text or "", LONGEST_TEXT) or None
        cuts.append(Cut(identifier, round(float(start), 3), round(float(end), 3), said))
    cuts.sort(key=lambda cut: cut.start)
    last = 0.0
    for cut in cuts:
        if not 0 <= cut.start < cut.end <= duration + SAME or cut.end - cut.start < SHORTEST - SAME:
            cause = f"an utterance goes from {cut.start:g} to {cut.end:g} s"
            raise UserError(cause, f"give each at least {SHORTEST:g} s within the recording")
        if cut.start < last - SAME:
            raise UserError(f"two utterances overlap at {cut.start:g} s", "end the first before the second")
        last = cut.end
    return cuts


def save_cuts(tasks: Tasks, task: str, recording: str, cuts: Sequence[Cut], *, version: str, sure: bool) -> int:
    """Put utterances in the place of a recording's; unchanged ones keep their identifier and their ratings.

    Args:
        tasks: the store.
        task: its identifier.
        recording: whose utterances.
        cuts: all of them.
        version: that the editor began with, see `version_of`.
        sure: whether ratings of changed utterances may be set aside.

    Returns:
        how many ratings were set aside; they stay in the database and in the history.

    Raises:
        UserError: somebody else has changed them meanwhile, the task is not open, or there are too many.
        RatedError: ratings would be set aside, and ``sure`` is not given.
    """
    with tasks.database.write() as session:
        found = read_task(session, lock_open(session, task))
        old = found.segments_of(recording)
        if version_of(old) != version:
            raise UserError(CHANGED, "load the page again, and change what is left")
        if len(found.segments) - len(old) + len(cuts) > MOST_SEGMENTS:
            raise UserError(f"the task would have more than {MOST_SEGMENTS:,} utterances", "make another task")
        known = {one.id: one for one in old}
        same = [cut.id in known and _is_same(known[cut.id], cut) for cut in cuts]
        kept = {cut.id for cut, unchanged in zip(cuts, same, strict=True) if unchanged}
        retired = [one for one in old if one.id not in kept]
        ratings, rated = _count(session, [one.id for one in retired])
        if ratings and not sure:
            raise RatedError(ratings, rated)
        for one in retired:
            one.retired = now()
        for cut, unchanged in zip(cuts, same, strict=True):
            if not unchanged:
                session.add(
                    LabelSegmentRow(task=task, recording=recording, start=cut.start, end=cut.end, text=cut.text)
                )
        return ratings


def _is_same(one: LabelSegmentRow, cut: Cut) -> bool:
    return abs(one.start - cut.start) < SAME and abs(one.end - cut.end) < SAME and one.text == cut.text


def _count(session: Session, segments: Sequence[str]) -> tuple[int, int]:
    """Ratings that count of some utterances, and how many of these have one."""
    of = LabelRatingRow.segment
    wanted = select(of, LabelRatingRow.rater, LabelRatingRow.seen).where(of.in_(list(segments))).distinct()
    rows = session.execute(wanted).all()
    return len(rows), len({row[0] for row in rows})


def count_set_aside(tasks: Tasks, task: str) -> int:
    """Ratings of utterances whose boundaries were changed afterwards."""
    retired = select(LabelSegmentRow.id).where(LabelSegmentRow.task == task, LabelSegmentRow.retired.is_not(None))
    with tasks.database.read() as session:
        wanted = select(func.count()).select_from(LabelRatingRow).where(LabelRatingRow.segment.in_(retired))
        return session.scalar(wanted) or 0
