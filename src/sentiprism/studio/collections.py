"""Collections: recordings that belong together, with attributes such as group, condition and person."""

import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from sentiprism.errors import UserError, printable
from sentiprism.studio.store.database import Database
from sentiprism.studio.store.tables import ID, CollectionRow, MemberRow, RecordingRow, new_id
from sentiprism.study.attribute_table import LONGEST
from sentiprism.study.design import STANDARD, natural

MOST = 500
"""Collections in the studio."""
MOST_ATTRIBUTES = 12
LONGEST_ATTRIBUTE = 60
"""Characters of an attribute's name; a collection's name may be as long as a value."""


class Listed(NamedTuple):
    """A collection in the list."""

    row: CollectionRow
    recordings: int


class MemberRecording(NamedTuple):
    """What lists and charts of a collection need of a recording."""

    id: str
    name: str
    content: str
    kind: str


class Member(NamedTuple):
    """A recording of a collection."""

    row: MemberRecording
    attributes: dict[str, str]


class Collections:
    """The studio's collections.

    Args:
        database: their rows.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def every(self) -> list[Listed]:
        """Every collection, the newest first, with how many recordings it has."""
        counted = (
            select(MemberRow.collection, func.count())
            .join(RecordingRow, MemberRow.recording == RecordingRow.id)
            .where(RecordingRow.deleted.is_(None))
            .group_by(MemberRow.collection)
        )
        with self._database.read() as session:
            counts = dict(session.execute(counted).tuples().all())
            rows = session.scalars(select(CollectionRow).order_by(CollectionRow.created.desc(), CollectionRow.id))
            return [Listed(row, counts.get(row.id, 0)) for row in rows]

    def get(self, identifier: str) -> CollectionRow | None:
        """The collection of an identifier."""
        with self._database.read() as session:
            return session.get(CollectionRow, identifier)

    def members(self, identifier: str) -> list[Member]:
        """Recordings of a collection that are not in the bin, in natural order of their names."""
        columns = (RecordingRow.id, RecordingRow.name, RecordingRow.content, RecordingRow.kind, MemberRow.attributes)
        wanted = (
            select(*columns)
            .join(MemberRow, MemberRow.recording == RecordingRow.id)
            .where(MemberRow.collection == identifier, RecordingRow.deleted.is_(None))
            .order_by(RecordingRow.name, RecordingRow.id)
        )
        with self._database.read() as session:
            found = [Member(MemberRecording(*row[:-1]), row[-1]) for row in session.execute(wanted).tuples()]
        return [found[place] for place in _natural_order(tuple(one.row.name for one in found))]

    def create(self, name: str, *, once: str | None = None) -> str:
        """Make an empty collection.

        Args:
            name: for people.
            once: what is asked for twice with the same text, as by a double click, is one collection.

        Returns:
            Its identifier.

        Raises:
            UserError: it has no name, or there are `MOST`.
        """
        cleaned = _cleaned(name, LONGEST, "the collection's name")
        identifier = new_id() if once is None else sha256(once.encode()).hexdigest()[:ID]
        row = CollectionRow(id=identifier, name=cleaned, attributes=list(STANDARD))
        try:
            with self._database.write() as session:
                if once is not None and session.get(CollectionRow, identifier) is not None:
                    return identifier
                if (session.scalar(select(func.count()).select_from(CollectionRow)) or 0) >= MOST:
                    raise UserError(f"there are {MOST:,} collections", "delete some")
                session.add(row)
        except IntegrityError:  # the same, at the same moment
            if once is None:
                raise
        return identifier

    def rename(self, identifier: str, name: str) -> None:
        """Change a collection's name.

        Raises:
            UserError: it is empty.
        """
        name = _cleaned(name, LONGEST, "the collection's name")
        with self._database.write() as session:
            if (row := session.get(CollectionRow, identifier)) is not None:
                row.name = name

    def delete(self, identifier: str) -> None:
        """Delete a collection; its recordings stay."""
        with self._database.write() as session:
            session.execute(delete(CollectionRow).where(CollectionRow.id == identifier))

    def add(self, identifier: str, recordings: Iterable[str]) -> int:
        """Put recordings into a collection; how many were not in it."""
        with self._database.write() as session:
            if session.get(CollectionRow, identifier) is None:
                return 0
            known = set(session.scalars(select(MemberRow.recording).where(MemberRow.collection == identifier)))
            wanted = [one for one in dict.fromkeys(recordings) if one not in known]
            there = set(session.scalars(select(RecordingRow.id).where(RecordingRow.id.in_(wanted))))
            new = [one for one in wanted if one in there]
            session.add_all(MemberRow(collection=identifier, recording=one, attributes={}) for one in new)
        return len(new)

    def add_matching(self, identifier: str, search: str) -> int:
        """Put every recording with a text in its name into a collection; how many were not in it."""
        wanted = select(RecordingRow.id).where(RecordingRow.deleted.is_(None))
        with self._database.read() as session:
            found = list(session.scalars(wanted.where(RecordingRow.name.icontains(search, autoescape=True))))
        return self.add(identifier, found)

    def remove(self, identifier: str, recordings: Iterable[str]) -> None:
        """Take recordings out of a collection, with their attributes there."""
        chosen = MemberRow.recording.in_(list(recordings))
        with self._database.write() as session:
            session.execute(delete(MemberRow).where(MemberRow.collection == identifier, chosen))

    def add_attribute(self, identifier: str, name: str) -> str:
        """Add a column to a collection's table, unless it has it.

        Returns:
            The name as it is kept.

        Raises:
            UserError: the name is empty, or there are too many.
        """
        name = _cleaned(name, LONGEST_ATTRIBUTE, "the attribute's name")
        with self._database.write() as session:
            row = session.get(CollectionRow, identifier)
            if row is not None and name not in row.attributes:
                if len(row.attributes) >= MOST_ATTRIBUTES:
                    raise UserError(f"the collection has {MOST_ATTRIBUTES} attributes", "remove one first")
                row.attributes = [*row.attributes, name]
        return name

    def remove_attribute(self, identifier: str, name: str) -> None:
        """Remove a column with all its values."""
        with self._database.write() as session:
            row = session.get(CollectionRow, identifier)
            if row is None:
                return
            row.attributes = [one for one in row.attributes if one != name]
            for member in session.scalars(select(MemberRow).where(MemberRow.collection == identifier)):
                if name in member.attributes:
                    member.attributes = {key: value for key, value in member.attributes.items() if key != name}

    def set_values(self, identifier: str, values: Mapping[str, Mapping[str, str]]) -> int:
        """Change attributes; what is not named stays, and an empty value is removed.

        Args:
            identifier: of the collection.
            values: by recording and by name of the attribute; others than the collection's are ignored.

        Returns:
            How many recordings changed.
        """
        changed = 0
        with self._database.write() as session:
            row = session.get(CollectionRow, identifier)
            names = [] if row is None else row.attributes
            chosen = MemberRow.recording.in_(list(values))
            wanted = select(MemberRow).where(MemberRow.collection == identifier, chosen)
            for member in session.scalars(wanted):
                given = {key: _value(text) for key, text in values[member.recording].items() if key in names}
                merged = {key: text for key, text in {**member.attributes, **given}.items() if text}
                if merged != member.attributes:
                    member.attributes = merged
                    changed += 1
        return changed


@lru_cache(maxsize=8)
def _natural_order(names: tuple[str, ...]) -> list[int]:
    """Places of names in natural order; the same names, as on the next page, are sorted once."""
    return sorted(range(len(names)), key=lambda place: natural(names[place]))


def _cleaned(text: str, longest: int, what: str) -> str:
    found = _value(text)[:longest].strip()
    if not found:
        raise UserError(f"{what} is empty", "give it a name")
    return found


def _value(text: str) -> str:
    """A text in one line without control characters."""
    return printable(" ".join(unicodedata.normalize("NFC", text).split()))[:LONGEST]
