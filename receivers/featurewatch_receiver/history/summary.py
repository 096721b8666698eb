"""Figures about the history: how many, how soon taken, how soon over, who was told."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, func, or_, select

from featurewatch_receiver.core import Core
from featurewatch_receiver.history.statuses import status_column
from featurewatch_receiver.store.schema import episodes, notifications

Json = dict[str, Any]


def summary(core: Core, hours: int) -> Json:
    """Episodes that were open within the last hours, by severity and status; times in seconds.

    The means are of what was first acknowledged, and of what ended, within these hours; null
    without any. `auto_resolve: false` counts until a person has resolved it.
    """
    since = core.now() - timedelta(hours=hours)
    with core.reader.begin() as connection:
        return {
            "hours": hours,
            "episodes": _counts(connection, since),
            "mtta_seconds": time_to_acknowledge(connection, since),
            "mttr_seconds": time_to_resolve(connection, since),
            "notifications": _notifications(connection, since),
        }


def time_to_acknowledge(connection: Connection, since: datetime) -> float | None:
    """Mean seconds from an episode's beginning until it was first acknowledged: MTTA."""
    return _mean(connection, episodes.c.first_acknowledged_at, since)


def time_to_resolve(connection: Connection, since: datetime) -> float | None:
    """Mean seconds from an episode's beginning to its end: MTTR."""
    return _mean(connection, episodes.c.resolved_at, since)


def _mean(connection: Connection, moment: Column[datetime], since: datetime) -> float | None:
    """Databases differ in how they subtract times, so it is done here."""
    rows = connection.execute(select(episodes.c.started_at, moment).where(moment >= since))
    took = [max(0.0, (end - start).total_seconds()) for start, end in rows]
    return sum(took) / len(took) if took else None


def _counts(connection: Connection, since: datetime) -> dict[str, dict[str, int]]:
    was_open = or_(episodes.c.resolved_at.is_(None), episodes.c.resolved_at >= since)
    columns = episodes.c.severity, status_column
    query = select(*columns, func.count()).where(was_open).group_by(*columns)
    counts: dict[str, dict[str, int]] = {}
    for severity, word, number in connection.execute(query):
        counts.setdefault(severity or "none", {})[word] = number
    return counts


def _notifications(connection: Connection, since: datetime) -> dict[str, dict[str, int]]:
    """By Alertmanager's receiver and status."""
    recent: ColumnElement[bool] = notifications.c.at >= since
    columns = notifications.c.receiver, notifications.c.status
    query = select(*columns, func.count()).where(recent).group_by(*columns)
    counts: dict[str, dict[str, int]] = {}
    for receiver, word, number in connection.execute(query):
        counts.setdefault(receiver, {})[word] = number
    return counts
