"""Tasks: made of recordings, cut by a job, opened, closed, deleted."""

import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sentiprism.errors import UserError
from sentiprism.files import make_folder
from sentiprism.screen import clean
from sentiprism.studio.labelling.scales import Scale
from sentiprism.studio.store.database import Database
from sentiprism.studio.store.label_tables import LabelRecordingRow, LabelSegmentRow, LabelTaskRow
from sentiprism.studio.store.tables import RecordingRow, now

MOST_RECORDINGS = 200
MOST_SEGMENTS = 5000
"""Utterances of a task."""
LONGEST_TEXT = 2000
"""Characters of an utterance's text."""
CHANGED = "the task is not open"


class Task(NamedTuple):
    """A task with its recordings and its current utterances, in order."""

    row: LabelTaskRow
    scale: Scale
    recordings: tuple[LabelRecordingRow, ...]
    segments: tuple[LabelSegmentRow, ...]

    @property
    def is_open(self) -> bool:
        """Whether it can be rated."""
        return self.row.state == "open"

    @property
    def is_closed(self) -> bool:
        """Whether everybody may see all ratings."""
        return self.row.state == "closed"

    def recording(self, identifier: str) -> LabelRecordingRow | None:
        """The recording of an identifier."""
        return next((one for one in self.recordings if one.recording == identifier), None)

    def segments_of(self, recording: str) -> list[LabelSegmentRow]:
        """Utterances of a recording, in the order of time."""
        return [one for one in self.segments if one.recording == recording]

    def passable(self, seen: str) -> list[LabelSegmentRow]:
        """Utterances that can be rated in a pass: with a text, a sound or a picture, as it needs."""
        known = {one.recording: one for one in self.recordings}
        has: dict[str, Callable[[LabelSegmentRow], bool]] = {
            "text": lambda one: bool(one.text),
            "audio": lambda one: known[one.recording].sound,
            "vision": lambda one: known[one.recording].picture,
        }
        return [one for one in self.segments if seen not in has or has[seen](one)]


