"""What was done already: the facts from which guards decide.

A run counts from when the target was told. A failure before that counts, too, and so does a dry
run: or the same would be tried, or proposed, over and over.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, text

from featurewatch_receiver.automation.remediations import ACTIVE, FAILURES
from featurewatch_receiver.config.receiver import ActionName, ReceiverConfig
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.errors import SkipReason
from featurewatch_receiver.store.schema import episodes, remediations, switches

KILL_SWITCH = "kill_switch"
_r = remediations.c
_ran = or_(_r.acted_at.is_not(None), _r.state.in_(FAILURES), _r.reason == SkipReason.DRY_RUN)
_ran_at = func.coalesce(_r.acted_at, _r.finished_at)


def lock(connection: Connection, *names: str) -> None:
    """Let no other process decide about these until the transaction ends.

    SQLite needs none: its transactions that write come one after the other.
    """
    if connection.dialect.name == "postgresql":
        for name in sorted(set(names)):
            key = text("select pg_advisory_xact_lock(hashtextextended(:name, 0))")
            connection.execute(key, {"name": name})


def is_busy(connection: Connection, target: str | None, besides: str | None = None) -> bool:
    """Whether another action is planned or at work on the target."""
    active = exists().where(_r.target == target, _r.state.in_(ACTIVE), _r.id != (besides or ""))
    return bool(connection.scalar(select(active)))


def last_run(
    connection: Connection, action: ActionName, target: str | None, besides: str | None = None
) -> datetime | None:
    """When the action last ended on the target, however it ended."""
    ended: datetime | None = connection.scalar(
        select(func.max(_r.finished_at)).where(
            _r.target == target, _r.action == action, _ran, _r.id != (besides or "")
        )
    )
    return ended


def runs_of_episode(
    connection: Connection, action: ActionName, episode_id: str | None, besides: str | None = None
) -> int:
    """How often the action ran for the episode."""
    return _count(connection, _r.action == action, _r.episode_id == episode_id, besides=besides)


def runs_since(
    connection: Connection,
    action: ActionName,
    target: str | None,
    since: datetime,
    besides: str | None = None,
) -> int:
    """How often the action ran on the target since then."""
    later = _ran_at > since
    return _count(connection, _r.target == target, _r.action == action, later, besides=besides)


def _count(connection: Connection, *where: ColumnElement[bool], besides: str | None) -> int:
    query = select(func.count()).where(and_(*where, _ran, _r.id != (besides or "")))
    return int(connection.scalar(query) or 0)


def episodes_begun(connection: Connection, config: ReceiverConfig, now: datetime) -> int:
    """How many episodes with a response began within the storm's window.

    A member of an incident does not count: the incident does.
    """
    since = now - timedelta(seconds=seconds(config.responses.storm.window))
    with_response = [name for name, alert in config.alerts.items() if alert.responses]
    began = and_(
        episodes.c.started_at > since,
        episodes.c.alertname.in_(with_response),
        episodes.c.inhibited_at.is_(None),
    )
    return int(connection.scalar(select(func.count()).where(began)) or 0)


def is_engaged(connection: Connection, name: str = KILL_SWITCH) -> bool:
    """Whether a switch is engaged."""
    found = connection.scalar(select(switches.c.engaged).where(switches.c.name == name))
    return bool(found)
