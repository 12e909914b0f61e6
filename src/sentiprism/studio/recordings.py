"""Recordings that were added: stored under names of ours, found by their content."""

import os
import re
from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from time import time
from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from sentiprism.analysis.inputs import ALONE, SUFFIXES, TEXTS
from sentiprism.errors import UserError, few
from sentiprism.files import make_folder
from sentiprism.media.probe import probe
from sentiprism.reading import read_text
from sentiprism.studio.jobs.process import identify
from sentiprism.studio.store.database import Database
from sentiprism.studio.store.tables import RecordingRow, new_id, now

MOST = 20_000
"""Recordings in the studio."""
FEW = 100
"""Recordings up to which their transcripts are looked up by name; for more, all texts are read."""
OLD = timedelta(minutes=10)
"""After which a recording's file without a row is removed: a row is written in less."""
_RECEIVED = re.compile(r"[0-9a-f]{16}\.(([0-9]{1,9})-[0-9a-f]{8})\.part")
"""Name of a file that is being received, with the process that does it."""


class Added(NamedTuple):
    """What became of an upload."""

    row: RecordingRow
    duplicate: bool
    """The same bytes were there already."""


class Recordings:
    """The studio's recordings.

    Args:
        database: their rows.
        folder: their files.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self.folder, self.uploads = database, folder / "recordings", folder / "uploads"
        for one in (self.folder, self.uploads):
            make_folder(one)
        self._sweep()

    def new_upload(self) -> Path:
        """Place of a file that is being received; its name tells who receives it."""
        return self.uploads / f"{new_id()}.{_name_process(os.getpid())}.part"

    def path(self, row: RecordingRow) -> Path:
        """Where a recording's file is."""
        return self.folder / row.file

    def check_room(self) -> None:
        """Refuse more recordings than a list can show.

        Raises:
            UserError: there are `MOST`.
        """
        with self._database.read() as session:
            count = session.scalar(select(func.count()).select_from(RecordingRow)) or 0
        if count >= MOST:
            raise UserError(f"there are {MOST:,} recordings", "empty the bin, or delete some")

    def add(self, upload: Path, name: str, content: str) -> Added:
        """Take an uploaded file in.

        Args:
            upload: file in ``uploads``; it is gone afterwards, whatever happens.
            name: as the user calls it.
            content: its SHA-256.

        Raises:
            UserError: it is neither a recording nor a text.
        """
        try:
            if (known := self._restored(content)) is not None:
                return Added(known, duplicate=True)
            suffix = suffix_of(name)
            kind, duration = _look(upload, name, suffix)
            row = RecordingRow(
                id=new_id(), name=name, suffix=suffix, content=content, size=upload.stat().st_size, kind=kind,
                duration=duration, added=now(),
            )  # fmt: skip
            upload.rename(self.path(row))  # before its row: a file without one is swept up, a row without one is not
            try:
                with self._database.write() as session:
                    session.add(row)
            except IntegrityError:  # the same file, uploaded twice at once
                self.path(row).unlink(missing_ok=True)
                if (known := self._restored(content)) is None:
                    raise
                return Added(known, duplicate=True)
            return Added(row, duplicate=False)
        finally:
            upload.unlink(missing_ok=True)

    def get(self, identifier: str) -> RecordingRow | None:
        """The recording of an identifier, in the bin or not."""
        with self._database.read() as session:
            return session.get(RecordingRow, identifier)

    def find(self, identifiers: Iterable[str]) -> list[RecordingRow]:
        """Recordings of these identifiers that are not in the bin."""
        wanted = select(RecordingRow).where(RecordingRow.id.in_(list(identifiers)), RecordingRow.deleted.is_(None))
        with self._database.read() as session:
            return list(session.scalars(wanted.order_by(RecordingRow.added)))

    def with_content(self, content: str) -> RecordingRow | None:
        """The recording with this SHA-256."""
        with self._database.read() as session:
            return session.scalar(select(RecordingRow).where(RecordingRow.content == content))

    def with_stem(self, stems: Iterable[str]) -> RecordingRow | None:
        """The video, else the sound, whose name without suffix is one of these; None where none is."""
        names = [f"{stem}{suffix}" for stem in stems for suffix in SUFFIXES]
        wanted = select(RecordingRow).where(RecordingRow.name.in_(names), RecordingRow.deleted.is_(None))
        with self._database.read() as session:
            return session.scalar(wanted.order_by(RecordingRow.kind.desc(), RecordingRow.added).limit(1))

    def transcripts_of(self, rows: Iterable[RecordingRow]) -> dict[str, RecordingRow]:
        """Texts that have a recording's name but for the suffix, as on the command line, by the recording."""
        names = {
            row.id: [f"{os.path.splitext(row.name)[0]}{suffix}" for suffix in TEXTS if suffix in ALONE]
            for row in rows
            if row.kind != "text"
        }
        wanted = select(RecordingRow).where(RecordingRow.kind == "text", RecordingRow.deleted.is_(None))
        if len(names) <= FEW:
            wanted = wanted.where(RecordingRow.name.in_([name for own in names.values() for name in own]))
        with self._database.read() as session:
            texts = {one.name: one for one in session.scalars(wanted)}
        return {
            recording: texts[found]
            for recording, own in names.items()
            if (found := next((name for name in own if name in texts), None)) is not None
        }

    def recordings_of(self, texts: Iterable[RecordingRow]) -> dict[str, RecordingRow]:
        """Recordings whose transcript a text is, by the text; rows of another kind are skipped."""
        stems = [os.path.splitext(row.name)[0] for row in texts if row.kind == "text"]
        names = [f"{stem}{written}" for stem in stems for one in SUFFIXES for written in (one, one.upper())]
        wanted = select(RecordingRow).where(RecordingRow.name.in_(names), RecordingRow.deleted.is_(None))
        with self._database.read() as session:
            found = {one.id: one for one in session.scalars(wanted)} if names else {}
        return {text.id: found[recording] for recording, text in self.transcripts_of(found.values()).items()}

    def contents(self) -> set[str]:
        """SHA-256 of every recording that is here."""
        with self._database.read() as session:
            return set(session.scalars(select(RecordingRow.content)))

    def page(self, search: str, number: int, size: int) -> tuple[list[RecordingRow], int]:
        """A page of the list, the newest first, and how many there are.

        Args:
            search: a part of their names.
            number: of the page, from 0.
            size: of a page.
        """
        wanted = select(RecordingRow).where(RecordingRow.deleted.is_(None))
        if search:
            wanted = wanted.where(RecordingRow.name.icontains(search, autoescape=True))
        with self._database.read() as session:
            count = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
            ordered = wanted.order_by(RecordingRow.added.desc(), RecordingRow.id)
            return list(session.scalars(ordered.limit(size).offset(number * size))), count

    def bin(self) -> list[RecordingRow]:
        """What was deleted, the latest first."""
        wanted = select(RecordingRow).where(RecordingRow.deleted.is_not(None))
        with self._database.read() as session:
            return list(session.scalars(wanted.order_by(RecordingRow.deleted.desc()).limit(1000)))

    def count_bin(self) -> int:
        """How many were deleted."""
        counted = select(func.count()).where(RecordingRow.deleted.is_not(None))
        with self._database.read() as session:
            return session.scalar(counted) or 0

    def delete(self, identifiers: Iterable[str]) -> int:
        """Move recordings to the bin; how many."""
        return self._mark(identifiers, deleted=True)

    def restore(self, identifiers: Iterable[str]) -> int:
        """Take recordings out of the bin; how many."""
        return self._mark(identifiers, deleted=False)

    def empty_bin(self) -> int:
        """Delete what is in the bin for good; how many."""
        rows = self.bin()
        for row in rows:
            with self._database.write() as session:
                found = session.get(RecordingRow, row.id)
                if found is None or found.deleted is None:  # it was restored meanwhile
                    continue
                session.delete(found)
            self.path(row).unlink(missing_ok=True)
        return len(rows)

    def _mark(self, identifiers: Iterable[str], *, deleted: bool) -> int:
        place = RecordingRow.deleted.is_(None) if deleted else RecordingRow.deleted.is_not(None)
        change = update(RecordingRow).where(RecordingRow.id.in_(list(identifiers)), place)
        with self._database.write() as session:
            done = session.execute(change.values(deleted=now() if deleted else None))
        return int(getattr(done, "rowcount", 0))

    def _restored(self, content: str) -> RecordingRow | None:
        """The recording with this content, out of the bin if it is there."""
        with self._database.write() as session:
            found = session.scalar(select(RecordingRow).where(RecordingRow.content == content))
            if found is not None:
                found.deleted = None
            return found

    def _sweep(self) -> None:
        """Remove what killed processes have left: files that nobody receives any more, or that have no row."""
        for path in self.uploads.iterdir():
            named = _RECEIVED.fullmatch(path.name)
            if named is None or _name_process(int(named[2])) != named[1]:
                path.unlink(missing_ok=True)
        with self._database.read() as session:
            known = set(session.scalars(select(RecordingRow.id)))
        for path in (one for one in self.folder.iterdir() if one.stem not in known):
            if time() - path.stat().st_mtime > OLD.total_seconds():  # its row may be about to be written
                path.unlink(missing_ok=True)


def _name_process(number: int) -> str:
    """Number of a process, and the moment of its start: the number is given again later."""
    process = identify(number)
    started = "" if process is None else process.started
    return f"{number}-{sha256(started.encode()).hexdigest()[:8]}"


def suffix_of(name: str) -> str:
    """The suffix of what can be analysed.

    Raises:
        UserError: it is another one.
    """
    suffix = os.path.splitext(name)[1].lower()
    if suffix not in SUFFIXES and suffix not in ALONE:
        known = few(sorted(s.removeprefix(".") for s in (*SUFFIXES, *ALONE)))
        raise UserError(f"{name} is neither a recording nor a text by its name", f"add files like these: {known}")
    return suffix


def _look(path: Path, name: str, suffix: str) -> tuple[str, float | None]:
    """Kind and length by content; messages call the file by its own name."""
    try:
        if suffix in ALONE:
            read_text(path, what="text")
            return "text", None
        found = probe(path)
    except UserError as error:
        cause, remedy = (part.replace(str(path), name) for part in (error.cause, error.remedy))
        raise UserError(cause, remedy) from None
    return "video" if found.video else "audio", found.duration
