"""Who has an episode, and what mutes it: what Alertmanager's silences and inhibition say."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from featurewatch_receiver.clients.alertmanager import Alert, Silence
from featurewatch_receiver.labels import ALERTNAME, EXTRACTOR
from featurewatch_receiver.people.acknowledge import Kind
from featurewatch_receiver.people.silence import SILENCE
from featurewatch_receiver.reconciliation.view import View
from featurewatch_receiver.store.schema import alerts, episodes
from featurewatch_receiver.text import without_nul


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is to be written about an episode."""

    episode_id: str
    severity: str | None
    values: dict[str, Any]
    #: Seconds until it was first acknowledged, if that is new.
    acknowledged_after: float | None


def changes(connection: Connection, view: View, now: datetime) -> list[Change]:
    """What the rows of open episodes do not say yet."""
    still_open = select(episodes).where(episodes.c.resolved_at.is_(None))
    rows = connection.execute(still_open).all()
    firing = _firing(connection, view)
    found = (_change(row, firing[row.id], view, now) for row in rows if row.id in firing)
    return [change for change in found if change.values]


def write(connection: Connection, found: list[Change]) -> None:
    """Write the changes."""
    for change in found:
        row = episodes.c.id == change.episode_id
        connection.execute(update(episodes).where(row).values(change.values))


def _firing(connection: Connection, view: View) -> dict[str, list[Alert]]:
    """What Alertmanager says of each episode's alerts; an episode that it knows not is missing."""
    groups: dict[str, list[Alert]] = defaultdict(list)
    query = select(alerts.c.episode_id, alerts.c.fingerprint).join(episodes)
    still = episodes.c.resolved_at.is_(None), alerts.c.ends_at.is_(None)
    for row in connection.execute(query.where(*still)):
        if alert := view.alerts.get(row.fingerprint):
            groups[row.episode_id].append(alert)
    return dict(groups)


def _change(row: Row[Any], firing: list[Alert], view: View, now: datetime) -> Change:
    wanted = _acknowledged(row, view) | _muted(row, firing, view, now)
    values = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    first = values.get("first_acknowledged_at")
    return Change(
        episode_id=row.id,
        severity=row.severity,
        values=values,
        acknowledged_after=(first - row.started_at).total_seconds() if first else None,
    )


def _acknowledged(row: Row[Any], view: View) -> dict[str, Any]:
    made = view.holding(row.labels)
    if made is None or made.since is None:
        names = "acknowledged_at", "acknowledged_by", "acknowledged_until", "acknowledged_reason"
        return dict.fromkeys((*names, "resolved_by", "resolved_reason"))
    since = max(made.since, row.started_at)
    who, why = without_nul(made.user), without_nul(made.reason)
    done = made.kind is Kind.RESOLVE
    return {
        "acknowledged_at": since,
        "acknowledged_by": who,
        "acknowledged_until": made.until,
        "acknowledged_reason": why,
        "first_acknowledged_at": row.first_acknowledged_at or since,
        "resolved_by": who if done else None,
        "resolved_reason": why if done else None,
    }


def _muted(row: Row[Any], firing: list[Alert], view: View, now: datetime) -> dict[str, Any]:
    """A level that another one inhibits does not count: that one speaks for it."""
    speaking = [alert for alert in firing if not alert.status.inhibited_by]
    by = [view.foreign_silences(alert) for alert in speaking]
    silenced = bool(by) and all(by)
    return {
        "silenced_at": (row.silenced_at or now) if silenced else None,
        **_said(by[0][0] if silenced else None),
        "inhibited_at": None if speaking else row.inhibited_at or now,
        "inhibited_by": None if speaking else _inhibiting(firing, view),
    }


def _said(silence: Silence | None) -> dict[str, Any]:
    if silence is None:
        return dict.fromkeys(("silenced_by", "silenced_until", "silenced_reason"))
    return {
        "silenced_by": without_nul(silence.created_by),
        "silenced_until": silence.ends_at,
        "silenced_reason": without_nul(silence.comment).removeprefix(SILENCE),
    }


def _inhibiting(firing: list[Alert], view: View) -> list[dict[str, str]]:
    """Name and extractor of the alerts that mute these."""
    ids = {found for alert in firing for found in alert.status.inhibited_by}
    named = {
        tuple(without_nul(view.alerts[found].labels.get(n, "")) for n in (ALERTNAME, EXTRACTOR))
        for found in ids & view.alerts.keys()
    }
    return [{ALERTNAME: name, EXTRACTOR: extractor} for name, extractor in sorted(named)]
