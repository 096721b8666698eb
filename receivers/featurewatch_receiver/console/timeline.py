"""Everything that is known of one episode, in the order in which it happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.console.muting import inhibitors
from featurewatch_receiver.history.changes import BEGINS, standing
from featurewatch_receiver.phrases import moment, plan, spoken
from featurewatch_receiver.states import What

Row = dict[str, Any]
_SAYS = {
    What.ACKNOWLEDGED: Markup("Acknowledged by {person} elsewhere until {until}"),
    What.RESOLVED: Markup("Called resolved by {person} elsewhere until {until}"),
    What.ACKNOWLEDGEMENT_ENDED: Markup("The acknowledgement of {person} has ended"),
    What.SILENCED: Markup("Silenced by {person} until {until}"),
    What.SILENCE_ENDED: Markup("The silence of {person} has ended"),
    What.INHIBITED: Markup("Inhibited by {alerts}"),
    What.INHIBITION_ENDED: Markup("Inhibited no more"),
}
_OF_PEOPLE = (What.ACKNOWLEDGED, What.RESOLVED, What.ACKNOWLEDGEMENT_ENDED)
_ENDS = (What.ACKNOWLEDGEMENT_ENDED, What.SILENCE_ENDED, What.INHIBITION_ENDED)


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
        *(_changed(config, episode, row) for row in [*_untold(episode), *episode["changes"][::-1]]),
        *(_told(row) for row in reversed(episode["notifications"])),
        *(_did(row) for row in reversed(episode["deeds"])),
        *(event for row in episode["remediations"] for event in _acted(row)),
        *_ended(episode),
    ]
    return sorted(events, key=lambda event: event.at)


def _fired(episode: Row) -> Iterator[Event]:
    for alert in sorted(episode["alerts"], key=lambda row: row["level"]):
        by = f"sent by {alert['sender'].capitalize()}" if alert["sender"] else ""
        text = f"Level {alert['level']} fires"
        yield Event(at=alert["starts_at"], kind="fires", text=text, more=by)


def _ended(episode: Row) -> Iterator[Event]:
    for alert in episode["alerts"]:
        if alert["ends_at"]:
            yield Event(at=alert["ends_at"], kind="ends", text=f"Level {alert['level']} ends")
    if episode["resolved_at"]:
        by = episode["resolved_by"]
        text = f"Resolved by {by}" if by else "Resolved"
        more = episode["resolved_reason"] or ""
        yield Event(at=episode["resolved_at"], kind="ends", text=text, more=more)


def _untold(episode: Row) -> Iterator[Row]:
    """What holds and no row tells: it began before such rows were kept."""
    told = {(row["what"], row["person"]) for row in episode["changes"]}
    told |= {(BEGINS.get(row["act"]), row["actor"]) for row in episode["deeds"]}
    for row in standing(episode).values():
        if (row["what"], row.get("person")) not in told:
            yield row


def _changed(config: ReceiverConfig, episode: Row, row: Row) -> Event:
    by = inhibitors(config, episode | {"inhibited_by": row.get("inhibited_by")})
    text = _SAYS[row["what"]].format(
        person=row.get("person"),
        until=moment(row.get("until")),
        alerts=", ".join(one.alertname for one in by) or "another alert",
    )
    more = row.get("reason") or ", ".join(sorted({one.rule for one in by}))
    return Event(
        at=row["at"],
        kind="person" if row["what"] in _OF_PEOPLE else "muted",
        text=text,
        more="" if row["what"] in _ENDS else more,
    )


def _told(row: Row) -> Event:
    people = ", ".join(spoken(name) for name in row["recipients"] or [row["receiver"]])
    channels = ", ".join(row["channels"] or [])
    what = f"level {row['level']}" if row["status"] == "firing" else "the end"
    # Whether a mail was sent and arrived, Alertmanager alone knows.
    text = f"Alertmanager had {what} to tell {people}" + (f" by {channels}" if channels else "")
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
