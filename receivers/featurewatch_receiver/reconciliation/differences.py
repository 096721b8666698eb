"""Where history says otherwise than Alertmanager and Prometheus, for long enough to be sure."""

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Row, select

from featurewatch_receiver.acts.expiry import GONE_SECONDS
from featurewatch_receiver.clients.alertmanager import Alert
from featurewatch_receiver.deliveries.episodes import SAME_START, Sighting, sight
from featurewatch_receiver.deliveries.payload import DeliveredAlert as Delivered
from featurewatch_receiver.labels import EXTRACTOR, LEVEL, POLICY
from featurewatch_receiver.reconciliation import notifications
from featurewatch_receiver.reconciliation.view import Labels, View, is_muted, same_alert
from featurewatch_receiver.states import Difference
from featurewatch_receiver.store.database import without_nul
from featurewatch_receiver.store.schema import alerts, episodes

# Alertmanager delivers what is new within routing.receiver.group_interval, 15 s by default.
MISSED_SECONDS = 60.0

OpenAlerts = dict[str, Row[Any]]
Found = list[tuple[Sighting, Difference]]


class Differences:
    """Remembers since when something differs: only what was seen without a break counts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        #: Alerts that history knows nothing of, and since when.
        self._unknown: dict[tuple[str, datetime], float] = {}
        #: What history takes as over, and Alertmanager does not: it was asked once.
        self._over: set[tuple[str, datetime]] = set()
        #: Alerts of history that neither server has, since when, and the time then.
        self._gone: dict[str, tuple[float, datetime]] = {}
        #: What fires at Prometheus and is not at Alertmanager, since when, and whether it was told.
        self._unsent: dict[str, float] = {}
        self._unsent_told: set[str] = set()

    def forget(self) -> None:
        """Alertmanager was away, or has started: it may not have its alerts yet."""
        self._unknown.clear()
        self.forget_gone()

    def forget_gone(self) -> None:
        """Prometheus was away."""
        self._gone.clear()
        self._unsent.clear()

    def leave(self, sighting: Sighting) -> None:
        """Remember that history takes this alert as over, and is right."""
        self._over.add((sighting.fingerprint, sighting.starts_at))

    def missing(self, view: View, known: OpenAlerts, now: datetime) -> Found:
        """Return what fires at Alertmanager, and history does not know of."""
        missing = [a for a in view.alerts.values() if _concerns(a, view) and _is_news(a, known)]
        keys = {(alert.fingerprint, alert.starts_at): alert for alert in missing}
        clock = self._clock()
        self._unknown = {key: self._unknown.get(key, clock) for key in keys}
        self._over &= keys.keys()
        return [
            (_sighting(alert, now), _firing_kind(alert))
            for key, alert in keys.items()
            if key not in self._over
            if is_muted(alert) or clock - self._unknown[key] >= MISSED_SECONDS
        ]

    def ended(
        self, view: View, known: OpenAlerts, at_prometheus: list[Labels], now: datetime
    ) -> Found:
        """What history has as firing, and both servers have been without for long enough."""
        clock = self._clock()
        gone = [
            row
            for row in known.values()
            if row.fingerprint not in view.alerts
            if not any(same_alert(labels, _labels(row)) for labels in at_prometheus)
        ]
        self._gone = {r.fingerprint: self._gone.get(r.fingerprint, (clock, now)) for r in gone}
        return [
            (_end(row, self._gone[row.fingerprint][1]), _resolved_kind(row))
            for row in gone
            if clock - self._gone[row.fingerprint][0] >= GONE_SECONDS
        ]

    def unsent(self, view: View, at_prometheus: list[Labels]) -> list[Labels]:
        """What fires at Prometheus and does not arrive at Alertmanager; each once."""
        ours = {repr(sorted(x.items())): x for x in at_prometheus if x.get(POLICY)}
        there: dict[str, list[Labels]] = defaultdict(list)
        for alert in view.alerts.values():
            there[alert.labels.get(EXTRACTOR, "")].append(alert.labels)
        missing = {
            key: labels
            for key, labels in ours.items()
            if not any(same_alert(labels, found) for found in there[labels.get(EXTRACTOR, "")])
        }
        clock = self._clock()
        self._unsent = {key: self._unsent.get(key, clock) for key in missing}
        late = {key for key, since in self._unsent.items() if clock - since >= GONE_SECONDS}
        new = late - self._unsent_told
        self._unsent_told = (self._unsent_told & missing.keys()) | late
        return [missing[key] for key in sorted(new)]


def open_alerts(connection: Connection) -> OpenAlerts:
    """Read what fires according to history, by fingerprint; not what others than Alertmanager sent.

    That ends when they say so.
    """
    columns: tuple[Column[Any], ...] = (
        *(alerts.c.fingerprint, alerts.c.level, alerts.c.starts_at),
        *(episodes.c.identity, episodes.c.labels, episodes.c.annotations),
        *(episodes.c.silenced_at, episodes.c.inhibited_at),
    )
    still = (
        alerts.c.ends_at.is_(None),
        alerts.c.sender.is_(None),
        episodes.c.resolved_at.is_(None),
    )
    rows = connection.execute(select(*columns).select_from(alerts.join(episodes)).where(*still))
    return {row.fingerprint: row for row in rows}


def _labels(row: Row[Any]) -> Labels:
    return {**row.labels, LEVEL: str(row.level)}


def _concerns(alert: Alert, view: View) -> bool:
    """Whether it is for this receiver, and not just a level that somebody holds back."""
    ours = any(notifications.is_ours(receiver.name) for receiver in alert.receivers)
    return ours and bool(alert.labels.get("alertname")) and not view.is_held(alert)


def _is_news(alert: Alert, known: OpenAlerts) -> bool:
    if alert.labels.get("severity") == "none":
        return False
    row = known.get(alert.fingerprint)
    return row is None or alert.starts_at - row.starts_at > SAME_START


def _sighting(alert: Alert, now: datetime) -> Sighting:
    said = Delivered(
        status="firing",
        labels={without_nul(n): without_nul(v) for n, v in alert.labels.items()},
        annotations={without_nul(n): without_nul(v) for n, v in alert.annotations.items()},
        startsAt=alert.starts_at,
        endsAt=alert.starts_at,
        fingerprint=alert.fingerprint,
    )
    return sight(said, now)


def _end(row: Row[Any], end: datetime) -> Sighting:
    return Sighting(
        identity=row.identity,
        fingerprint=row.fingerprint,
        level=row.level,
        labels=row.labels,
        annotations=row.annotations,
        starts_at=row.starts_at,
        ends_at=max(end, row.starts_at),
    )


def _firing_kind(alert: Alert) -> Difference:
    return Difference.MUTED_FIRING if is_muted(alert) else Difference.MISSED_FIRING


def _resolved_kind(row: Row[Any]) -> Difference:
    muted = row.silenced_at or row.inhibited_at
    return Difference.MUTED_RESOLVED if muted else Difference.MISSED_RESOLVED
