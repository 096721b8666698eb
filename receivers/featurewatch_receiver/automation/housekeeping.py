"""Looks after what no delivery reminds of: leases, approvals, and decisions that had to wait."""

import threading

from featurewatch_receiver.automation import approvals, leases
from featurewatch_receiver.automation.planner import Planner, firing
from featurewatch_receiver.automation.remediations import report_decision
from featurewatch_receiver.core import Core
from featurewatch_receiver.loops import Duty, Loop
from featurewatch_receiver.store.queue import WorkQueue

TEND_SECONDS = 15.0


def reconsider(core: Core, queue: WorkQueue) -> None:
    """Decide again about every episode that fires and has a response."""
    answered = [name for name, alert in core.config.alerts.items() if alert.responses]
    with core.writer.begin() as connection:
        subjects = firing(connection, alertnames=answered)
        decisions = Planner(core, connection, queue).consider(subjects)
    for decision in decisions:
        report_decision(core, decision)


def housekeeping(
    core: Core, queue: WorkQueue, stop: threading.Event, pause: float = TEND_SECONDS
) -> Loop:
    """The loop that does all this."""
    duties = (
        Duty("leases", lambda: leases.tend(core, queue), core.metrics),
        Duty("approvals", lambda: approvals.expire(core), core.metrics),
        Duty("decisions", lambda: reconsider(core, queue), core.metrics),
    )
    return Loop("housekeeping", duties, pause, stop, at_once=False)
