"""What Alertmanager said anew of an episode."""

import sqlalchemy as sa
from alembic import op

from featurewatch_receiver.store.schema import UtcTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add its table; of what was before, the episodes tell what still holds."""
    op.create_table(
        "episode_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column(
            "episode_id",
            sa.Text,
            sa.ForeignKey("episodes.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("person", sa.Text),
        sa.Column("until", UtcTime),
        sa.Column("reason", sa.Text),
        sa.Column("inhibited_by", sa.JSON),
        sa.Column("silence", sa.Text),
    )
