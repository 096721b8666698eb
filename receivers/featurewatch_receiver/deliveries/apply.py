"""Makes episodes and alerts of deliveries and queues what they call for, in one transaction.

Nothing is logged or counted before the transaction has been committed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, select, update

from featurewatch_receiver import logs
from featurewatch_receiver.automation.planner import Planner, Subject
from featurewatch_receiver.automation.remediations import Decision, report_decision
from featurewatch_receiver.core import Core
from featurewatch_receiver.deliveries.episodes import (
    AlertState,
    Episode,
    Outcome,
    Sighting,
    Timeline,
    sight,
)
from featurewatch_receiver.deliveries.payload import SENDERS, VERSION, WebhookPayload, is_signal
from featurewatch_receiver.history import durations
from featurewatch_receiver.states import Sender
from featurewatch_receiver.store.queue import WorkQueue
from featurewatch_receiver.store.schema import alerts, episodes

# The alert that always fires, see rules/signals.libsonnet. Others have one of that name too.
WATCHDOG = {"alertname": "Watchdog", "category": "featurewatch"}


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What came, and when."""

    webhook: WebhookPayload
    at: datetime


class Seen(NamedTuple):
    """What an alert meant; the id of its episode is None when it is overtaken."""

    sighting: Sighting
    outcome: Outcome
    episode_id: str | None


@dataclass
class Receipt:
    """What deliveries meant: for the log and the counters."""

    seen: list[Seen] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    ended: list[Episode] = field(default_factory=list)


def accept(
    core: Core, queue: WorkQueue, connection: Connection, deliveries: Sequence[Delivery]
) -> Receipt:
    """Take deliveries in, as one came after the other, in the caller's transaction."""
    sightings = [_sightings(delivery) for delivery in deliveries]
    timelines = load_timelines(connection, {s.identity for mine in sightings for s in mine})
    receipt = Receipt()
    for mine in sightings:
        receipt.seen += [see(timelines[s.identity], s) for s in mine]
        for identity in {s.identity for s in mine}:
            timelines[identity].settle()
    save(connection, timelines.values())
    # Of what fires after the last of them: they are decided together.
    receipt.decisions = Planner(core, connection, queue).consider(_firing(timelines.values()))
    receipt.ended = [e for t in timelines.values() for e in t.finished]
    return receipt


def see(timeline: Timeline, sighting: Sighting) -> Seen:
    """Take in one alert of this identity."""
    outcome = timeline.see(sighting)
    episode = timeline.current if outcome is not Outcome.STALE else None
    return Seen(sighting, outcome, episode.id if episode else None)


def is_heartbeat(webhook: WebhookPayload) -> bool:
    """Whether the Watchdog is among the alerts that fire."""
    if webhook["version"] != VERSION:
        return False  # it tells of another chain
    wanted = WATCHDOG.items()
    firing = (a["labels"] for a in webhook["alerts"] if a["status"] == "firing")
    return any(labels.items() >= wanted for labels in firing)


def _sightings(delivery: Delivery) -> list[Sighting]:
    """In order of time, so that an older alert never closes what a newer one opened."""
    troubles = [alert for alert in delivery.webhook["alerts"] if not is_signal(alert)]
    sender = SENDERS[delivery.webhook["version"]]
    seen = (sight(alert, delivery.at, sender) for alert in troubles)
    return sorted(seen, key=lambda s: s.starts_at)


def _firing(timelines: Iterable[Timeline]) -> Iterator[Subject]:
    for episode in (t.current for t in timelines):
        if episode and not episode.ended():
            name, extractor = episode.labels["alertname"], episode.labels.get("extractor")
            yield Subject(episode_id=episode.id, alertname=name, extractor=extractor)


def load_timelines(connection: Connection, identities: set[str]) -> dict[str, Timeline]:
    """Read the open episode of each identity, and when the one before it ended."""
    wanted = episodes.c.identity.in_(identities)
    ends = select(episodes.c.identity, func.max(episodes.c.resolved_at)).where(wanted)
    timelines = {identity: Timeline() for identity in sorted(identities)}
    for identity, end in connection.execute(ends.group_by(episodes.c.identity)):
        timelines[identity].last_end = end
    for row in connection.execute(select(episodes).where(wanted, episodes.c.resolved_at.is_(None))):
        timelines[row.identity].current = Episode(
            id=row.id,
            identity=row.identity,
            labels=row.labels,
            annotations=row.annotations,
            escalation_level=row.escalation_level,
            started_at=row.started_at,
            is_resolved=row.resolved_by is not None,
            stored=True,
            changed=False,
        )
    _load_alerts(connection, [t.current for t in timelines.values() if t.current])
    return timelines


