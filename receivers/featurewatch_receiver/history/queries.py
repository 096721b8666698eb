"""Reads episodes, remediations and people's deeds, with all that hangs on them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    update,
)

from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.core import Core
from featurewatch_receiver.history.changes import untold
from featurewatch_receiver.history.paging import Cursor, Order, Page, page
from featurewatch_receiver.history.recipients import reach
from featurewatch_receiver.history.statuses import status_column
from featurewatch_receiver.labels import POLICY, SEVERITIES, is_alike
from featurewatch_receiver.store.schema import (
    alerts,
    audit,
    changes,
    episodes,
    leases,
    notifications,
    remediation_steps,
    remediations,
)

Row = dict[str, Any]
Conditions = Sequence[ColumnElement[bool]]

_EPISODES = Order(time=episodes.c.started_at, id=episodes.c.id)
_REMEDIATIONS = Order(time=remediations.c.created_at, id=remediations.c.id)
_NOTIFICATIONS = Order(time=notifications.c.at, id=notifications.c.id)
_CHANGES = Order(time=changes.c.at, id=changes.c.id)
_DEEDS = Order(time=audit.c.at, id=audit.c.id)
_LEASES = Order(time=leases.c.created_at, id=leases.c.id)
# What hangs on one episode, and is told with it; the newest of them.
_MOST_BESIDE = 1000

#: An alert of the episode fires.
fires = exists().where(alerts.c.episode_id == episodes.c.id, alerts.c.ends_at.is_(None))
#: An alert of the episode fires that Alertmanager knows.
is_known = exists().where(
    alerts.c.episode_id == episodes.c.id, alerts.c.ends_at.is_(None), alerts.c.sender.is_(None)
)
is_open = episodes.c.resolved_at.is_(None)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Which part of a list."""

    where: Conditions
    #: How far back; None: from the beginning.
    hours: int | None
    limit: int
    cursor: str | None = None


def list_episodes(core: Core, part: Part) -> Page:
    """Episodes that are open, or were so within the hours; with alerts and remediations."""
    found = _page(core, select(episodes, status_column), _EPISODES, part, _touched)
    with core.reader.begin() as connection:
        _complete(core, connection, found.rows)
    return found


def list_worst(core: Core, where: Conditions, limit: int) -> list[Row]:
    """Open episodes, the worst severity and then the newest first; with all that hangs on them."""
    ranks = case(
        {word: n for n, word in enumerate(SEVERITIES)}, value=episodes.c.severity, else_=-1
    )
    order = ranks.desc(), episodes.c.started_at.desc(), episodes.c.id.desc()
    query = select(episodes, status_column).where(is_open, *where).order_by(*order).limit(limit)
    with core.reader.begin() as connection:
        rows = [dict(row._mapping) for row in connection.execute(query)]
        _complete(core, connection, rows)
    return rows


def list_remediations(core: Core, part: Part) -> Page:
    """Remediations that were decided within the hours, with their steps."""
    found = _page(core, select(remediations), _REMEDIATIONS, part, _REMEDIATIONS.time.__ge__)
    with core.reader.begin() as connection:
        _add_steps(connection, found.rows)
    return found


def list_notifications(core: Core, part: Part) -> Page:
    """What was told within the hours, by which channels and to whom."""
    found = _page(core, select(notifications), _NOTIFICATIONS, part, notifications.c.at.__ge__)
    for row in found.rows:
        row.update(reach(core.config, row["receiver"]))
    return found


def list_deeds(core: Core, part: Part) -> Page:
    """What people did within the hours."""
    return _page(core, select(audit), _DEEDS, part, audit.c.at.__ge__)


def list_leases(core: Core, part: Part) -> Page:
    """Leases that are open, or were so within the hours."""
    touched = lambda since: or_(leases.c.ended_at.is_(None), leases.c.ended_at >= since)  # noqa: E731
    return _page(core, select(leases), _LEASES, part, touched)


def find_episode(core: Core, episode_id: str) -> Row | None:
    """One episode with everything that is known of it; None when there is none."""
    one = Part(where=[episodes.c.id == episode_id], hours=None, limit=1)
    found = list_episodes(core, one).rows
    for row in found:
        told = Part(where=[notifications.c.episode_id == row["id"]], hours=None, limit=_MOST_BESIDE)
        row["notifications"] = list_notifications(core, told).rows
        about = [row["id"], *(done["id"] for done in row["remediations"])]
        done = Part(where=[audit.c.subject.in_(about)], hours=None, limit=_MOST_BESIDE)
        row["deeds"] = list_deeds(core, done).rows
        seen = Part(where=[changes.c.episode_id == row["id"]], hours=None, limit=_MOST_BESIDE)
        row["changes"] = untold(_list_changes(core, seen).rows, row["deeds"])
    return next(iter(found), None)


def find_by_fingerprint(core: Core, fingerprint: str) -> str | None:
    """The newest episode with an alert of this fingerprint; None when there is none."""
    newest = (
        select(episodes.c.id)
        .join(alerts)
        .where(alerts.c.fingerprint == fingerprint)
        .order_by(episodes.c.started_at.desc())
        .limit(1)
    )
    with core.reader.begin() as connection:
        found: str | None = connection.scalar(newest)
    return found


