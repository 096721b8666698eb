"""Who sent an alert; and what databases of unreleased versions lack."""

import sqlalchemy as sa
from alembic import op

from featurewatch_receiver.store.migrations.versions import revision_0002, revision_0003
from featurewatch_receiver.store.schema import UtcTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the sender; what there was so far came from Alertmanager."""
    _complete()
    op.add_column("alerts", sa.Column("sender", sa.Text))


def downgrade() -> None:
    """Forget who sent what."""
    op.drop_column("alerts", "sender")


def _complete() -> None:
    """Add what 0002 and 0003 lacked where they were applied.

    Until 2026-11-24 they were edited after that. All that came later may be empty.
    """
    seen = sa.inspect(op.get_bind())
    tables = set(seen.get_table_names())
    known = {column["name"] for column in seen.get_columns("episodes")}
    for column in (
        sa.Column("acknowledged_until", UtcTime),
        sa.Column("silenced_until", UtcTime),
        sa.Column("silenced_reason", sa.Text),
        sa.Column("inhibited_by", sa.JSON),
    ):
        if column.name not in known:
            op.add_column("episodes", column)
    if "inbox" in tables and not seen.get_indexes("inbox"):
        op.create_index("inbox_by_fault", "inbox", ["fault", "size"])
    for table, create in (
        ("inbox", revision_0002._create_inbox),  # as it was published
        ("watch", revision_0002._create_watch),
        ("servers", revision_0002._create_console),
        ("episode_changes", revision_0003.upgrade),
    ):
        if table not in tables:
            create()
