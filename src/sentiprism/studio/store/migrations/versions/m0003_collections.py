"""Collections of recordings, and the numbers of reports."""

import sqlalchemy as sa
from alembic import op

from sentiprism.studio.store.tables import Moment

revision = "0003"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "collections",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("attributes", sa.JSON, nullable=False),
        sa.Column("created", Moment, nullable=False, index=True),
    )
    op.create_table(
        "collection_members",
        sa.Column("collection", sa.String(16), sa.ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True),
        sa.Column(
            "recording",
            sa.String(16),
            sa.ForeignKey("recordings.id", ondelete="CASCADE"),
            primary_key=True,
            index=True,
        ),
        sa.Column("attributes", sa.JSON, nullable=False),
    )
    op.create_table(
        "report_summaries",
        sa.Column("report", sa.String(16), primary_key=True),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("numbers", sa.JSON),
    )
