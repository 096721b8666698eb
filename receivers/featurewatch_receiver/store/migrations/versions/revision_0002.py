"""What people did and were told, verification, approval, leases, watch, inbox, console."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from featurewatch_receiver.store.schema import UtcTime

revision = "0002"
down_revision = "0001"

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
# As the tables are before and after; only what the move of the data needs.
_REMEDIATIONS = sa.table(
    "remediations",
    sa.column("id", sa.Text),
    sa.column("state", sa.Text),
    sa.column("reason", sa.Text),
    sa.column("finished_at", UtcTime),
)
_STEPS = sa.table(
    "remediation_steps",
    sa.column("remediation_id", sa.Text),
    sa.column("at", UtcTime),
    sa.column("actor", sa.Text),
    sa.column("state", sa.Text),
    sa.column("reason", sa.Text),
    sa.column("detail", sa.Text),
)


def upgrade() -> None:
    """Add what is new; what was done so far was done for an alert, and never verified."""
    _extend_episodes()
    _extend_remediations()
    _move_states()
    _create_notifications()
    _create_leases()
    _create_switches()
    _create_audit()
    _create_watch()
    _create_inbox()
    _create_console()


def _extend_episodes() -> None:
    for column in (
        sa.Column("acknowledged_at", UtcTime),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("acknowledged_until", UtcTime),
        sa.Column("acknowledged_reason", sa.Text),
        sa.Column("first_acknowledged_at", UtcTime),
        sa.Column("silenced_at", UtcTime),
        sa.Column("silenced_by", sa.Text),
        sa.Column("silenced_until", UtcTime),
        sa.Column("silenced_reason", sa.Text),
        sa.Column("inhibited_at", UtcTime),
        sa.Column("inhibited_by", sa.JSON),
        sa.Column("resolved_by", sa.Text),
        sa.Column("resolved_reason", sa.Text),
    ):
        op.add_column("episodes", column)


def _extend_remediations() -> None:
    with op.batch_alter_table("remediations") as table:
        for column in (
            sa.Column("origin", sa.Text, nullable=False, server_default="alert"),
            sa.Column("requested_by", sa.Text),
            sa.Column("approved_by", sa.Text),
            sa.Column("queued", sa.Integer, nullable=False, server_default="1"),
            sa.Column("back_to", sa.JSON),
            sa.Column("values_before", sa.JSON),
            sa.Column("values_after", sa.JSON),
            sa.Column("hold_id", sa.Text),
            sa.Column("waiting_since", UtcTime),
            sa.Column("acted_at", UtcTime),
            sa.Column("done_at", UtcTime),
        ):
            table.add_column(column)
    with op.batch_alter_table("remediations") as table:
        table.alter_column("episode_id", existing_type=sa.Text, nullable=True)
        # The defaults were for the rows there are.
        table.alter_column("origin", existing_type=sa.Text, server_default=None)
        table.alter_column("queued", existing_type=sa.Integer, server_default=None)
        table.create_index("remediations_by_time", ["created_at"])


def _move_states() -> None:
    rows, steps = _REMEDIATIONS, _STEPS
    for table in (rows, steps):
        op.execute(table.update().where(table.c.state == "succeeded").values(state="inconclusive"))
    # The workflows of unfinished ones are of an older kind, and end by themselves.
    unfinished = rows.c.state.in_(("planned", "running"))
    now = sa.bindparam("now", datetime.now(UTC), UtcTime)
    end = {"state": "in_doubt", "reason": "outcome_unknown"}
    texts = [sa.literal(text) for text in ("migration", *end.values(), "the receiver was updated")]
    names = ["remediation_id", "at", "actor", "state", "reason", "detail"]
    op.execute(
        steps.insert().from_select(names, sa.select(rows.c.id, now, *texts).where(unfinished))
    )
    op.execute(rows.update().where(unfinished).values(finished_at=now, **end))


def _create_notifications() -> None:
    op.create_table(
        "episode_notifications",
        sa.Column("id", _SERIAL, primary_key=True),
        sa.Column(
            "episode_id",
            sa.Text,
            sa.ForeignKey("episodes.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("receiver", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
    )


def _create_leases() -> None:
    op.create_table(
        "leases",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("episode_id", sa.Text),
        sa.Column("alertname", sa.Text),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("changed_to", sa.JSON, nullable=False),
        sa.Column("back_to", sa.JSON, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("quiet_since", UtcTime),
        sa.Column("waits_for", sa.Text),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.Column("ended_at", UtcTime),
        sa.Column("end_reason", sa.Text),
        sa.Column("ended_by", sa.Text),
    )
    lasts = sa.text("ended_at IS NULL")
    op.create_index(
        "one_lease_per_change",
        "leases",
        ["target", "action"],
        unique=True,
        sqlite_where=lasts,
        postgresql_where=lasts,
    )


def _create_switches() -> None:
    op.create_table(
        "switches",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("engaged", sa.Boolean, nullable=False),
        sa.Column("changed_at", UtcTime, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _SERIAL, primary_key=True),
        sa.Column("at", UtcTime, nullable=False, index=True),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.JSON),
    )


def _create_watch() -> None:
    op.create_table(
        "watch",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("heard_at", UtcTime),
        sa.Column("since", UtcTime),
        sa.Column("looked_at", UtcTime),
        sa.Column("looked_by", sa.Text),
    )
    op.create_table(
        "watch_told",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("told_at", UtcTime, nullable=False),
    )


def _create_inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", _SERIAL, primary_key=True),
        sa.Column("received_at", UtcTime, nullable=False),
        sa.Column("alerts", sa.Integer, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("fault", sa.Text),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("inbox_by_fault", "inbox", ["fault", "size"])


def _create_console() -> None:
    op.create_table(
        "servers",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("asked_at", UtcTime, nullable=False),
        sa.Column("heard_at", UtcTime),
        sa.Column("problem", sa.Text),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("token_sha256", sa.Text, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
    )
    op.create_index("alerts_by_fingerprint", "alerts", ["fingerprint"])
    op.create_index("notifications_by_time", "episode_notifications", ["at"])
