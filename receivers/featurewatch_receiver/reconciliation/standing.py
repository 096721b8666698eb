"""Who has an episode, and what mutes it: what Alertmanager's silences and inhibition say."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from featurewatch_receiver.clients.alertmanager import Alert, Silence
from featurewatch_receiver.history import audit
from featurewatch_receiver.history import changes as kept
from featurewatch_receiver.labels import ALERTNAME, EXTRACTOR
from featurewatch_receiver.reconciliation.view import View, name_of
from featurewatch_receiver.silences.acknowledgement import Acknowledgement, Kind
from featurewatch_receiver.silences.alert_silence import SILENCE
from featurewatch_receiver.states import What
from featurewatch_receiver.store.database import without_nul
from featurewatch_receiver.store.schema import alerts, episodes


@dataclass(frozen=True, kw_only=True)
class EpisodeChange:
    """What is to be written about an episode."""

    episode_id: str
    severity: str | None
    values: dict[str, Any]
    #: What began and ended, as rows that are kept.
    news: list[dict[str, Any]]
    #: Seconds until it was first acknowledged, if that is new.
    acknowledged_after: float | None


def changes(connection: Connection, view: View, now: datetime) -> list[EpisodeChange]:
    """What the rows of open episodes do not say yet.

    Of an episode to which somebody does something here meanwhile, the next look tells.
    """
    done = audit.acted_on(connection, since=view.asked_at)
    still_open = select(episodes).where(episodes.c.resolved_at.is_(None))
    rows = connection.execute(still_open).all()
    firing = _firing(connection, view)
    seen = (row for row in rows if row.id in firing and row.id not in done)
    found = (_change(row, firing[row.id], view, now) for row in seen)
    return [change for change in found if change.values]


def write(connection: Connection, found: list[EpisodeChange]) -> None:
    """Write the changes."""
    for change in found:
        row = episodes.c.id == change.episode_id
        connection.execute(update(episodes).where(row).values(change.values))
    kept.write(connection, [news for change in found for news in change.news])


def _firing(connection: Connection, view: View) -> dict[str, list[Alert]]:
    """What Alertmanager says of each episode's alerts; an episode that it knows not is missing."""
    groups: dict[str, list[Alert]] = defaultdict(list)
    query = select(alerts.c.episode_id, alerts.c.fingerprint).join(episodes)
    still = episodes.c.resolved_at.is_(None), alerts.c.ends_at.is_(None)
    for row in connection.execute(query.where(*still)):
        if alert := view.alerts.get(row.fingerprint):
            groups[row.episode_id].append(alert)
    return dict(groups)


def _change(row: Row[Any], firing: list[Alert], view: View, now: datetime) -> EpisodeChange:
    made, silence = view.holding(row.labels), _silencing(row, firing, view)
    wanted = _acknowledged(row, made) | _silenced(row, silence, now)
    wanted |= _inhibited(row, firing, view, now)
    values = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    first = values.get("first_acknowledged_at")
    return EpisodeChange(
        episode_id=row.id,
        severity=row.severity,
        values=values,
        news=_news(row, wanted, _ids(made, silence), now),
        acknowledged_after=(first - row.started_at).total_seconds() if first else None,
    )


def _news(
    row: Row[Any], wanted: dict[str, Any], ids: dict[What, str], now: datetime
) -> list[dict[str, Any]]:
    found = kept.between(dict(row._mapping), wanted, now)
    return [{"episode_id": row.id, "silence": ids.get(news["what"]), **news} for news in found]


def _ids(made: Acknowledgement | None, silence: Silence | None) -> dict[What, str]:
    """The silences behind what begins."""
    found = dict.fromkeys((What.ACKNOWLEDGED, What.RESOLVED), made.id) if made else {}
    return found | ({What.SILENCED: silence.id} if silence else {})


def _acknowledged(row: Row[Any], made: Acknowledgement | None) -> dict[str, Any]:
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


def _speaking(firing: list[Alert]) -> list[Alert]:
    """A level that another one inhibits does not count: that one speaks for it."""
    return [alert for alert in firing if not alert.status.inhibited_by]


def _silencing(row: Row[Any], firing: list[Alert], view: View) -> Silence | None:
    """The silence that mutes all of it: of several the one that was told, while it is there.

    An inhibition that comes on top does not end it.
    """
    by = [view.foreign_silences(alert) for alert in _speaking(firing) or firing]
    if not all(by):
        return None
    told = row.silenced_by, row.silenced_reason
    return next((s for found in by for s in found if _said(s) == told), by[0][0])


def _said(silence: Silence) -> tuple[str, str]:
    """By whom and why."""
    reason = without_nul(silence.comment).removeprefix(SILENCE)
    return without_nul(silence.created_by), reason


def _silenced(row: Row[Any], silence: Silence | None, now: datetime) -> dict[str, Any]:
    if silence is None:
        names = "silenced_at", "silenced_by", "silenced_until", "silenced_reason"
        return dict.fromkeys(names)
    who, why = _said(silence)
    return {
        "silenced_at": row.silenced_at or now,
        "silenced_by": who,
        "silenced_until": silence.ends_at,
        "silenced_reason": why,
    }


def _inhibited(row: Row[Any], firing: list[Alert], view: View, now: datetime) -> dict[str, Any]:
    if _speaking(firing):
        return dict.fromkeys(("inhibited_at", "inhibited_by"))
    return {
        "inhibited_at": row.inhibited_at or now,
        "inhibited_by": _inhibiting(row, firing, view),
    }


def _inhibiting(row: Row[Any], firing: list[Alert], view: View) -> list[dict[str, str]]:
    """Name and extractor of the alerts that mute these.

    Of several Alertmanager names any one, and later another: those that were told stay so while
    they fire.
    """
    told = {(by[ALERTNAME], by[EXTRACTOR]) for by in row.inhibited_by or []}
    others = told - {(row.alertname, row.extractor or "")}
    ids = {found for alert in firing for found in alert.status.inhibited_by}
    named = {name_of(view.alerts[found]) for found in ids & view.alerts.keys()}
    found = told if others and others <= view.names else named
    return [{ALERTNAME: name, EXTRACTOR: extractor} for name, extractor in sorted(found)]
