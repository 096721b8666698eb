"""Looks after what no delivery reminds of: leases, approvals, and decisions that had to wait."""

import threading
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver import logs
from featurewatch_receiver.automation import approvals, leases
from featurewatch_receiver.automation.planner import Planner, firing
from featurewatch_receiver.automation.reports import report_decision
from featurewatch_receiver.core import Core
from featurewatch_receiver.engine import WorkQueue

TEND_SECONDS = 15.0

Duty = Callable[[Core, WorkQueue], object]


def reconsider(core: Core, queue: WorkQueue) -> None:
    """Decide again about every episode that fires and has a response."""
    answered = [name for name, alert in core.config.alerts.items() if alert.responses]
    with core.writer.begin() as connection:
        subjects = firing(connection, alertnames=answered)
        decisions = Planner(core, connection, queue).consider(subjects)
    for decision in decisions:
        report_decision(core, decision)


#: What is done each time, by name.
DUTIES: tuple[tuple[str, Duty], ...] = (
    ("leases", leases.tend),
    ("approvals", lambda core, _: approvals.expire(core)),
    ("decisions", reconsider),
)


def tend(core: Core, queue: WorkQueue) -> None:
    """Do every duty once; one that fails does not keep the others."""
    for name, duty in DUTIES:
        try:
            duty(core, queue)
        except SQLAlchemyError as error:
            logs.trouble("database unavailable", error, duty=name)
        except Exception as error:  # the thread must live: nobody else looks after these
            logs.trouble("duty broke", error, duty=name)


def keep_tending(
    core: Core, queue: WorkQueue, stop: threading.Event, pause: float = TEND_SECONDS
) -> None:
    """Tend every `pause` seconds until `stop`."""
    while not stop.wait(pause):
        tend(core, queue)
