"""Joins alerts into episodes. Pure: rows are loaded and saved by `intake`.

An episode is one identity (the labels without the escalation level) from its first firing alert
to the end of its last. Deliveries repeat, overtake each other and get lost; so only the alerts'
own times count, never the order in which they arrive.
"""

import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from featurewatch_receiver.deliveries.payload import DeliveredAlert
from featurewatch_receiver.labels import LEVEL, level_of
from featurewatch_receiver.states import Sender

_canonical = json.JSONEncoder(sort_keys=True).encode
# Two Prometheus replicas see one alert begin at slightly different times. When an alert begins
# later than that, it had ended in between and the delivery that said so was lost.
SAME_START = timedelta(minutes=1)


class Outcome(StrEnum):
    """What a reported alert meant for its episode."""

    OPENED = "opened"
    JOINED = "joined"
    REPEATED = "repeated"
    RESOLVED = "resolved"
    STALE = "stale"


# No alert is older: what says so leaves its beginning out (Go's zero time is of the year 1).
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
#: Characters of all annotations of one alert, and of all labels; of each one a quarter of that.
MOST_CHARACTERS, MOST_OF_LABELS = 16_000, 32_000
# Labels by which it is found and decided.
_ABOUT = ("alertname", "extractor", "severity", "escalation_policy", "auto_resolve")


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """One alert as a delivery reports it."""

    identity: str
    fingerprint: str
    level: int
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    #: None while it fires.
    ends_at: datetime | None
    #: None: Alertmanager.
    sender: Sender | None = None
    #: Its sender did not know when it began: that is now, for all we know.
    is_start_known: bool = True

    @property
    def status(self) -> str:
        """`firing` or `resolved`, as Alertmanager calls it."""
        return "firing" if self.ends_at is None else "resolved"

    def belongs_before(self, end: datetime | None) -> bool:
        """Whether it speaks of a time when the previous episode had not ended yet."""
        if end is None:
            return False
        return self.starts_at < end or (self.ends_at is not None and self.ends_at <= end)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _bounded(texts: dict[str, str], most: int, *first: str) -> dict[str, str]:
    """What is kept of them, some first: they are anybody's, and every page reads them."""
    kept, left = {}, most
    for name in sorted(texts, key=lambda name: (name not in first, name)):
        text = _cut(texts[name], most // 4)
        left -= len(name) + len(text)
        if left >= 0:
            kept[name] = text
    return kept


def sight(alert: DeliveredAlert, now: datetime, sender: Sender | None = None) -> Sighting:
    """Read the alert; no time of it is later than now, so that none blocks the future.

    Nor is its beginning of long ago, which would spoil all means.
    """
    labels = {name: value for name, value in alert["labels"].items() if name != LEVEL}
    started = alert["startsAt"].astimezone(UTC)
    ended = alert["status"] == "resolved"
    end = min(alert["endsAt"].astimezone(UTC), now) if ended else None
    is_start_known = started >= _EARLIEST
    starts_at = min(started, now) if is_start_known else max(end or now, _EARLIEST)
    return Sighting(
        identity=hashlib.sha256(_canonical(labels).encode()).hexdigest(),
        fingerprint=alert["fingerprint"],
        level=level_of(alert["labels"]),
        labels=_bounded(labels, MOST_OF_LABELS, *_ABOUT),
        annotations=_bounded(alert["annotations"], MOST_CHARACTERS, "summary"),
        starts_at=starts_at,
        ends_at=max(starts_at, end) if end else None,
        sender=sender,
        is_start_known=is_start_known,
    )


def new_id() -> str:
    """Return an id that is never used twice; later ones are greater, which keeps indexes small."""
    return f"{time.time_ns():016x}{secrets.token_hex(8)}"


@dataclass(kw_only=True)
class AlertState:
    """One fingerprint of an episode."""

    level: int
    starts_at: datetime
    ends_at: datetime | None
    #: Who alone knows it; None: Alertmanager does.
    sender: Sender | None = None
    stored: bool = False
    changed: bool = True


@dataclass(kw_only=True)
class Episode:
    """An episode and what is known of its alerts, by fingerprint."""

    identity: str
    labels: dict[str, str]
    annotations: dict[str, str]
    escalation_level: int
    started_at: datetime
    id: str = field(default_factory=new_id)
    resolved_at: datetime | None = None
    #: A person has said so, and the alert only has yet to end.
    is_resolved: bool = False
    alerts: dict[str, AlertState] = field(default_factory=dict)
    stored: bool = False
    changed: bool = True

    def see(self, sighting: Sighting) -> Outcome:
        """Take in one alert of this episode."""
        state = self.alerts.get(sighting.fingerprint)
        if state is None:
            return self._add(sighting)
        if state.sender and sighting.sender is None:
            state.sender, state.changed = None, True
        if sighting.ends_at is None:
            return self._still_firing(state, sighting)
        if state.ends_at is not None:
            return Outcome.REPEATED
        if sighting.ends_at < state.starts_at:
            return Outcome.STALE
        state.ends_at, state.changed = sighting.ends_at, True
        return Outcome.RESOLVED

    def began_anew(self, sighting: Sighting) -> bool:
        """Whether the alert is a new firing of one that this episode has already."""
        state = self.alerts.get(sighting.fingerprint)
        if state is None or not sighting.is_start_known:
            return False
        return sighting.starts_at - state.starts_at > SAME_START

    def ended(self) -> datetime | None:
        """When the last of its alerts ended, or None while one fires."""
        ends = [state.ends_at for state in self.alerts.values()]
        return None if None in ends else max(end for end in ends if end)

    @property
    def stays_open(self) -> bool:
        """Whether it ends only when a person resolves it: `auto_resolve: false`."""
        return self.labels.get("auto_resolve") == "false" and not self.is_resolved

    def _add(self, sighting: Sighting) -> Outcome:
        self.alerts[sighting.fingerprint] = AlertState(
            level=sighting.level,
            starts_at=sighting.starts_at,
            ends_at=sighting.ends_at,
            sender=sighting.sender,
        )
        if sighting.level > self.escalation_level:
            self.escalation_level = sighting.level
            self.annotations = sighting.annotations
        self.started_at = min(self.started_at, sighting.starts_at)
        self.changed = True
        return Outcome.JOINED if sighting.ends_at is None else Outcome.RESOLVED

    def _still_firing(self, state: AlertState, sighting: Sighting) -> Outcome:
        if state.ends_at is None:
            return Outcome.REPEATED
        if sighting.starts_at < state.ends_at:
            return Outcome.STALE
        state.starts_at, state.ends_at, state.changed = sighting.starts_at, None, True
        return Outcome.JOINED


@dataclass(kw_only=True)
class Timeline:
    """The episodes of one identity, as far as a delivery can touch them."""

    current: Episode | None = None
    #: When the last finished episode ended.
    last_end: datetime | None = None
    #: Episodes that ended during this delivery.
    finished: list[Episode] = field(default_factory=list)

    def see(self, sighting: Sighting) -> Outcome:
        """Take in one alert of this identity."""
        if self.current and not self.current.stays_open and self.current.began_anew(sighting):
            self._end(self.current, self.current.ended() or sighting.starts_at)
        if sighting.belongs_before(self.last_end):
            return Outcome.STALE
        if self.current:
            return self.current.see(sighting)
        self.current = Episode(
            identity=sighting.identity,
            labels=sighting.labels,
            annotations=sighting.annotations,
            escalation_level=sighting.level,
            started_at=sighting.starts_at,
        )
        outcome = self.current.see(sighting)
        return outcome if outcome is Outcome.RESOLVED else Outcome.OPENED

    def settle(self) -> None:
        """End the episode if none of its alerts fires any more; call it after the last alert."""
        if self.current and not self.current.stays_open and (end := self.current.ended()):
            self._end(self.current, end)

    def _end(self, episode: Episode, end: datetime) -> None:
        episode.resolved_at, episode.changed = end, True
        self.last_end, self.current = end, None
        self.finished.append(episode)
