"""Remediations step by step, as the worker's workflow runs them: no engine, no network, no waiting.

Time is the receiver's clock alone. Each pause moves it on, and may change the world meanwhile.
"""

import json
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import func, select

from featurewatch_receiver.acts import ACTS
from featurewatch_receiver.acts.base import Doing, Said
from featurewatch_receiver.automation import housekeeping, remediations
from featurewatch_receiver.automation import leases as leasing
from featurewatch_receiver.automation.remediations import Remediation
from featurewatch_receiver.automation.remediator import Remediator
from featurewatch_receiver.backends.base import Deployment, ResourceAmounts, Training, TrainingState
from featurewatch_receiver.core import Core
from featurewatch_receiver.deliveries.apply import Delivery, accept
from featurewatch_receiver.deliveries.payload import parse
from featurewatch_receiver.errors import ConflictError, MissingError, TargetChangedError
from featurewatch_receiver.states import State
from featurewatch_receiver.store.queue import WorkQueue
from featurewatch_receiver.store.schema import leases as lease_table
from featurewatch_receiver.store.schema import remediation_steps, switches
from receiver.payloads import Json, payload

MOST_RUNS = 20
SAID = Said(user="anna", reason="I say so")


class Clock(Protocol):
    """The receiver's clock, which a test sets."""

    now: datetime


@dataclass
class Platform:
    """A backend of every kind in memory, that counts what is done to it and can misbehave."""

    seen: Deployment = field(
        default_factory=lambda: Deployment(replicas=1, ready_replicas=1, generation="1")
    )
    runs: dict[str, Training] = field(default_factory=dict)
    cleared: set[str] = field(default_factory=set)
    #: Every change that was carried out, in order.
    effects: list[str] = field(default_factory=list)
    #: Raised one after the other by what follows: a change is carried out all the same.
    lost_answers: list[BaseException] = field(default_factory=list)
    refusals: list[BaseException] = field(default_factory=list)
    #: Raised by each look at a training run.
    blind: BaseException | None = None
    #: What is changed is well at once.
    settles: bool = True

    def deployment(self, name: str) -> Deployment:
        del name
        return self.seen

    def scale(self, name: str, setpoint: int, *, expected: int) -> Deployment:
        if self.seen.setpoint != expected:
            raise TargetChangedError(f"{self.seen.setpoint} replicas")
        wanted: Json = {"replicas": setpoint}
        if self.seen.autoscaler:
            wanted = {
                "autoscaler_min": setpoint,
                "replicas": max(setpoint, self.seen.replicas),
            }
        return self._change(f"scale {setpoint}", **wanted)

    def restart(self, name: str, key: str | None) -> Deployment:
        if self.seen.restart_key == key:
            return self.seen
        return self._change(f"restart {key}", restart_key=key)

    def undo_restart(self, name: str, previous_key: str | None) -> Deployment:
        return self.restart(name, previous_key)

    def set_resources(
        self, name: str, wanted: ResourceAmounts, *, expected: ResourceAmounts
    ) -> Deployment:
        if self.seen.resources != expected:
            raise TargetChangedError(f"{self.seen.resources}")
        return self._change(f"cpu {wanted.cpu} memory {wanted.memory}", resources=wanted)

    def clear_cache(self, name: str, key: str) -> int:
        if key in self.cleared:
            return 12
        self.cleared.add(key)
        self._change(f"clear {name}")
        return 12

    def start_training(self, model: str, run_id: str, facts: dict[str, str]) -> Training:
        if run_id not in self.runs:
            self.runs[run_id] = Training(run_id=run_id, state=TrainingState.RUNNING)
            self._change(f"train {model} for {facts['alertname']}")
        return self.runs[run_id]

    def training(self, model: str, run_id: str) -> Training | None:
        del model
        if self.blind:
            raise self.blind
        return self.runs.get(run_id)

    def close(self) -> None:
        """Nothing is open."""

    def become(self, **values: Any) -> None:
        """Look otherwise from now on."""
        self.seen = replace(self.seen, **values)

    def _change(self, what: str, **values: Any) -> Deployment:
        if self.refusals:
            raise self.refusals.pop(0)
        self.effects.append(what)
        self.become(**values)
        if self.settles:
            self.become(ready_replicas=self.seen.replicas)
        else:
            self.become(settled=False)
        if self.lost_answers:
            raise self.lost_answers.pop(0)
        return self.seen


