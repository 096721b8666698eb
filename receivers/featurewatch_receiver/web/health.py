"""What needs no token: health and metrics. Nothing here tells of an alert."""

from collections.abc import Callable

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, Gauge
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver.core import Core
from featurewatch_receiver.deliveries import inbox
from featurewatch_receiver.history import queries
from featurewatch_receiver.states import OPEN
from featurewatch_receiver.store import switches
from featurewatch_receiver.store.schema import leases, remediations
from featurewatch_receiver.watchdog import deadman

Reply = tuple[Response, int]


def health(core: Core, is_working: Callable[[], bool]) -> Blueprint:
    """Return the blueprint."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @blueprint.get("/readyz")
    def readyz() -> Response | Reply:
        problem = _problem(core, is_working)
        return (jsonify(error=problem), 503) if problem else jsonify(status="ready")

    @blueprint.get("/metrics")
    def metrics() -> Response:
        measure(core)
        return Response(core.metrics.text(), content_type=CONTENT_TYPE_LATEST)

    return blueprint


def _problem(core: Core, is_working: Callable[[], bool]) -> str | None:
    """Return why no delivery should come here now, or None."""
    if not is_working():
        return "worker: is not running; restart the receiver"
    try:
        with core.writer.begin():  # takes the lock that a delivery would take
            return None
    except SQLAlchemyError:
        return "database: can't be written; see the receiver's log"


def measure(core: Core) -> None:
    """Set the gauges. What can't be read is not a number: the other series matter all the more."""
    try:
        core.metrics.open_episodes.set(queries.count_open(core))
        core.metrics.watchdog.set(deadman.last_heard(core))
        _inbox(core)
        _remediation(core)
    except SQLAlchemyError:
        for gauge in _gauges(core):
            gauge.set(float("nan"))


def _inbox(core: Core) -> None:
    backlog, since = inbox.count(core), inbox.waiting_since(core)
    age = (core.now() - since).total_seconds() if since else 0.0
    core.metrics.inbox_deliveries.set(backlog.deliveries)
    core.metrics.inbox_age.set(max(0.0, age))
    core.metrics.inbox_set_aside.set(backlog.set_aside)


def _remediation(core: Core) -> None:
    state, unended = remediations.c.state, leases.c.ended_at.is_(None)
    by_state = select(state, func.count()).where(state.in_(OPEN)).group_by(state)
    with core.reader.begin() as connection:
        found = {row[0]: row[1] for row in connection.execute(by_state)}
        lasting = connection.scalar(select(func.count()).select_from(leases).where(unended))
        engaged = switches.read(connection).engaged
    for name in OPEN:
        core.metrics.open_remediations.labels(name).set(found.get(name, 0))
    core.metrics.open_leases.set(lasting or 0)
    core.metrics.kill_switch.set(engaged)


def _gauges(core: Core) -> list[Gauge]:
    metrics = core.metrics
    states = [metrics.open_remediations.labels(state) for state in OPEN]
    return [
        metrics.inbox_deliveries,
        metrics.inbox_age,
        metrics.inbox_set_aside,
        metrics.open_episodes,
        metrics.watchdog,
        metrics.open_leases,
        metrics.kill_switch,
        *states,
    ]