def _load_alerts(connection: Connection, opened: list[Episode]) -> None:
    by_id = {episode.id: episode for episode in opened}
    for row in connection.execute(select(alerts).where(alerts.c.episode_id.in_(by_id))):
        by_id[row.episode_id].alerts[row.fingerprint] = AlertState(
            level=row.level,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            sender=Sender(row.sender) if row.sender else None,
            stored=True,
            changed=False,
        )


def save(connection: Connection, timelines: Iterable[Timeline]) -> None:
    """Write what changed. Episodes that ended come first: one identity has one open episode."""
    touched = [e for t in timelines for e in (*t.finished, t.current) if e]
    changed = [e for e in touched if e.changed]
    if old := [_episode_row(e) for e in changed if e.stored]:
        change = update(episodes).where(episodes.c.id == bindparam("key"))
        connection.execute(change, [{"key": row.pop("id"), **row} for row in old])
    if new := [_episode_row(e) for e in changed if not e.stored]:
        connection.execute(insert(episodes), new)
    _save_alerts(connection, touched)


def _save_alerts(connection: Connection, touched: list[Episode]) -> None:
    changed = [(e.id, f, state) for e in touched for f, state in e.alerts.items() if state.changed]
    if new := [_alert_row(e, f, state) for e, f, state in changed if not state.stored]:
        connection.execute(insert(alerts), new)
    if old := [_alert_row(e, f, state) for e, f, state in changed if state.stored]:
        change = update(alerts).where(
            alerts.c.episode_id == bindparam("episode"), alerts.c.fingerprint == bindparam("print")
        )
        keys = [{"episode": row.pop("episode_id"), "print": row.pop("fingerprint")} for row in old]
        connection.execute(change, [key | row for key, row in zip(keys, old, strict=True)])


def _episode_row(episode: Episode) -> dict[str, object]:
    return {
        "id": episode.id,
        "identity": episode.identity,
        "alertname": episode.labels["alertname"],
        "extractor": episode.labels.get("extractor"),
        "severity": episode.labels.get("severity"),
        "labels": episode.labels,
        "annotations": episode.annotations,
        "escalation_level": episode.escalation_level,
        "started_at": episode.started_at,
        "resolved_at": episode.resolved_at,
    }


def _alert_row(episode_id: str, fingerprint: str, state: AlertState) -> dict[str, object]:
    return {
        "episode_id": episode_id,
        "fingerprint": fingerprint,
        "level": state.level,
        "starts_at": state.starts_at,
        "ends_at": state.ends_at,
        "sender": state.sender,
    }


def report(core: Core, deliveries: Sequence[Delivery], receipt: Receipt) -> None:
    """Log and count deliveries that were taken in."""
    for webhook in (delivery.webhook for delivery in deliveries):
        if left_out := webhook.get("truncatedAlerts"):
            core.metrics.truncated.inc(left_out)
            logs.event("alerts truncated", group=webhook["groupKey"], count=left_out)
    for status, number in Counter(seen.sighting.status for seen in receipt.seen).items():
        core.metrics.alerts.labels(status).inc(number)
    logs.events("alert", [_fields(*seen) for seen in receipt.seen])
    for decision in receipt.decisions:
        report_decision(core, decision)
    count_ended(core, receipt.ended)


def _fields(sighting: Sighting, outcome: Outcome, episode_id: str | None) -> dict[str, object]:
    """What the log tells of an alert; docs/operations.md explains it."""
    named = ("alertname", "severity", "extractor", "escalation_policy")
    fields: dict[str, object] = {"episode": episode_id, "outcome": outcome}
    fields["status"] = sighting.status
    fields |= {label: sighting.labels.get(label) for label in named}
    fields |= {
        "escalation_level": sighting.level,
        "fingerprint": sighting.fingerprint,
        "starts_at": sighting.starts_at,
        "ends_at": sighting.ends_at,
        "summary": sighting.annotations.get("summary"),
    }
    return fields | ({"sender": sighting.sender} if sighting.sender else {})


def count_ended(core: Core, ended: Iterable[Episode]) -> None:
    """Count episodes that have ended."""
    for episode in ended:
        if episode.resolved_at:
            severity = episode.labels.get("severity")
            durations.count_resolved(core, severity, episode.started_at, episode.resolved_at)
