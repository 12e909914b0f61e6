"""Rating: who rates, in which order, and what is stored."""

from collections.abc import Sequence
from hashlib import sha256
from secrets import randbelow
from typing import NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sentiprism.errors import UserError
from sentiprism.studio.labelling.tasks import Task, Tasks, lock_open, tidy
from sentiprism.studio.store.label_tables import LabelRaterRow, LabelRatingRow, LabelSegmentRow, LabelTaskRow

MOST_RATERS = 50
LONGEST_NAME, LONGEST_COMMENT = 60, 1000


class Item(NamedTuple):
    """One utterance to rate in one pass."""

    seen: str
    """The pass."""
    segment: LabelSegmentRow


class StaleError(Exception):
    """The form is older than what is stored: the utterance has changed, or was rated meanwhile."""


class Rating(NamedTuple):
    """A rating as a form gives it."""

    value: float | None
    """None: cannot tell."""
    comment: str
    once: str
    """Of the form."""
    last: int
    """Number of the rating that the form has shown; 0 = none."""


def join_task(tasks: Tasks, task: str, name: str) -> str:
    """Find a rater by name, or make a new one; the identifier.

    Raises:
        UserError: the name is empty, or the task is not open, or has `MOST_RATERS`.
    """
    name = tidy(name, LONGEST_NAME)
    if not name:
        raise UserError("the rater has no name", "type a name, or R1, R2 and so on")
    with tasks.database.write() as session:
        known = session.scalar(_rater(task, name))
        if known is not None:
            return known.id
        lock_open(session, task)
        count = session.scalar(select(func.count()).select_from(LabelRaterRow).where(LabelRaterRow.task == task)) or 0
        if count >= MOST_RATERS:
            raise UserError(f"the task has {MOST_RATERS} raters", "continue as one of them")
        row = LabelRaterRow(task=task, name=name, key=name.casefold()[:120], seed=randbelow(2**31))
        session.add(row)
        session.flush()
        return row.id


def _rater(task: str, name: str) -> Select[LabelRaterRow]:
    return select(LabelRaterRow).where(LabelRaterRow.task == task, LabelRaterRow.key == name.casefold()[:120])


def list_raters(tasks: Tasks, task: str) -> list[LabelRaterRow]:
    """Raters of a task, the first first."""
    with tasks.database.read() as session:
        wanted = select(LabelRaterRow).where(LabelRaterRow.task == task)
        return list(session.scalars(wanted.order_by(LabelRaterRow.created, LabelRaterRow.id)))


def get_rater(tasks: Tasks, task: str, identifier: str) -> LabelRaterRow | None:
    """The rater of an identifier, if it is one of the task."""
    with tasks.database.read() as session:
        found = session.get(LabelRaterRow, identifier) if identifier.isalnum() else None
        return found if found is not None and found.task == task else None


def queue(task: Task, rater: LabelRaterRow) -> list[Item]:
    """What a rater rates, in an order that only depends on the stored seed: pass by pass, utterances shuffled."""

    def place(seen: str, segment: LabelSegmentRow) -> bytes:
        return sha256(f"{rater.seed} {seen} {segment.id}".encode()).digest()

    return [
        Item(seen, segment)
        for seen in task.row.passes
        for segment in sorted(task.passable(seen), key=lambda one, seen=seen: place(seen, one))  # type: ignore[misc]
    ]


def read_own(tasks: Tasks, task: str, rater: str) -> dict[tuple[str, str], LabelRatingRow]:
    """The ratings of one rater that count, by pass and utterance."""
    wanted = select(LabelRatingRow).where(LabelRatingRow.task == task, LabelRatingRow.rater == rater)
    with tasks.database.read() as session:
        return {(row.seen, row.segment): row for row in session.scalars(wanted.order_by(LabelRatingRow.number))}


def store_rating(tasks: Tasks, task: str, rater: str, item: tuple[str, str], given: Rating) -> None:
    """Store a rating; when this returns, it is on the disk.

    Args:
        tasks: the store.
        task: its identifier.
        rater: who rates.
        item: pass, and identifier of the utterance.
        given: the rating. What is sent twice is stored once.

    Raises:
        UserError: the task is not open, or has no such rater or pass.
        StaleError: the utterance was changed, or rated in another window.
    """
    once = sha256(f"{task} {rater} {item} {given.once}".encode()).hexdigest()
    try:
        with tasks.database.write() as session:
            if not _is_stored(session, once):
                row = lock_open(session, task)
                if not _is_stored(session, once):  # the same form may have been stored while this one waited
                    _add(session, row, rater, item, given, once)
    except IntegrityError:  # the same form, sent twice at once
        return


def _is_stored(session: Session, once: str) -> bool:
    return session.scalar(select(LabelRatingRow.number).where(LabelRatingRow.once == once)) is not None


def _add(session: Session, row: LabelTaskRow, rater: str, item: tuple[str, str], given: Rating, once: str) -> None:
    task = row.id
    known = session.get(LabelRaterRow, rater)
    segment = session.get(LabelSegmentRow, item[1]) if item[1].isalnum() else None
    if known is None or known.task != task or item[0] not in row.passes:
        raise UserError("the rating does not belong to this task", "open the task again")
    if segment is None or segment.task != task or segment.retired is not None:
        raise StaleError
    own = (LabelRatingRow.rater == rater, LabelRatingRow.segment == item[1], LabelRatingRow.seen == item[0])
    last = session.scalar(select(func.max(LabelRatingRow.number)).where(*own)) or 0
    if last != given.last:
        raise StaleError
    session.add(
        LabelRatingRow(
            task=task,
            segment=item[1],
            rater=rater,
            seen=item[0],
            value=given.value,
            comment=tidy(given.comment, LONGEST_COMMENT),
            blind=row.unblinded is None,
            once=once,
        )
    )


def first_unrated(items: Sequence[Item], own: dict[tuple[str, str], LabelRatingRow], after: int = -1) -> int | None:
    """Place of the next item without a rating, first behind ``after``, then from the start; None where all have one."""
    order = [*range(after + 1, len(items)), *range(min(after + 1, len(items)))]
    return next((n for n in order if (items[n].seen, items[n].segment.id) not in own), None)
