"""Everything that is known of one episode, in the order in which it happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.console.quiet import inhibitors
from featurewatch_receiver.console.words import plan, spoken
from featurewatch_receiver.people.audit import Act

Row = dict[str, Any]
_TAKING = (Act.ACKNOWLEDGE, Act.RESOLVE)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened."""

    at: datetime
    #: fires, told, person, action, muted or ends.
    kind: str
    text: str
    more: str = ""


def timeline(config: ReceiverConfig, episode: Row) -> list[Event]:
    """Newest last; of one moment, in the order of cause and effect."""
    events = [
        *_fired(episode),
        *_muted(config, episode),
        *_taken(episode),
        *(_told(row) for row in reversed(episode["notifications"])),
        *(_did(row) for row in reversed(episode["deeds"])),
        *(event for row in episode["remediations"] for event in _acted(row)),
        *_ended(episode),
    ]
    return sorted(events, key=lambda event: event.at)


def _fired(episode: Row) -> Iterator[Event]:
    for alert in sorted(episode["alerts"], key=lambda row: row["level"]):
        yield Event(at=alert["starts_at"], kind="fires", text=f"Level {alert['level']} fires")


def _ended(episode: Row) -> Iterator[Event]:
    for alert in episode["alerts"]:
        if alert["ends_at"]:
            yield Event(at=alert["ends_at"], kind="ends", text=f"Level {alert['level']} ends")
    if episode["resolved_at"]:
        by = episode["resolved_by"]
        text = f"Resolved by {by}" if by else "Resolved"
        more = episode["resolved_reason"] or ""
        yield Event(at=episode["resolved_at"], kind="ends", text=text, more=more)


def _taken(episode: Row) -> Iterator[Event]:
    """An acknowledgement that was made elsewhere, and is no deed of ours."""
    at, who = episode["acknowledged_at"], episode["acknowledged_by"]
    ours = {row["actor"] for row in episode["deeds"] if row["act"] in _TAKING}
    if at and who not in ours:
        text = f"{who}: acknowledge"
        yield Event(at=at, kind="person", text=text, more=episode["acknowledged_reason"] or "")


def _muted(config: ReceiverConfig, episode: Row) -> Iterator[Event]:
    if at := episode["silenced_at"]:
        text = f"Silenced by {episode['silenced_by']}"
        yield Event(at=at, kind="muted", text=text, more=episode["silenced_reason"] or "")
    if at := episode["inhibited_at"]:
        by = inhibitors(config, episode)
        names = ", ".join(one.alertname for one in by) or "another alert"
        rules = ", ".join(sorted({one.rule for one in by}))
        yield Event(at=at, kind="muted", text=f"Inhibited by {names}", more=rules)


def _told(row: Row) -> Event:
    people = ", ".join(spoken(name) for name in row["recipients"] or [row["receiver"]])
    channels = ", ".join(row["channels"] or [])
    what = f"of level {row['level']}" if row["status"] == "firing" else "of the end"
    text = f"Told {people} {what}" + (f" by {channels}" if channels else "")
    return Event(at=row["at"], kind="told", text=text)


def _did(row: Row) -> Event:
    text = f"{row['actor']}: {spoken(row['act'])}"
    return Event(at=row["at"], kind="person", text=text, more=row["reason"])


def _acted(row: Row) -> Iterator[Event]:
    for step in row["steps"]:
        said = [spoken(step["reason"] or ""), step["detail"] or ""]
        if step["state"] == "running" and not step["detail"]:
            said.append(plan(row["plan"]))
        text = f"{row['action']}: {spoken(step['state'])} (by {step['actor']})"
        yield Event(at=step["at"], kind="action", text=text, more="; ".join(s for s in said if s))
