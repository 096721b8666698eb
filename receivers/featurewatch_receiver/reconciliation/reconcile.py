"""Compares history with Alertmanager and Prometheus, and repairs it.

Alertmanager delivers at least once what it delivers; but it says nothing of what is inhibited or
silenced, not even that it has ended, and what it leaves out of a large group or could not hand over
is lost. So every 15 seconds its list of alerts is read, and Prometheus's.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from featurewatch_receiver import logs
from featurewatch_receiver.automation.planner import Planner, firing
from featurewatch_receiver.automation.remediations import Decision, report_decision
from featurewatch_receiver.clients.alertmanager import Alertmanager
from featurewatch_receiver.clients.prometheus import Prometheus
from featurewatch_receiver.core import Core
from featurewatch_receiver.deliveries.apply import Seen, count_ended, load_timelines, save, see
from featurewatch_receiver.deliveries.episodes import Episode, Outcome
from featurewatch_receiver.errors import AlertmanagerError, PrometheusError
from featurewatch_receiver.history import durations, servers
from featurewatch_receiver.loops import Duty, Loop
from featurewatch_receiver.reconciliation import notifications, standing
from featurewatch_receiver.reconciliation.differences import Differences, Found, open_alerts
from featurewatch_receiver.reconciliation.view import Labels, View, firing_at, is_muted, look
from featurewatch_receiver.states import Difference
from featurewatch_receiver.store.database import lock
from featurewatch_receiver.store.queue import WorkQueue

LOOK_SECONDS = 15.0
_TAKEN_IN = frozenset({Outcome.OPENED, Outcome.JOINED})
# What the log tells of a change.
_SAID = (
    "acknowledged_by",
    "acknowledged_reason",
    "resolved_by",
    "silenced_by",
    "silenced_reason",
    "inhibited_at",
)


@dataclass
class Repair:
    """What one look led to; for the log and the counters."""

    seen: list[tuple[Seen, Difference]] = field(default_factory=list)
    ended: list[Episode] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    changes: list[standing.EpisodeChange] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)


class Reconciler:
    """Looks again and again; it concludes from what it saw itself, without a break.

    An alert has ended when both servers have been without it for two minutes, in one run of
    Alertmanager (see sweeper.GONE_SECONDS). While one of them is away nothing ends.
    """

    def __init__(
        self,
        core: Core,
        queue: WorkQueue,
        client: Alertmanager,
        prometheus: Prometheus | None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._core = core
        self._queue = queue
        self._client = client
        self._prometheus = prometheus
        self._differences = Differences(clock)
        self._started_at: datetime | None = None
        #: Since when each alert is not muted.
        self._speaking: dict[str, datetime] = {}
        self._muted: set[str] = set()
        #: What this run of Alertmanager has had.
        self._seen: set[str] = set()

    def look(self) -> Repair:
        """Compare once, and repair.

        Raises:
            AlertmanagerError: it can't be asked; nothing was concluded.
            PrometheusError: it can't be asked; nothing was ended.
            sqlalchemy.exc.SQLAlchemyError: nothing was stored.

        """
        try:
            view = look(self._client, self._core.now())
        except AlertmanagerError:
            self._differences.forget()
            raise
        if view.started_at != self._started_at:
            self._differences.forget()
            self._started_at = view.started_at
            self._seen = set()
        self._seen |= view.alerts.keys()
        view = replace(view, seen=frozenset(self._seen))
        try:
            at_prometheus = firing_at(self._prometheus) if self._prometheus else []
        except PrometheusError:
            self._differences.forget_gone()
            self._repair(view, None)
            raise
        self._tell_unsent(view, at_prometheus)
        return self._repair(view, at_prometheus)

    def _repair(self, view: View, at_prometheus: list[Labels] | None) -> Repair:
        now = self._core.now()
        self._note_speaking(view, now)
        with self._core.reader.begin() as connection:
            known = open_alerts(connection)
            found = self._differences.missing(view, known, now)
            if at_prometheus is not None:
                found += self._differences.ended(view, known, at_prometheus, now)
            is_due = (
                found or standing.changes(connection, view, now) or self._told(connection, view)
            )
        return self._store(view, found) if is_due else Repair()

    def _store(self, view: View, found: Found) -> Repair:
        repair = Repair()
        with self._core.writer.begin() as connection:
            lock(connection, "reconciliation")
            touched = self._join(connection, found, repair)
            repair.changes = standing.changes(connection, view, self._core.now())
            standing.write(connection, repair.changes)
            repair.told = self._told(connection, view)
            notifications.write(connection, repair.told)
            subjects = [s for s in firing(connection) if s.episode_id in touched]
            repair.decisions = Planner(self._core, connection, self._queue).consider(subjects)
        _report(self._core, repair)
        return repair

    def _join(self, connection: Connection, found: Found, repair: Repair) -> set[str]:
        """Take in what is missing, and return the episodes that it concerns."""
        timelines = load_timelines(connection, {sighting.identity for sighting, _ in found})
        for sighting, difference in sorted(found, key=lambda pair: pair[0].starts_at):
            seen = see(timelines[sighting.identity], sighting)
            repair.seen.append((seen, difference))
            if seen.outcome is Outcome.STALE:
                self._differences.leave(sighting)
        for timeline in timelines.values():
            timeline.settle()
        save(connection, timelines.values())
        repair.ended = [e for t in timelines.values() for e in t.finished]
        return {t.current.id for t in timelines.values() if t.current}

    def _tell_unsent(self, view: View, at_prometheus: list[Labels]) -> None:
        for labels in self._differences.unsent(view, at_prometheus):
            self._core.metrics.reconciled.labels(Difference.UNSENT).inc()
            logs.event("alert reconciled", difference=Difference.UNSENT, labels=dict(labels))

    def _note_speaking(self, view: View, now: datetime) -> None:
        muted = {fingerprint for fingerprint, a in view.alerts.items() if is_muted(a)}
        self._speaking = {
            fingerprint: self._speaking.get(
                fingerprint, now if fingerprint in self._muted else alert.starts_at
            )
            for fingerprint, alert in view.alerts.items()
            if fingerprint not in muted
        }
        self._muted = muted

    def _told(self, connection: Connection, view: View) -> list[dict[str, Any]]:
        return notifications.due(
            connection, self._core.config, view, self._speaking, self._core.now()
        )


def reconciling(
    core: Core, queue: WorkQueue, stop: threading.Event, pause: float = LOOK_SECONDS
) -> Loop | None:
    """The loop that reconciles; None without an Alertmanager."""
    url, prometheus_url = core.config.receiver.alertmanager_url, core.config.receiver.prometheus_url
    if url is None:
        return None
    client = Alertmanager(url)
    prometheus = Prometheus(prometheus_url) if prometheus_url else None
    reconciler = Reconciler(core, queue, client, prometheus)
    duty = Duty("reconciliation", lambda: _look(reconciler, core), core.metrics)
    close = [client.close, *([prometheus.close] if prometheus else [])]
    return Loop("reconciler", [duty], pause, stop, close=close)


def _look(reconciler: Reconciler, core: Core) -> None:
    """Look once, and note which server answered."""
    try:
        reconciler.look()
    except (AlertmanagerError, PrometheusError) as error:
        away = servers.ALERTMANAGER if isinstance(error, AlertmanagerError) else servers.PROMETHEUS
        core.metrics.reconcile_failures.labels(away).inc()
        _note(core, away, str(error))
        raise
    _note(core, None, None)
    core.metrics.reconciled_at.set(core.now().timestamp())


def _note(core: Core, away: str | None, problem: str | None) -> None:
    """Remember for the console who answered; without Alertmanager, Prometheus was not asked."""
    asked = [servers.ALERTMANAGER]
    if core.config.receiver.prometheus_url and away != servers.ALERTMANAGER:
        asked.append(servers.PROMETHEUS)
    for name in asked:
        servers.note(core, name, problem if name == away else None)


def _report(core: Core, repair: Repair) -> None:
    for (sighting, outcome, episode_id), difference in repair.seen:
        if outcome in _TAKEN_IN or outcome is Outcome.RESOLVED:
            core.metrics.reconciled.labels(difference).inc()
            named = {name: sighting.labels.get(name) for name in ("alertname", "extractor")}
            at = {"starts_at": sighting.starts_at, "ends_at": sighting.ends_at}
            level = {"escalation_level": sighting.level, "fingerprint": sighting.fingerprint}
            of = {"episode": episode_id, "difference": difference}
            logs.event("alert reconciled", **of, **named, **level, **at)
    count_ended(core, repair.ended)
    logs.events("notification", [_notification(row) for row in repair.told])
    for change in repair.changes:
        if said := {name: change.values[name] for name in _SAID if name in change.values}:
            logs.event("episode changed", episode=change.episode_id, **said)
        if change.acknowledged_after is not None:
            durations.count_acknowledged(core, change.severity, change.acknowledged_after)
    for decision in repair.decisions:
        report_decision(core, decision)


def _notification(row: dict[str, Any]) -> dict[str, object]:
    return {
        "episode": row["episode_id"],
        "escalation_level": row["level"],
        "receiver": row["receiver"],
        "status": row["status"],
    }