class Tasks:
    """The studio's tasks of labelling.

    Args:
        database: their rows.
        folder: of the studio; the wave forms are below it.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self._folder = database, folder / "labelling"
        make_folder(self._folder)

    def folder(self, task: str) -> Path:
        """Where a task's wave forms are."""
        return self._folder / task

    def add(
        self,
        identifier: str,
        name: str,
        scale: Scale,
        passes: Sequence[str],
        chosen: Sequence[RecordingRow],
        speakers: Mapping[str, str],
    ) -> None:
        """Make a task; it waits for the job that cuts its recordings.

        Args:
            identifier: of the task; one that is there already is left as it is.
            name: for people.
            scale: of the ratings.
            passes: see `labelling.scales.parse_passes`.
            chosen: its recordings.
            speakers: who speaks, by the recording's identifier.
        """
        with self.database.write() as session:
            if session.get(LabelTaskRow, identifier) is not None:
                return
            values = scale.model_dump(mode="json")
            session.add(LabelTaskRow(id=identifier, name=name, scale=values, passes=[*passes]))
            for position, row in enumerate(chosen):
                session.add(
                    LabelRecordingRow(
                        task=identifier,
                        recording=row.id,
                        position=position,
                        name=row.name,
                        speaker=tidy(speakers.get(row.id, ""), 100),
                        duration=row.duration or 0.0,
                    )
                )

    def get(self, identifier: str) -> Task | None:
        """The task of an identifier, unless it was deleted."""
        if not identifier.isalnum():
            return None
        with self.database.read() as session:
            row = session.get(LabelTaskRow, identifier)
            return None if row is None or row.deleted is not None else read_task(session, row)

    def get_row(self, identifier: str) -> LabelTaskRow | None:
        """The row of a task, deleted or not."""
        with self.database.read() as session:
            return session.get(LabelTaskRow, identifier) if identifier.isalnum() else None

    def set_job(self, identifier: str, job: str) -> None:
        """Say which job cuts a task's recordings."""
        with self.database.write() as session:
            session.get_one(LabelTaskRow, identifier).job = job

    def list(self) -> list[tuple[LabelTaskRow, int, int]]:
        """Tasks with the numbers of their recordings and utterances, the newest first."""
        with self.database.read() as session:
            wanted = select(LabelTaskRow).where(LabelTaskRow.deleted.is_(None))
            rows = list(session.scalars(wanted.order_by(LabelTaskRow.created.desc()).limit(200)))
            of, part = LabelRecordingRow.task, LabelSegmentRow.task
            counts = dict(session.execute(select(of, func.count()).group_by(of)).all())
            current = select(part, func.count()).where(LabelSegmentRow.retired.is_(None))
            cuts = dict(session.execute(current.group_by(part)).all())
        return [(row, counts.get(row.id, 0), cuts.get(row.id, 0)) for row in rows]

    def deleted(self) -> Sequence[LabelTaskRow]:
        """Tasks that were deleted."""
        with self.database.read() as session:
            return list(session.scalars(select(LabelTaskRow).where(LabelTaskRow.deleted.is_not(None)).limit(200)))

    def open_cut(self, identifier: str, result: Mapping[str, Any]) -> None:
        """Take in what the job has cut, and open the task; once, whoever asks.

        Args:
            identifier: of the task.
            result: of its job.
        """
        with self.database.write() as session:
            task = session.get(LabelTaskRow, identifier, with_for_update=True)
            if task is None or task.state != "cutting":
                return
            task.state = "open"
            left = MOST_SEGMENTS
            for row in session.scalars(select(LabelRecordingRow).where(LabelRecordingRow.task == identifier)):
                found = result["recordings"].get(row.recording)
                if found is None:
                    row.fault = str(result["failed"].get(row.recording, "it was not cut"))[:1000]
                    continue
                row.sound, row.picture, row.duration = found["sound"], found["picture"], found["duration"]
                for start, end, text in found["segments"][:left]:
                    made = LabelSegmentRow(task=identifier, recording=row.recording, start=start, end=end)
                    made.text = tidy(text or "", LONGEST_TEXT) or None
                    session.add(made)
                left -= min(left, len(found["segments"]))

    def close(self, identifier: str) -> None:
        """Close a task: ratings end, and all of them can be seen."""
        with self.database.write() as session:
            task = session.get(LabelTaskRow, identifier, with_for_update=True)
            if task is not None and task.state == "open":
                task.state, task.unblinded = "closed", task.unblinded or now()

    def reopen(self, identifier: str) -> None:
        """Open a closed task again; ratings from now on are marked as not blind."""
        with self.database.write() as session:
            task = session.get(LabelTaskRow, identifier, with_for_update=True)
            if task is not None and task.state == "closed":
                task.state = "open"

    def mark(self, identifier: str, *, deleted: bool) -> None:
        """Delete a task, or take it back; nothing of it is removed from the database."""
        if not identifier.isalnum():
            return
        with self.database.write() as session:
            task = session.get(LabelTaskRow, identifier, with_for_update=True)
            if task is not None:
                task.deleted = now() if deleted else None

    def set_speakers(self, identifier: str, speakers: Mapping[str, str]) -> None:
        """Say who speaks in recordings, by their identifiers."""
        with self.database.write() as session:
            for row in session.scalars(select(LabelRecordingRow).where(LabelRecordingRow.task == identifier)):
                row.speaker = tidy(speakers.get(row.recording, row.speaker), 100)


def read_task(session: Session, row: LabelTaskRow) -> Task:
    """A task with what belongs to it."""
    recordings = select(LabelRecordingRow).where(LabelRecordingRow.task == row.id).order_by(LabelRecordingRow.position)
    current = select(LabelSegmentRow).where(LabelSegmentRow.task == row.id, LabelSegmentRow.retired.is_(None))
    own = tuple(session.scalars(recordings))
    place = {one.recording: one.position for one in own}
    segments = sorted(session.scalars(current), key=lambda one: (place[one.recording], one.start, one.id))
    return Task(row, Scale.parse(row.scale, "the scale of the task"), own, tuple(segments))


def lock_open(session: Session, identifier: str) -> LabelTaskRow:
    """The row of an open task, which nobody closes or cuts until the transaction ends.

    Raises:
        UserError: it is not open.
    """
    row = session.get(LabelTaskRow, identifier, with_for_update=True)
    if row is None or row.deleted is not None or row.state != "open":
        raise UserError(CHANGED, "open the task again, or choose another one")
    return row


def tidy(text: str, longest: int) -> str:
    """A text as it is stored: control characters escaped, not longer than so many characters."""
    return clean(unicodedata.normalize("NFC", text.replace("\r\n", "\n"))).strip()[:longest]


def is_time(value: object) -> bool:
    """Whether a value is a number of seconds."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def count_by(items: Iterable[str]) -> dict[str, int]:
    """How often each item occurs."""
    counts: dict[str, int] = {}
    for one in items:
        counts[one] = counts.get(one, 0) + 1
    return counts
