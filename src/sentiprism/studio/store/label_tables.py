"""Tables of labelling; ratings and decisions are only ever added, so that their history is kept."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Double, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sentiprism.studio.store.tables import ID, Table, new_id, now

NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts only INTEGER up by itself."""


class LabelTaskRow(Table):
    """Recordings to label on one scale."""

    __tablename__ = "label_tasks"

    id: Mapped[str] = mapped_column(String(ID), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200))
    scale: Mapped[dict[str, Any]]
    """See `labelling.scales.Scale`."""
    passes: Mapped[list[str]] = mapped_column(JSON)
    """What a rater sees and hears, one after the other, see `labelling.scales.PASSES`."""
    state: Mapped[str] = mapped_column(String(8), default="cutting")
    """``cutting`` (a job does it), ``open``, or ``closed``."""
    job: Mapped[str | None] = mapped_column(String(ID), default=None)
    """That cuts the recordings."""
    created: Mapped[datetime] = mapped_column(default=now, index=True)
    unblinded: Mapped[datetime | None] = mapped_column(default=None)
    """When it was first closed: from then on everybody may have seen all ratings."""
    deleted: Mapped[datetime | None] = mapped_column(default=None)


class LabelRecordingRow(Table):
    """A recording of a task."""

    __tablename__ = "label_recordings"

    task: Mapped[str] = mapped_column(String(ID), primary_key=True)
    recording: Mapped[str] = mapped_column(String(ID), primary_key=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(255))
    speaker: Mapped[str] = mapped_column(String(100), default="")
    """Who speaks; recordings of one speaker come into one split."""
    duration: Mapped[float] = mapped_column(Double)
    sound: Mapped[bool] = mapped_column(Boolean, default=False)
    picture: Mapped[bool] = mapped_column(Boolean, default=False)
    fault: Mapped[str | None] = mapped_column(String(1000), default=None)
    """Why it could not be cut."""


class LabelSegmentRow(Table):
    """An utterance of a recording."""

    __tablename__ = "label_segments"

    id: Mapped[str] = mapped_column(String(ID), primary_key=True, default=new_id)
    task: Mapped[str] = mapped_column(String(ID), index=True)
    recording: Mapped[str] = mapped_column(String(ID))
    start: Mapped[float] = mapped_column(Double)
    end: Mapped[float] = mapped_column(Double)
    text: Mapped[str | None] = mapped_column(Text, default=None)
    created: Mapped[datetime] = mapped_column(default=now)
    retired: Mapped[datetime | None] = mapped_column(default=None)
    """When other utterances took its place; its ratings are set aside with it."""


class LabelRaterRow(Table):
    """A rater of a task."""

    __tablename__ = "label_raters"
    __table_args__ = (UniqueConstraint("task", "key"),)

    id: Mapped[str] = mapped_column(String(ID), primary_key=True, default=new_id)
    task: Mapped[str] = mapped_column(String(ID))
    name: Mapped[str] = mapped_column(String(60))
    key: Mapped[str] = mapped_column(String(120))
    """The name in lower case: Ann and ann are one rater."""
    seed: Mapped[int]
    """Of the order of the utterances."""
    created: Mapped[datetime] = mapped_column(default=now)


class LabelRatingRow(Table):
    """A rating; the last one of a rater of an utterance in a pass counts."""

    __tablename__ = "label_ratings"

    number: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    task: Mapped[str] = mapped_column(String(ID), index=True)
    segment: Mapped[str] = mapped_column(String(ID))
    rater: Mapped[str] = mapped_column(String(ID))
    seen: Mapped[str] = mapped_column(String(8))
    """The pass."""
    value: Mapped[float | None] = mapped_column(Double)
    """None: the rater cannot tell. Of classes, the number of one."""
    comment: Mapped[str] = mapped_column(String(1000), default="")
    blind: Mapped[bool] = mapped_column(Boolean, default=True)
    """Whether the task had never been closed."""
    once: Mapped[str] = mapped_column(String(64), unique=True)
    """Of the form: what is sent twice is stored once."""
    made: Mapped[datetime] = mapped_column(default=now)


class LabelDecisionRow(Table):
    """A label that was set after rating; the last one of an utterance in a pass counts."""

    __tablename__ = "label_decisions"

    number: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    task: Mapped[str] = mapped_column(String(ID), index=True)
    segment: Mapped[str] = mapped_column(String(ID))
    seen: Mapped[str] = mapped_column(String(8))
    value: Mapped[float | None] = mapped_column(Double)
    """None: it gets no label."""
    how: Mapped[str] = mapped_column(String(12))
    """``person``, ``mean``, ``median`` or ``majority``."""
    who: Mapped[str] = mapped_column(String(60), default="")
    comment: Mapped[str] = mapped_column(String(1000), default="")
    once: Mapped[str] = mapped_column(String(64), unique=True)
    made: Mapped[datetime] = mapped_column(default=now)
