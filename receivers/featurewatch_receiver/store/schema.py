"""The receiver's tables. All times are UTC.

The inbox is what came and is not yet applied. Episodes, alerts, notifications and changes are what
was heard and told; remediations, their steps and leases what was done about it; switches and audit
what people did; watch and watch_told are the dead man's switch; servers is what was last heard of
Alertmanager and Prometheus; sessions is who has signed in to the console.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
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

# Episodes and alerts are made of it; see inbox.py.
inbox = Table(
    "inbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("received_at", UtcTime, nullable=False, comment="When it came."),
    Column("alerts", Integer, nullable=False, comment="How many it tells of."),
    Column("size", Integer, nullable=False, comment="Bytes of the body, as stored."),
    Column("fault", Text, comment="Why it can't be applied and is set aside; null: it waits."),
    # Last, so that SQLite reads the others without it.
    Column("body", LargeBinary, nullable=False, comment="As Alertmanager sent it; large: packed."),
)
# It is counted often, and the rows are large.
Index("inbox_by_fault", inbox.c.fault, inbox.c.size)

episodes = Table(
    "episodes",
    metadata,
    Column("id", Text, primary_key=True, comment="Never used twice; later ones are greater."),
    Column("identity", Text, nullable=False, comment="Hash of the labels without the level."),
    Column("alertname", Text, nullable=False, comment="The alert's name."),
    Column("extractor", Text, comment="The extractor label, if the alert has one."),
    Column("severity", Text, comment="The severity label, if the alert has one."),
    Column("labels", JSON, nullable=False, comment="Labels without the escalation level."),
    Column("annotations", JSON, nullable=False, comment="As of the highest level seen."),
    Column("escalation_level", Integer, nullable=False, comment="The highest level seen."),
    Column("started_at", UtcTime, nullable=False, comment="When its first alert began."),
    Column("resolved_at", UtcTime, comment="When its last alert ended; null while one fires."),
    # What people and Alertmanager have done about it, as the reconciliation last saw it.
    Column("acknowledged_at", UtcTime, comment="When somebody took it; null while nobody has it."),
    Column("acknowledged_by", Text, comment="Who has it."),
    Column("acknowledged_until", UtcTime, comment="When that ends at the latest."),
    Column("acknowledged_reason", Text, comment="What they said."),
    Column("first_acknowledged_at", UtcTime, comment="When somebody first took it."),
    Column("silenced_at", UtcTime, comment="Since when a silence mutes all of it; else null."),
    Column("silenced_by", Text, comment="Who made that silence."),
    Column("silenced_until", UtcTime, comment="When that silence ends at the latest."),
    Column("silenced_reason", Text, comment="What it says."),
    Column("inhibited_at", UtcTime, comment="Since when another alert mutes all of it; else null."),
    Column("inhibited_by", JSON(none_as_null=True), comment="Name and extractor of those alerts."),
    Column("resolved_by", Text, comment="Who resolved it by hand."),
    Column("resolved_reason", Text, comment="What they said."),
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
    Column("sender", Text, comment="A Sender that is not Alertmanager; else null."),
)
Index("alerts_by_fingerprint", alerts.c.fingerprint)

notifications = Table(
    "episode_notifications",  # the engine has a table "notifications", in SQLite beside ours
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("episode_id", ForeignKey(episodes.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("level", Integer, nullable=False, comment="The escalation level that was told."),
    Column("at", UtcTime, nullable=False, comment="When Alertmanager was seen to have it to tell."),
    Column("receiver", Text, nullable=False, comment="Alertmanager's receiver."),
    Column("status", Text, nullable=False, comment="firing or resolved."),
)
Index("notifications_by_time", notifications.c.at)

changes = Table(
    "episode_changes",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("episode_id", ForeignKey(episodes.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("at", UtcTime, nullable=False, comment="When it was made or seen at Alertmanager."),
    Column("what", Text, nullable=False, comment="A What; see changes.py."),
    Column("person", Text, comment="Whose acknowledgement or silence it is."),
    Column("until", UtcTime, comment="When that ends, or would have ended, at the latest."),
    Column("reason", Text, comment="What it says."),
    Column("inhibited_by", JSON(none_as_null=True), comment="Name and extractor of those alerts."),
    Column("silence", Text, comment="Alertmanager's id of what began; null for an end."),
)

remediations = Table(
    "remediations",
    metadata,
    Column("id", Text, primary_key=True, comment="<episode>:<action>:<attempt>, or manual:<id>."),
    Column("episode_id", ForeignKey(episodes.c.id, ondelete="CASCADE"), index=True),
    Column("action", Text, nullable=False, comment="An action of responses.actions."),
    Column("target", Text, comment="A key of targets; null when the extractor is not listed."),
    Column("origin", Text, nullable=False, comment="An Origin; see remediations.py."),
    Column("requested_by", Text, comment="The person who asked for it."),
    Column("approved_by", Text, comment="The person who approved the plan."),
    # Each time it is queued it is a workflow of its own: <id>@<queued>.
    Column("queued", Integer, nullable=False, comment="How often it was queued."),
    Column("state", Text, nullable=False, comment="A State; see remediations.py."),
    Column("reason", Text, comment="Why it was skipped or did not succeed."),
    Column("plan", JSON(none_as_null=True), comment="What the target shall look like; absolute."),
    Column("back_to", JSON(none_as_null=True), comment="For the end of a lease: the state before."),
    Column("values_before", JSON(none_as_null=True), comment="The alert's values before it acted."),
    Column("values_after", JSON(none_as_null=True), comment="Those seen last while verifying."),
    Column("hold_id", Text, comment="The silence that holds the next level while it runs."),
    Column("created_at", UtcTime, nullable=False, comment="When it was decided."),
    Column("started_at", UtcTime, comment="When work began; its timeout counts from here."),
    Column("waiting_since", UtcTime, comment="Since when its plan waits, or waited, for approval."),
    Column("acted_at", UtcTime, comment="When the target was first told."),
    Column("done_at", UtcTime, comment="When the target was as planned; verification begins."),
    Column("finished_at", UtcTime, comment="When it reached its last state."),
)
Index("remediations_by_target", remediations.c.target, remediations.c.state)
Index("remediations_by_time", remediations.c.created_at)

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

leases = Table(
    "leases",
    metadata,
    Column("id", Text, primary_key=True, comment="That of the remediation that made the change."),
    Column("episode_id", Text, comment="The episode it was for; it may be deleted by now."),
    Column("alertname", Text, comment="The alert that it was for."),
    Column("target", Text, nullable=False, comment="A key of targets."),
    Column("action", Text, nullable=False, comment="The action that made the change."),
    Column("changed_to", JSON, nullable=False, comment="The state that the change led to."),
    Column("back_to", JSON, nullable=False, comment="The state before the first change."),
    Column("created_at", UtcTime, nullable=False, comment="When the change was made."),
    Column("quiet_since", UtcTime, comment="Since when its extractor has no alert; else null."),
    Column("waits_for", Text, comment="The SkipReason that holds its end back, if one does."),
    Column("steps", Integer, nullable=False, comment="How many remediations were begun to end it."),
    Column("ended_at", UtcTime, comment="When it ended; null while it lasts."),
    Column("end_reason", Text, comment="A LeaseEnd; see leases.py."),
    Column("ended_by", Text, comment="The person who ended it by hand."),
)
Index(
    "one_lease_per_change",
    leases.c.target,
    leases.c.action,
    unique=True,
    sqlite_where=leases.c.ended_at.is_(None),
    postgresql_where=leases.c.ended_at.is_(None),
)

switches = Table(
    "switches",
    metadata,
    Column("name", Text, primary_key=True, comment="kill_switch."),
    Column("engaged", Boolean, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", UtcTime, nullable=False, index=True, comment="When it was done."),
    Column("actor", Text, nullable=False, comment="The person's name."),
    Column("act", Text, nullable=False, comment="acknowledge, approve, kill_switch, ..."),
    Column("subject", Text, nullable=False, comment="The id of what it was done to."),
    Column("reason", Text, nullable=False, comment="What the person said."),
    Column("detail", JSON(none_as_null=True), comment="What changed."),
)

watch = Table(
    "watch",
    metadata,
    Column("name", Text, primary_key=True, comment="watchdog."),
    Column("heard_at", UtcTime, comment="When its last heartbeat arrived."),
    Column("since", UtcTime, comment="Since when a receiver has waited for it without a gap."),
    Column("looked_at", UtcTime, comment="When a receiver last looked whether it came."),
    Column("looked_by", Text, comment="Which process; the others leave it to that one."),
)

watch_told = Table(
    "watch_told",
    metadata,
    Column("path", Text, primary_key=True, comment="The way by which people are told."),
    Column("told_at", UtcTime, nullable=False, comment="When they were last told it is missing."),
)

servers = Table(
    "servers",
    metadata,
    Column("name", Text, primary_key=True, comment="alertmanager or prometheus."),
    Column("asked_at", UtcTime, nullable=False, comment="When it was last asked."),
    Column("heard_at", UtcTime, comment="When it last answered."),
    Column("problem", Text, comment="Why it did not, if it did not."),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True, comment="SHA-256 of what the browser's cookie holds."),
    Column("name", Text, nullable=False, comment="The person's."),
    Column("token_sha256", Text, nullable=False, comment="Of the token they signed in with."),
    Column("expires_at", UtcTime, nullable=False, comment="It is worth nothing from then on."),
)
