"""Reads episodes with all that hangs on them, as JSON objects."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, Table, and_, exists, func, or_, select, update

from featurewatch_receiver.core import Core
from featurewatch_receiver.schema import alerts, episodes, remediation_steps, remediations

Json = dict[str, Any]


def recent(core: Core, *, hours: int, limit: int) -> list[Json]:
    """Episodes that are open or were so within the last hours, newest first."""
    since = core.now() - timedelta(hours=hours)
    touched = or_(episodes.c.resolved_at.is_(None), episodes.c.resolved_at >= since)
    newest = select(episodes).where(touched).order_by(episodes.c.started_at.desc(), episodes.c.id)
    with core.reader.begin() as connection:
        found = [_json(row._mapping) for row in connection.execute(newest.limit(limit))]
        ids = [episode["id"] for episode in found]
        heard = _children(connection, alerts, alerts.c.episode_id, ids, alerts.c.starts_at)
        done = _remediations(connection, ids)
    for episode in found:
        episode |= {"alerts": heard[episode["id"]], "remediations": done[episode["id"]]}
    return found


def resolve(core: Core, episode_id: str) -> datetime | None:
    """End an episode that stays open until a person says so; return when it ended.

    Returns None for an episode that is not open, or of which an alert still fires.
    """
    fires = select(alerts).where(alerts.c.episode_id == episode_id, alerts.c.ends_at.is_(None))
    is_open = and_(episodes.c.id == episode_id, episodes.c.resolved_at.is_(None))
    now = core.now()
    with core.writer.begin() as connection:
        ended = update(episodes).where(is_open, ~exists(fires)).values(resolved_at=now)
        return now if connection.execute(ended).rowcount else None


def count_open(core: Core) -> int:
    """How many episodes have an alert that fires."""
    still_open = select(func.count()).where(episodes.c.resolved_at.is_(None))
    with core.reader.begin() as connection:
        return int(connection.scalar(still_open) or 0)


def _remediations(connection: Connection, episode_ids: list[str]) -> dict[str, list[Json]]:
    parent = remediations.c.episode_id
    found = _children(connection, remediations, parent, episode_ids, remediations.c.created_at)
    rows = [row for group in found.values() for row in group]
    parent = remediation_steps.c.remediation_id
    ids = [row["id"] for row in rows]
    steps = _children(connection, remediation_steps, parent, ids, remediation_steps.c.id)
    for row in rows:
        row["steps"] = steps[row["id"]]
        for step in row["steps"]:
            del step["id"]
    return found


def _children(
    connection: Connection,
    table: Table,
    parent: Column[Any],
    ids: Iterable[str],
    order: Column[Any],
) -> dict[str, list[Json]]:
    """Rows of a table by their parent, which they then no longer name."""
    groups: dict[str, list[Json]] = defaultdict(list)
    for row in connection.execute(select(table).where(parent.in_(ids)).order_by(order)):
        child = _json(row._mapping)
        groups[child.pop(parent.name)].append(child)
    return groups


def _json(row: Any) -> Json:
    values = {name: _text(value) for name, value in row.items()}
    values.pop("identity", None)
    return values


def _text(value: object) -> object:
    if not isinstance(value, datetime):
        return value
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
