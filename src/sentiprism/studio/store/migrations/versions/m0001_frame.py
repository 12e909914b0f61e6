"""Recordings, jobs, tokens and settings."""

import sqlalchemy as sa
from alembic import op

from sentiprism.studio.store.tables import Moment

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "recordings",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("suffix", sa.String(16), nullable=False),
        sa.Column("content", sa.String(64), nullable=False, unique=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("duration", sa.Double),
        sa.Column("added", Moment, nullable=False, index=True),
        sa.Column("deleted", Moment),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("state", sa.String(12), nullable=False, index=True),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("workspace", sa.String(4096), nullable=False),
        sa.Column("created", Moment, nullable=False, index=True),
        sa.Column("queued", Moment, nullable=False),
        sa.Column("started", Moment),
        sa.Column("ended", Moment),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("stop_asked", Moment),
        sa.Column("error", sa.String(2000)),
        sa.Column("result", sa.JSON),
    )
    op.create_table(
        "tokens",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("expires", Moment, nullable=False),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )
