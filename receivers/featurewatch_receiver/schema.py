"""The receiver's tables. All times are UTC.

Episodes and alerts are what was heard, remediations and their steps what was done about it.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine


class UtcTime(TypeDecorator[datetime]):
    """A time with its zone, also in SQLite, which keeps none."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the database's own type: with a zone wherever there is one."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name != "sqlite"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Hand a UTC time to the database."""
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give a UTC time back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()

episodes = Table(
    "episodes",
    metadata,
    Column("id", Text, primary_key=True, comment="Random, never used twice."),
    Column("identity", Text, nullable=False, comment="Hash of the labels without the level."),
    Column("alertname", Text, nullable=False, comment="The alert's name."),
    Column("extractor", Text, comment="The extractor label, if the alert has one."),
    Column("severity", Text, comment="The severity label, if the alert has one."),
    Column("labels", JSON, nullable=False, comment="Labels without the escalation level."),
    Column("annotations", JSON, nullable=False, comment="As of the highest level seen."),
    Column("escalation_level", Integer, nullable=False, comment="The highest level seen."),
    Column("started_at", UtcTime, nullable=False, comment="When its first alert began."),
    Column("resolved_at", UtcTime, comment="When its last alert ended; null while one fires."),
)
Index(
    "one_open_episode",
    episodes.c.identity,
    unique=True,
    sqlite_where=episodes.c.resolved_at.is_(None),
    postgresql_where=episodes.c.resolved_at.is_(None),
)
Index("episodes_by_identity", episodes.c.identity, episodes.c.resolved_at)
Index("episodes_by_start", episodes.c.started_at)

alerts = Table(
    "alerts",
    metadata,
    Column("episode_id", ForeignKey(episodes.c.id, ondelete="CASCADE"), primary_key=True),
    Column("fingerprint", Text, primary_key=True, comment="Alertmanager's hash of all labels."),
    Column("level", Integer, nullable=False, comment="Its escalation level; 1 without the label."),
    Column("starts_at", UtcTime, nullable=False, comment="When it began to fire."),
    Column("ends_at", UtcTime, comment="When it ended; null while it fires."),
)

remediations = Table(
    "remediations",
    metadata,
    # The primary key is also the workflow's id: one run per episode and action, for ever.
    Column("id", Text, primary_key=True, comment="<episode>:<action>."),
    Column("episode_id", ForeignKey(episodes.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("action", Text, nullable=False, comment="An action of responses.actions."),
    Column("target", Text, comment="A key of targets; null when the extractor is not listed."),
    Column("state", Text, nullable=False, comment="A State; see remediations.py."),
    Column("reason", Text, comment="Why it was skipped or did not succeed."),
    Column("plan", JSON(none_as_null=True), comment="What the target shall look like; absolute."),
    Column("created_at", UtcTime, nullable=False, comment="When it was decided."),
    Column("started_at", UtcTime, comment="When work began; responses.timeout counts from here."),
    Column("finished_at", UtcTime, comment="When it reached its last state."),
)
Index("remediations_by_target", remediations.c.target, remediations.c.state)

remediation_steps = Table(
    "remediation_steps",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column(
        "remediation_id",
        ForeignKey(remediations.c.id, ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("at", UtcTime, nullable=False, comment="When it happened."),
    Column("actor", Text, nullable=False, comment="policy, worker, or a person's name."),
    Column("state", Text, nullable=False, comment="The state that was entered."),
    Column("reason", Text, comment="The named reason, if the state has one."),
    Column("detail", Text, comment="One sentence for people."),
)
