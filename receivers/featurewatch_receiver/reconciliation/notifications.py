"""The history of notifications: what Alertmanager had to tell to whom, and when.

Alertmanager keeps no such history; but which of its receivers an alert is routed to, and what mutes
it, it says. Whether a mail then arrived, it alone knows (alertmanager_notifications_failed_total).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Select, func, insert, or_, select

from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.history.recipients import mute_times
from featurewatch_receiver.labels import SEVERITY
from featurewatch_receiver.reconciliation.view import View, is_muted
from featurewatch_receiver.store.queue import APPLICATION
from featurewatch_receiver.store.schema import alerts, episodes, notifications

FIRING, RESOLVED = "firing", "resolved"
# An end is told within the group_interval after it; older episodes are not looked at again.
_RECENT = timedelta(hours=1)
_LEVEL = (alerts.c.episode_id, alerts.c.level)


class Notified(NamedTuple):
    """One level of an episode at one of Alertmanager's receivers."""

    episode_id: str
    level: int
    receiver: str


def is_ours(receiver: str) -> bool:
    """Whether it is the receiver that remediates; the Prometheus Operator prefixes its name."""
    return receiver.rpartition("/")[2] == APPLICATION


def due(
    connection: Connection,
    config: ReceiverConfig,
    view: View,
    speaking_since: Mapping[str, datetime],
    now: datetime,
) -> list[dict[str, Any]]:
    """Rows of notifications that are missing.

    `speaking_since` tells of each alert, by fingerprint, since when nothing mutes it.
    """
    last = _last(connection, now)
    wait = timedelta(seconds=seconds(config.notifications.wait))
    spoken = {f: since for f, since in speaking_since.items() if now - since >= wait}
    found = _firing(connection, config, view, spoken, now)
    firing = {told: FIRING for told in found if last.get(told) != FIRING}
    over = _ended(connection, config, last)
    heard = _heard(connection, view, {told.episode_id for told in over})
    ended = {told: RESOLVED for told in over if (told.episode_id, told.level) in heard}
    return [
        {"at": now, "status": status, **told._asdict()} for told, status in (firing | ended).items()
    ]


def write(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Store the rows."""
    if rows:
        connection.execute(insert(notifications), rows)


def _last(connection: Connection, now: datetime) -> dict[Notified, str]:
    """What was told last, of episodes that are open or have just ended."""
    key = notifications.c.episode_id, notifications.c.level, notifications.c.receiver
    recent = or_(episodes.c.resolved_at.is_(None), episodes.c.resolved_at > now - _RECENT)
    newest = select(func.max(notifications.c.id)).join(episodes).where(recent).group_by(*key)
    rows = select(*key, notifications.c.status).where(notifications.c.id.in_(newest))
    return {Notified(*row[:3]): row.status for row in connection.execute(rows)}


def _firing(
    connection: Connection,
    config: ReceiverConfig,
    view: View,
    spoken: Mapping[str, datetime],
    now: datetime,
) -> Iterator[Notified]:
    columns = alerts.c.fingerprint, alerts.c.episode_id, alerts.c.level
    for row in connection.execute(_that_fire(*columns)):
        alert = view.alerts.get(row.fingerprint)
        if alert is None or is_muted(alert) or row.fingerprint not in spoken:
            continue
        if mute_times(config, alert.labels.get(SEVERITY), now):
            continue
        for name in (receiver.name for receiver in alert.receivers):
            if not is_ours(name) and _tells(config, name):
                yield Notified(row.episode_id, row.level, name)


def _ended(
    connection: Connection, config: ReceiverConfig, last: Mapping[Notified, str]
) -> list[Notified]:
    """Levels that were told and fire no more; the end of what is muted is told to nobody."""
    open_ones = [told for told, status in last.items() if status == FIRING]
    ids = {told.episode_id for told in open_ones}
    still = {tuple(row) for row in connection.execute(_that_fire(*_LEVEL))}
    muted = or_(episodes.c.silenced_at.is_not(None), episodes.c.inhibited_at.is_not(None))
    quiet = set(connection.scalars(select(episodes.c.id).where(episodes.c.id.in_(ids), muted)))
    return [
        told
        for told in open_ones
        if (told.episode_id, told.level) not in still
        if told.episode_id not in quiet and _tells_end(config, told.receiver)
    ]


def _heard(connection: Connection, view: View, ids: set[str]) -> set[tuple[str, int]]:
    """Levels of these episodes of which this run of Alertmanager knew that they fired.

    What ended before it started it knows nothing of, and tells nobody of.
    """
    columns = *_LEVEL, alerts.c.fingerprint, alerts.c.starts_at
    rows = connection.execute(select(*columns).where(alerts.c.episode_id.in_(ids))) if ids else ()
    return {
        (row.episode_id, row.level)
        for row in rows
        if row.fingerprint in view.seen or row.starts_at >= view.started_at
    }


def _that_fire(*columns: Column[Any]) -> Select[Any]:
    """Of open episodes: one that has ended may have an alert whose end was never told."""
    fires = alerts.c.ends_at.is_(None), episodes.c.resolved_at.is_(None)
    return select(*columns).select_from(alerts.join(episodes)).where(*fires)


def _tells(config: ReceiverConfig, receiver: str) -> bool:
    """Whether anybody hears of it; of a receiver that is not of the project that is assumed."""
    told = config.notifications.receivers.get(receiver)
    return told is None or bool(told.channels)


def _tells_end(config: ReceiverConfig, receiver: str) -> bool:
    told = config.notifications.receivers.get(receiver)
    return told is None or told.resolved
