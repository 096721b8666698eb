"""Alerts as they are sent, and as Alertmanager keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from featurewatch_kit.alertmanager.labels import Labels, LabelSet, label_set
from featurewatch_kit.errors import ArgumentError

#: Seconds between the looks at which Alertmanager forgets alerts that have ended.
FORGET_SECONDS = 1800.0


@dataclass(frozen=True)
class Sent:
    """An alert as a client sends it; times in seconds since the epoch, as everywhere here.

    Prometheus sends `ends_at` with every alert. Without it the alert ends by itself after
    `resolve_timeout`.
    """

    labels: Labels
    starts_at: float | None = None
    ends_at: float | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as Alertmanager keeps it."""

    labels: LabelSet
    starts_at: float
    ends_at: float
    #: When it was sent.
    updated_at: float
    #: Whether it ends because nobody said when.
    timeout: bool
    annotations: Mapping[str, str]

    def resolved(self, now: float) -> bool:
        """Whether it has ended."""
        return self.ends_at <= now

    def goes_on(self, new: "Alert") -> bool:
        """Whether it fired when the new one was sent, which only puts off its end."""
        return new.updated_at < self.ends_at <= new.ends_at

    def overlaps(self, new: "Alert") -> bool:
        """Whether one of both begins or ends within the other, so that they are one alert."""
        return (
            self.starts_at < new.ends_at < self.ends_at
            or self.starts_at < new.starts_at < self.ends_at
        )

    def merged(self, new: "Alert", now: float) -> "Alert":
        """The new one with the earlier beginning, and with the later end that was said."""
        return replace(
            new, starts_at=min(self.starts_at, new.starts_at), ends_at=self._end(new, now)
        )

    def _end(self, new: "Alert", now: float) -> float:
        said = self.resolved(now) if new.resolved(now) else not self.timeout
        return max(self.ends_at, new.ends_at) if said else new.ends_at


def received(sent: Sent, now: float, resolve_timeout: float) -> Alert:
    """What Alertmanager makes of an alert that it is sent.

    Raises:
        ArgumentError: Alertmanager would refuse it.

    """
    labels = label_set(sent.labels)
    timeout = sent.ends_at is None
    ends_at = now + resolve_timeout if sent.ends_at is None else sent.ends_at
    starts_at = sent.starts_at
    if starts_at is None:
        starts_at = now if timeout else ends_at
    if not labels:
        raise ArgumentError("an alert without labels is refused by Alertmanager")
    if ends_at < starts_at:
        raise ArgumentError(f"{dict(labels)}: ends before it starts; Alertmanager refuses that")
    return Alert(labels, starts_at, ends_at, now, timeout, sent.annotations)


class Store:
    """The last state of every alert, those that have ended too until the next clearing."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._alerts: dict[LabelSet, Alert] = {}

    def put(self, alert: Alert, now: float) -> Alert:
        """Keep an alert, and return it as it is kept."""
        old = self._alerts.get(alert.labels)
        if old and not self._forgotten(old, now) and old.overlaps(alert):
            alert = old.merged(alert, now)
        self._alerts[alert.labels] = alert
        return alert

    def known(self, now: float) -> list[Alert]:
        """All that are kept."""
        self._alerts = {k: a for k, a in self._alerts.items() if not self._forgotten(a, now)}
        return list(self._alerts.values())

    def _forgotten(self, alert: Alert, now: float) -> bool:
        cleared = now - (now - self._started) % FORGET_SECONDS
        return alert.resolved(cleared) and alert.updated_at <= cleared and cleared > self._started
