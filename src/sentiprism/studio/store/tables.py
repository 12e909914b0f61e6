"""Tables of the database."""

from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, Literal

from sqlalchemy import JSON, BigInteger, DateTime, Double, ForeignKey, String, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

JobState = Literal["queued", "running", "stopping", "done", "failed", "stopped", "interrupted"]
ACTIVE: tuple[JobState, ...] = ("running", "stopping")
"""States in which a process is expected."""
RESUMABLE: tuple[JobState, ...] = ("failed", "stopped", "interrupted")
"""States from which a job can be queued again."""
ID = 16
"""Hex digits of a row's identifier."""


class Moment(TypeDecorator[datetime]):
    """A time in UTC; SQLite has no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Add the zone where the database has dropped it."""
        del dialect
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Make an identifier that nobody can guess."""
    return token_hex(ID // 2)


class Table(DeclarativeBase):
    """Base of the tables."""

    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON, datetime: Moment, int: BigInteger}


class RecordingRow(Table):
    """A file that was added to the studio."""

    __tablename__ = "recordings"

    id: Mapped[str] = mapped_column(String(ID), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(255))
    """As it was called on the user's disk; never a part of a path."""
    suffix: Mapped[str] = mapped_column(String(16))
    content: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256, by which duplicates are found."""
    size: Mapped[int]
    kind: Mapped[str] = mapped_column(String(8))
    """``video``, ``audio`` or ``text``."""
    duration: Mapped[float | None] = mapped_column(Double)
    """Seconds; None of a text."""
    added: Mapped[datetime] = mapped_column(default=now, index=True)
    deleted: Mapped[datetime | None] = mapped_column(default=None)
    """When it was moved to the bin; None = it is not there."""

    @property
    def file(self) -> str:
        """Name of the stored file."""
        return f"{self.id}{self.suffix}"


class CollectionRow(Table):
    """Recordings that belong together, with the names of their attributes."""

    __tablename__ = "collections"

    id: Mapped[str] = mapped_column(String(ID), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200))
    attributes: Mapped[list[str]]
    """Names in the order of the table's columns."""
    created: Mapped[datetime] = mapped_column(default=now, index=True)


class MemberRow(Table):
    """A recording in a collection, with its attributes."""

    __tablename__ = "collection_members"

    collection: Mapped[str] = mapped_column(ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True)
    recording: Mapped[str] = mapped_column(
        ForeignKey("recordings.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    attributes: Mapped[dict[str, Any]]
    """Values by name; what has no value is left out."""


class SummaryRow(Table):
    """The numbers of a report, so that a list of thousands reads no report."""

    __tablename__ = "report_summaries"

    report: Mapped[str] = mapped_column(String(ID), primary_key=True)
    """Identifier of its folder."""
    changed: Mapped[int]
    """When the report was written, in µs; numbers of an older one are computed again."""
    numbers: Mapped[dict[str, Any] | None]
    """Fields of `sentiprism.study.summary.RecordingSummary`; None if the report is damaged."""


class JobRow(Table):
    """Work that a process of its own does."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(ID), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(255))
    parameters: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(12), default="queued", index=True)
    host: Mapped[str] = mapped_column(String(255))
    """Machine and data folder whose studio runs it."""
    workspace: Mapped[str] = mapped_column(String(4096))
    """Folder in which it works."""
    created: Mapped[datetime] = mapped_column(default=now, index=True)
    queued: Mapped[datetime] = mapped_column(default=now)
    started: Mapped[datetime | None] = mapped_column(default=None)
    ended: Mapped[datetime | None] = mapped_column(default=None)
    attempts: Mapped[int] = mapped_column(default=0)
    stop_asked: Mapped[datetime | None] = mapped_column(default=None)
    error: Mapped[str | None] = mapped_column(String(2000), default=None)
    result: Mapped[dict[str, Any] | None] = mapped_column(default=None)


class TokenRow(Table):
    """A one-time link or a browser's session, by its hash."""

    __tablename__ = "tokens"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    expires: Mapped[datetime]


class SettingRow(Table):
    """A setting of the studio."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[dict[str, Any]]
