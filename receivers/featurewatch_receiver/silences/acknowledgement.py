"""Acknowledging: whoever works on an alert stops the escalation, and nothing else.

An acknowledgement at level k is one Alertmanager silence on the levels above k. It matches labels,
not fingerprints, since the levels to come are not in Alertmanager yet. Level k itself has notified
and is never silenced: that would swallow its resolved message. Nor is a worse severity of the same
alert. The silence is the whole record; nothing is stored anywhere else.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from featurewatch_receiver.clients.alertmanager import (
    Alert,
    Matcher,
    NewSilence,
    Silence,
)
from featurewatch_receiver.clock import Clock, utc_now
from featurewatch_receiver.errors import AcknowledgementError, NoteError
from featurewatch_receiver.labels import (
    ALERTNAME,
    LEVEL,
    NOT_IDENTITY,
    POLICY,
    SEVERITIES,
    SEVERITY,
    Labels,
    identity_of,
    level_of,
)
from featurewatch_receiver.silences.matching import (
    apart,
    find_one,
    matches,
    refuse_several,
    text_of,
)

DEFAULT_DURATION = timedelta(hours=8)
LONGEST_DURATION = timedelta(days=30)
# Alertmanager starts such a silence at once, however far its clock is from ours.
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
_COMMENT = re.compile(r"featurewatch (ack|resolve|hold) at level ([0-9]{1,3}): (.*)", re.DOTALL)


class Kind(StrEnum):
    """What its user said: I work on it, or it is done and the alert only has yet to end."""

    ACK = "ack"
    RESOLVE = "resolve"
    #: An action is at work on it; see holds.py.
    HOLD = "hold"


@dataclass(frozen=True, kw_only=True)
class Note:
    """Who acknowledges, why, and how long at most.

    Raises:
        NoteError: user or reason is blank, or the duration is not from above 0 to 30 days.

    """

    user: str
    reason: str
    duration: timedelta = DEFAULT_DURATION

    def __post_init__(self) -> None:
        _check_text("user", self.user, "say who acknowledges")
        _check_text("reason", self.reason, "say why")
        if not timedelta() < self.duration <= LONGEST_DURATION:
            raise NoteError(f"duration: must be above 0s and at most {LONGEST_DURATION.days}d")


def _check_text(name: str, text: str, fix: str) -> None:
    if not text.strip():
        raise NoteError(f"{name}: is empty; {fix}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NoteError(f"{name}: is not UTF-8 text; {fix} in UTF-8") from error


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """An alert that is taken care of."""

    kind: Kind
    #: The silence's.
    id: str
    #: The alert's labels, without level, severity and policy; "" is one that others of its name
    #: have and it has not.
    labels: Labels
    #: The highest level that had notified.
    level: int
    user: str
    reason: str
    #: It ends then, if the alert does not end before.
    until: datetime
    #: When it was said, by Alertmanager's clock.
    since: datetime | None = field(default=None, compare=False)
    #: The severities that it speaks of, with | between; worse ones are told.
    severities: str = field(default="|".join(SEVERITIES), compare=False)

    def covers(self, labels: Labels) -> bool:
        """Whether an alert with these labels is a level of the acknowledged one."""
        return matches(labels, self.labels)

    def holds(self, labels: Labels) -> bool:
        """Whether it keeps an alert with these labels from escalating: none of a worse severity."""
        return labels.get(SEVERITY, "") in self.severities.split("|") and self.covers(labels)


class Silencing(Protocol):
    """What is asked of an Alertmanager; its client can do it."""

    def alerts(self) -> list[Alert]:
        """Every alert of featurewatch that fires now."""

    def silences(self) -> list[Silence]:
        """Every silence that is not over."""

    def add_silence(self, silence: NewSilence) -> str:
        """Make a silence and return its id."""

    def expire_silence(self, silence_id: str) -> None:
        """End a silence now."""


class Acknowledger:
    """Acknowledges the alerts of one Alertmanager, each meant by its labels (see meant.py).

    Every method raises AlertmanagerError when Alertmanager can't be asked.
    """

    def __init__(self, client: Silencing, now: Clock = utc_now):
        self._client = client
        self._now = now

    def acknowledge(self, wanted: Labels, note: Note, kind: Kind = Kind.ACK) -> Acknowledgement:
        """Stop the escalation of one alert; this replaces what was said of it before.

        Raises:
            AcknowledgementError: no alert that fires is meant, or several are.

        """
        earlier = self.current()
        firing = self._client.alerts()
        alerts = find_one(wanted, firing)
        identity = apart(identity_of(alerts[0].labels), firing)
        earlier = [made for made in earlier if made.covers(identity)]
        made = Acknowledgement(
            kind=kind,
            id="",
            labels=identity,
            level=_notified_level(alerts, {made.id for made in earlier}),
            user=note.user.strip(),
            reason=note.reason.strip(),
            until=self._now() + note.duration,
        )
        silence_id = self._client.add_silence(_silence(made, _up_to_worst(alerts)))
        self._end(earlier)  # afterwards, so that no level slips through in between
        return replace(made, id=silence_id)

    def unacknowledge(self, wanted: Labels) -> list[Acknowledgement]:
        """Let an alert escalate again, and return what is no longer said of it.

        Raises:
            AcknowledgementError: no acknowledged alert is meant, or several are.

        """
        meant = [made for made in self.current() if matches(made.labels, wanted)]
        if not meant:
            raise AcknowledgementError(f"{text_of(wanted)}: is not acknowledged")
        refuse_several(wanted, [made.labels for made in meant])
        self._end(meant)
        return meant

    def current(self) -> list[Acknowledgement]:
        """Every acknowledgement that is in effect, in the order of their alerts' labels."""
        found = [made for silence in self._client.silences() if (made := read(silence))]
        ours = [made for made in found if made.kind is not Kind.HOLD]
        return sorted(ours, key=lambda made: sorted(made.labels.items()))

    def _end(self, acknowledgements: Iterable[Acknowledgement]) -> None:
        for made in acknowledgements:
            self._client.expire_silence(made.id)