def find_remediation(core: Core, row_id: str) -> Row | None:
    """One remediation with its steps; None when there is none."""
    one = Part(where=[remediations.c.id == row_id], hours=None, limit=1)
    return next(iter(list_remediations(core, one).rows), None)


def end_unknown(connection: Connection, episode_id: str, now: datetime) -> None:
    """End the alerts of an episode that Alertmanager does not know."""
    mine = alerts.c.episode_id == episode_id, alerts.c.ends_at.is_(None)
    connection.execute(
        update(alerts).where(*mine, alerts.c.sender.is_not(None)).values(ends_at=now)
    )


def resolve(connection: Connection, episode_id: str, now: datetime, **said: str) -> bool:
    """End an episode that stays open until a person says so; `said` is by whom and why.

    False for an episode that is not open, or of which an alert still fires.
    """
    ended = update(episodes).where(episodes.c.id == episode_id, is_open, ~fires)
    return connection.execute(ended.values(resolved_at=now, **said)).rowcount > 0


def count_open(core: Core) -> int:
    """How many episodes have an alert that fires."""
    still_open = select(func.count()).where(is_open)
    with core.reader.begin() as connection:
        return int(connection.scalar(still_open) or 0)


def _list_changes(core: Core, part: Part) -> Page:
    return _page(core, select(changes), _CHANGES, part, changes.c.at.__ge__)


def _page(core: Core, query: Select[Any], order: Order, part: Part, since_when: Any) -> Page:
    """A page; every one of a list has the beginning that the first one had."""
    cursor = Cursor.parse(part.cursor, order.kind) if part.cursor is not None else None
    since = cursor.since if cursor else core.now() - timedelta(hours=part.hours or 0)
    where = [*part.where, *([] if part.hours is None else [since_when(since)])]
    with core.reader.begin() as connection:
        return page(
            connection, query, order, where=where, since=since, cursor=cursor, limit=part.limit
        )


def _touched(since: datetime) -> ColumnElement[bool]:
    return or_(is_open, episodes.c.resolved_at >= since)


def _complete(core: Core, connection: Connection, found: list[Row]) -> None:
    ids = [episode["id"] for episode in found]
    heard = _children(connection, alerts, alerts.c.episode_id, ids, alerts.c.starts_at)
    members = _members_of(core, connection, found)
    parent = remediations.c.episode_id
    done = _children(connection, remediations, parent, ids, remediations.c.created_at)
    _add_steps(connection, [row for group in done.values() for row in group])
    for episode in found:
        episode |= {
            "alerts": heard[episode["id"]],
            "remediations": done[episode["id"]],
            "next_level_at": _next_level_at(core, episode, members),
        }


def _members_of(core: Core, connection: Connection, found: list[Row]) -> list[Row]:
    """Open episodes that correlated ones among these answer for."""
    still = [row["alertname"] for row in found if row["resolved_at"] is None]
    alerts_of = (core.config.alerts[name] for name in still if name in core.config.alerts)
    names = {member for alert in alerts_of for member in alert.members}
    if not names:
        return []
    columns = episodes.c.alertname, episodes.c.extractor, episodes.c.labels, episodes.c.started_at
    query = select(*columns).where(is_open, episodes.c.alertname.in_(names))
    return [dict(row._mapping) for row in connection.execute(query)]


def _next_level_at(core: Core, episode: Row, members: list[Row]) -> datetime | None:
    """When the next level is due; None when there is none, or people hold it back.

    A correlated alert has no clock of its own: it escalates with its members of the same policy.
    """
    alert = core.config.alerts.get(episode["alertname"])
    held = [episode[name] for name in ("resolved_at", "acknowledged_at", "silenced_at")]
    if alert is None or any(held):
        return None
    clocks = [episode] if alert.levels else [m for m in members if _answers_for(episode, m)]
    reached, due = episode["escalation_level"], []
    for clock in clocks:
        levels = core.config.alerts[clock["alertname"]].levels
        if clock["alertname"] in [episode["alertname"], *alert.members] and reached < len(levels):
            due.append(clock["started_at"] + timedelta(seconds=seconds(levels[reached])))
    return min(due, default=None)


def _answers_for(episode: Row, member: Row) -> bool:
    policies = {row["labels"].get(POLICY) for row in (episode, member)}
    return is_alike(episode["labels"], member["labels"]) and len(policies) == 1


def _add_steps(connection: Connection, rows: Iterable[Row]) -> None:
    by_id = {row["id"]: row for row in rows}
    parent = remediation_steps.c.remediation_id
    steps = _children(connection, remediation_steps, parent, list(by_id), remediation_steps.c.id)
    for row_id, row in by_id.items():
        row["steps"] = steps[row_id]


def _children(
    connection: Connection,
    table: Table,
    parent: Column[Any],
    ids: Sequence[str],
    order: Column[Any],
) -> dict[str, list[Row]]:
    """Rows of a table by their parent."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in connection.execute(select(table).where(and_(parent.in_(ids))).order_by(order)):
        groups[row._mapping[parent.name]].append(dict(row._mapping))
    return groups