class Pauses(threading.Event):
    """Moves the clock on instead of waiting, and then does what is planned for that pause."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.calls: list[Callable[[], object]] = []

    def wait(self, timeout: float | None = None) -> bool:
        # A little more, so that a deadline of exactly now has passed.
        self._clock.now += timedelta(seconds=(timeout or 0) + 0.001)
        if self.calls:
            self.calls.pop(0)()
        return self.is_set()


@dataclass
class Flow:
    """A receiver whose work is done when a test says so."""

    core: Core
    queue: WorkQueue
    clock: Clock
    platform: Platform

    def __post_init__(self) -> None:
        self.pauses = Pauses(self.clock)
        self.remediator = Remediator(
            self.core, self.queue, self.pauses, look_again=1.0, verify_again=10.0
        )

    def deliver(self, *alerts: Json) -> None:
        """Take in a delivery."""
        delivery = Delivery(webhook=parse_json(payload(*alerts)), at=self.clock.now)
        with self.core.writer.begin() as connection:
            accept(self.core, self.queue, connection, [delivery])

    def later(self, **time: float) -> None:
        """So much time passes."""
        self.clock.now += timedelta(**time)

    def run(self, row_id: str) -> Remediation:
        """Do every step of one remediation, and return what became of it."""
        for step in (
            self.remediator.prepare,
            self.remediator.carry_out,
            self.remediator.verify,
        ):
            if not step(row_id):
                break
        self.remediator.conclude(row_id)
        return self.row(row_id)

    def work(self) -> None:
        """Run whatever is planned, until nothing is; that it comes to an end is part of it."""
        for _ in range(MOST_RUNS):
            planned = [row for row in self.rows() if row.state is State.PLANNED]
            if not planned:
                return
            self.run(planned[0].id)
        raise AssertionError(f"still planned after {MOST_RUNS} runs: {self.became()}")

    def tend(self) -> None:
        """What the housekeeping does every few seconds."""
        housekeeping.housekeeping(self.core, self.queue, threading.Event()).go_round()

    def row(self, row_id: str) -> Remediation:
        with self.core.reader.begin() as connection:
            row = remediations.load(connection, row_id)
        assert row is not None
        return row

    def rows(self) -> list[Remediation]:
        """Every remediation, oldest first."""
        first = func.min(remediation_steps.c.id)
        by_step = select(remediation_steps.c.remediation_id).group_by(
            remediation_steps.c.remediation_id
        )
        with self.core.reader.begin() as connection:
            ids = connection.scalars(by_step.order_by(first)).all()
        return [self.row(row_id) for row_id in ids]

    def only(self) -> Remediation:
        """The only remediation."""
        (row,) = self.rows()
        return row

    def became(self) -> list[tuple[str, str, str | None]]:
        """Action, state and reason of each remediation, oldest first."""
        return [(row.action, str(row.state), row.reason) for row in self.rows()]

    def detail(self, row_id: str) -> str:
        """What the last step says."""
        steps = select(remediation_steps.c.detail).where(
            remediation_steps.c.remediation_id == row_id
        )
        with self.core.reader.begin() as connection:
            details = connection.scalars(steps.order_by(remediation_steps.c.id)).all()
        return details[-1] or ""

    def states(self, row_id: str) -> list[str]:
        """Every state that it went through."""
        steps = select(remediation_steps.c.state).where(
            remediation_steps.c.remediation_id == row_id
        )
        with self.core.reader.begin() as connection:
            return list(connection.scalars(steps.order_by(remediation_steps.c.id)))

    def leases(self) -> list[Any]:
        """Every lease, oldest first."""
        with self.core.reader.begin() as connection:
            found = select(lease_table).order_by(lease_table.c.created_at)
            return list(connection.execute(found).all())

    def approve(self, row_id: str) -> bool:
        """A person approves a plan; False if that was refused."""
        return self._does("approve", row_id)

    def deny(self, row_id: str) -> bool:
        """A person says no; False if that was refused."""
        return self._does("deny", row_id)

    def cancel(self, row_id: str) -> bool:
        """A person stops it; False if that was refused."""
        return self._does("cancel", row_id)

    def _does(self, act: str, subject: str) -> bool:
        doing = Doing(core=self.core, queue=self.queue, subject=subject, said=SAID)
        return _done(lambda: ACTS[act].run(doing))

    def end_lease(self, lease_id: str, why: leasing.LeaseEnd) -> bool:
        """A person keeps what was changed."""
        with self.core.writer.begin() as connection:
            return leasing.end(connection, lease_id, self.core.now(), why, "anna")

    def kill_switch(self, engaged: bool) -> None:
        """A person turns it."""
        values = {"engaged": engaged, "changed_at": self.core.now()}
        values |= {"changed_by": "anna", "reason": "because"}
        with self.core.writer.begin() as connection:
            connection.execute(switches.delete())
            connection.execute(switches.insert(), {"name": "kill_switch"} | values)


def _done(do: Callable[[], None]) -> bool:
    try:
        do()
    except (ConflictError, MissingError):
        return False
    return True


def hurry(core: Core) -> None:
    """Do not wait for the disk: this database is thrown away."""
    for engine in (core.writer, core.reader):
        with closing(engine.raw_connection()) as connection:
            connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]


def parse_json(body: Json) -> Any:
    """Read a delivery as the web side does."""
    return parse(json.dumps(body).encode())
