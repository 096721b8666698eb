"""How things stand at this moment: the gauges that the database knows."""

from prometheus_client import Gauge
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver.automation import switches
from featurewatch_receiver.automation.remediations import OPEN
from featurewatch_receiver.core import Core
from featurewatch_receiver.deliveries import inbox
from featurewatch_receiver.records import history
from featurewatch_receiver.store.schema import leases, remediations
from featurewatch_receiver.watchdog import deadman


def measure(core: Core) -> None:
    """Set the gauges. What can't be read is not a number: the other series matter all the more."""
    try:
        core.metrics.open_episodes.set(history.count_open(core))
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