def _notified_level(alerts: list[Alert], ours: set[str]) -> int:
    """Return the highest level that fires and that no acknowledgement held back."""
    free = [alert for alert in alerts if ours.isdisjoint(alert.status.silenced_by)]
    return max((level_of(alert.labels) for alert in free), default=1)


def _silence(made: Acknowledgement, severities: str) -> NewSilence:
    reached = "|".join(str(level) for level in range(1, made.level + 1))
    return NewSilence(
        matchers=(
            *(Matcher(name=name, value=value) for name, value in sorted(made.labels.items())),
            Matcher(name=POLICY, value=".+", is_regex=True),
            Matcher(name=LEVEL, value=reached, is_regex=True, is_equal=False),
            Matcher(name=SEVERITY, value=severities, is_regex=True),
        ),
        starts_at=AT_ONCE,
        ends_at=made.until,
        created_by=made.user,
        comment=comment(made.kind, made.level, made.reason),
    )


def comment(kind: Kind, level: int, reason: str) -> str:
    """What the silence says, for people and for `read`."""
    return f"featurewatch {kind} at level {level}: {reason}"


def read(silence: Silence) -> Acknowledgement | None:
    """Return what the silence says, or None: it is none of ours, whatever its comment says."""
    found = _COMMENT.fullmatch(silence.comment)
    plain = {m.name: m.value for m in silence.matchers if m.is_equal and not m.is_regex}
    special = {matcher.name for matcher in silence.matchers} - plain.keys()
    if not found:
        return None
    kind, level, reason = found.groups()
    # A hold is about several alerts at once.
    beside = NOT_IDENTITY | {ALERTNAME} if kind == Kind.HOLD else NOT_IDENTITY
    if LEVEL not in special or not special <= beside:
        return None
    return Acknowledgement(
        kind=Kind(kind),
        id=silence.id,
        labels=plain,
        level=int(level),
        user=silence.created_by,
        reason=reason,
        until=silence.ends_at,
        since=silence.starts_at,
        severities=next((m.value for m in silence.matchers if m.name == SEVERITY), ""),
    )


def _up_to_worst(alerts: list[Alert]) -> str:
    """Return the regular expression of the worst severity that fires and of all milder ones."""
    firing = {alert.labels.get(SEVERITY, "") for alert in alerts}
    worst = max((rank for rank, word in enumerate(SEVERITIES) if word in firing), default=0)
    return "|".join(SEVERITIES[: worst + 1])
