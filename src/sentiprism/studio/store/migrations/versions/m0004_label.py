"""Label: tasks, their recordings and utterances, raters, ratings, decisions."""

import sqlalchemy as sa
from alembic import op

from sentiprism.studio.store.label_tables import NUMBER
from sentiprism.studio.store.tables import Moment

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables of labelling."""
    op.create_table(
        "label_tasks",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("scale", sa.JSON, nullable=False),
        sa.Column("passes", sa.JSON, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("job", sa.String(16)),
        sa.Column("created", Moment, nullable=False, index=True),
        sa.Column("unblinded", Moment),
        sa.Column("deleted", Moment),
    )
    op.create_table(
        "label_recordings",
        sa.Column("task", sa.String(16), primary_key=True),
        sa.Column("recording", sa.String(16), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("speaker", sa.String(100), nullable=False),
        sa.Column("duration", sa.Double, nullable=False),
        sa.Column("sound", sa.Boolean, nullable=False),
        sa.Column("picture", sa.Boolean, nullable=False),
        sa.Column("fault", sa.String(1000)),
    )
    op.create_table(
        "label_segments",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("task", sa.String(16), nullable=False, index=True),
        sa.Column("recording", sa.String(16), nullable=False),
        sa.Column("start", sa.Double, nullable=False),
        sa.Column("end", sa.Double, nullable=False),
        sa.Column("text", sa.Text),
        sa.Column("created", Moment, nullable=False),
        sa.Column("retired", Moment),
    )
    op.create_table(
        "label_raters",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("task", sa.String(16), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("created", Moment, nullable=False),
        sa.UniqueConstraint("task", "key"),
    )
    op.create_table(
        "label_ratings",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("task", sa.String(16), nullable=False, index=True),
        sa.Column("segment", sa.String(16), nullable=False),
        sa.Column("rater", sa.String(16), nullable=False),
        sa.Column("seen", sa.String(8), nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("comment", sa.String(1000), nullable=False),
        sa.Column("blind", sa.Boolean, nullable=False),
        sa.Column("once", sa.String(64), nullable=False, unique=True),
        sa.Column("made", Moment, nullable=False),
    )
    op.create_table(
        "label_decisions",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("task", sa.String(16), nullable=False, index=True),
        sa.Column("segment", sa.String(16), nullable=False),
        sa.Column("seen", sa.String(8), nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("how", sa.String(12), nullable=False),
        sa.Column("who", sa.String(60), nullable=False),
        sa.Column("comment", sa.String(1000), nullable=False),
        sa.Column("once", sa.String(64), nullable=False, unique=True),
        sa.Column("made", Moment, nullable=False),
    )
