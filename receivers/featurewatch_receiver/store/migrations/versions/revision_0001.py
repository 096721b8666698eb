"""Episodes, alerts, remediations and their steps."""

import sqlalchemy as sa
from alembic import op

from featurewatch_receiver.store.schema import UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "episodes",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("alertname", sa.Text, nullable=False),
        sa.Column("extractor", sa.Text),
        sa.Column("severity", sa.Text),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("annotations", sa.JSON, nullable=False),
        sa.Column("escalation_level", sa.Integer, nullable=False),
        sa.Column("started_at", UtcTime, nullable=False),
        sa.Column("resolved_at", UtcTime),
    )
    still_open = sa.text("resolved_at IS NULL")
    op.create_index(
        "one_open_episode",
        "episodes",
        ["identity"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_index("episodes_by_identity", "episodes", ["identity", "resolved_at"])
    op.create_index("episodes_by_start", "episodes", ["started_at"])
    op.create_table(
        "alerts",
        sa.Column("episode_id", sa.Text, _parent("episodes"), primary_key=True),
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("starts_at", UtcTime, nullable=False),
        sa.Column("ends_at", UtcTime),
    )
    op.create_table(
        "remediations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("episode_id", sa.Text, _parent("episodes"), nullable=False, index=True),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("target", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("plan", sa.JSON),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("started_at", UtcTime),
        sa.Column("finished_at", UtcTime),
    )
    op.create_index("remediations_by_target", "remediations", ["target", "state"])
    op.create_table(
        "remediation_steps",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("remediation_id", sa.Text, _parent("remediations"), nullable=False, index=True),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("detail", sa.Text),
    )


def _parent(table: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
