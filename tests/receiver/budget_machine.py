"""Deliveries, people, worker, tender and target in any order, and what must hold all the while.

The engine does not run, and nothing keeps two workflows of one target apart: the guards must.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)
from sqlalchemy import select

from featurewatch_receiver.access.token_files import read_tokens
from featurewatch_receiver.automation import remediations
from featurewatch_receiver.automation.planner import Planner
from featurewatch_receiver.automation.remediations import Remediation, Step
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.core import open_core
from featurewatch_receiver.states import ACTIVE, OUTCOMES, Origin, State
from featurewatch_receiver.store.schema import remediations as table
from receiver.flows import Flow, Platform, hurry
from receiver.payloads import T0, alert

TARGETS = ["feature_extractor", "other_extractor"]
ALERTS = {
    "FeatureExtractionLatencyCritical": ["scale_up_deployment", "clear_cache"],
    "FeatureExtractionCacheHitRateLow": ["clear_cache", "restart_deployment"],
    "FeatureExtractionErrorRateHigh": ["restart_deployment"],
}
ATTEMPTS = {"episode": 2, "hour": 2, "day": 3}
COOLDOWN = timedelta(minutes=10)
ENDS = [State.EFFECTIVE, State.INEFFECTIVE, State.INCONCLUSIVE, State.DONE]

INCIDENTS = {
    "name": st.sampled_from(sorted(ALERTS)),
    "times": st.integers(3, 8),
    "minutes": st.sampled_from([11, 40]),
    "anew": st.booleans(),
    "killed": st.sampled_from([False, False, False, True]),
}


class NoQueue:
    """The engine's queue; what is put there stays there."""

    def put(self, *_: object) -> None:
        """Nobody serves it."""


@dataclass
class Clock:
    now: datetime = T0

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Run:
    """The target was told."""

    row: Remediation
    at: datetime


class Machine(RuleBasedStateMachine):
    """Deliveries, people, the worker, the tender and the target, each at any time."""

    config: ReceiverConfig
    blank: Path
    current: "Machine"

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        file = Path(self.folder.name) / "receiver.db"
        shutil.copy(self.blank, file)
        own = {
            "receiver": self.config.receiver.model_copy(update={"database": f"sqlite:///{file}"})
        }
        config = self.config.model_copy(update=own)
        self.clock, self.platform = Clock(), Platform()
        Machine.current = self
        core = open_core(config, read_tokens(config), self.clock)
        self.flow = Flow(core, NoQueue(), self.clock, self.platform)  # type: ignore[arg-type]
        hurry(core)
        self.told: list[Run] = []
        self.killed = False
        self.asked = 0

    def teardown(self) -> None:
        self.flow.core.close()
        self.folder.cleanup()

    # --- what comes from outside

    @rule(name=st.sampled_from(sorted(ALERTS)), extractor=st.sampled_from(TARGETS))
    def fire(self, name: str, extractor: str) -> None:
        self.flow.deliver(alert(name, start=self.clock.now, extractor=extractor))

    @rule(name=st.sampled_from(sorted(ALERTS)), extractor=st.sampled_from(TARGETS))
    def resolve(self, name: str, extractor: str) -> None:
        self.flow.deliver(alert(name, start=T0, end=self.clock.now, extractor=extractor))

    @rule(minutes=st.sampled_from([1, 6, 11, 11, 40, 61, 600]))
    def wait(self, minutes: int) -> None:
        self.clock.now += timedelta(minutes=minutes)

    @rule(replicas=st.integers(1, 3), settled=st.booleans())
    def somebody_scales(self, replicas: int, settled: bool) -> None:
        self.platform.become(replicas=replicas, ready_replicas=replicas, settled=settled)

    # --- people

    @rule(engaged=st.booleans())
    def turn_the_switch(self, engaged: bool) -> None:
        self.flow.kill_switch(engaged)
        self.killed = engaged

    @rule(data=st.data(), what=st.sampled_from(["approve", "deny", "cancel"]))
    def decide(self, data: st.DataObject, what: str) -> None:
        if row_id := self._any(data, State):
            getattr(self.flow, what)(row_id)

    @rule(action=st.sampled_from(["clear_cache", "scale_up_deployment"]), data=st.data())
    def ask(self, action: str, data: st.DataObject) -> None:
        self.asked += 1
        with self.flow.core.writer.begin() as connection:
            Planner(self.flow.core, connection, self.flow.queue).ask(
                action,
                data.draw(st.sampled_from(TARGETS)),
                row_id=f"manual:{self.asked}",
                episode_id=None,
                user="anna",
                reason="now",
            )

    # --- the worker

    @rule(data=st.data())
    def prepare(self, data: st.DataObject) -> None:
        if row_id := self._any(data, [State.PLANNED]):
            self.flow.remediator.prepare(row_id)

    @rule(data=st.data(), refuses=st.booleans(), settles=st.booleans())
    def carry_out(self, data: st.DataObject, refuses: bool, settles: bool) -> None:
        if row_id := self._any(data, [State.RUNNING]):
            self.platform.settles = settles
            self.platform.refusals = [ValueError("no")] if refuses else []
            self._carry_out(row_id)

    @initialize(**INCIDENTS)
    def begin(self, **incidents: Any) -> None:
        self.incidents(**incidents)

    @rule(**INCIDENTS)
    def incidents(self, name: str, times: int, minutes: int, anew: bool, killed: bool) -> None:
        """An alert of the first target goes on, or comes back; what is planned is done at once."""
        for _ in range(times):
            self.clock.now += timedelta(minutes=minutes)
            if anew:
                self.resolve(name, TARGETS[0])
            self.fire(name, TARGETS[0])
            self.platform = Platform()
            for row_id in self._ids([State.PLANNED]):
                self.flow.remediator.prepare(row_id)
                if killed:
                    self.turn_the_switch(True)
                self._carry_out(row_id)
                self.flow.remediator.verify(row_id)
                self.flow.remediator.conclude(row_id)

    @rule()
    def hurry(self) -> None:
        """Everything is approved, and every workflow of a target runs at the same time."""
        for name in ALERTS:
            self.fire(name, TARGETS[0])
        for row_id in self._ids([State.AWAITING_APPROVAL]):
            self.flow.approve(row_id)
        for row_id in self._ids([State.PLANNED]):
            self.flow.remediator.prepare(row_id)
        self.one_at_a_time()
        for row_id in self._ids([State.RUNNING]):
            self._carry_out(row_id)

    def _carry_out(self, row_id: str) -> None:
        told, began = len(self.platform.effects), self.clock.now
        self.flow.remediator.carry_out(row_id)
        if len(self.platform.effects) > told:
            assert not self.killed
            self.told.append(Run(self.flow.row(row_id), began))

    @rule(data=st.data(), state=st.sampled_from(ENDS))
    def verify(self, data: st.DataObject, state: State) -> None:
        if row_id := self._any(data, [State.VERIFYING]):
            with self.flow.core.writer.begin() as connection:
                step = Step(at=self.clock.now, actor="worker", state=state)
                remediations.enter(connection, row_id, step)

    @rule(data=st.data())
    def conclude(self, data: st.DataObject) -> None:
        if row_id := self._any(data, OUTCOMES):
            self.flow.remediator.conclude(row_id)

    @rule()
    def tend(self) -> None:
        self.flow.tend()

    def _any(self, data: st.DataObject, states: Iterable[State]) -> str | None:
        ids = self._ids(states)
        return data.draw(st.sampled_from(ids)) if ids else None

    def _ids(self, states: Iterable[State]) -> list[str]:
        wanted = select(table.c.id).where(table.c.state.in_(list(states)))
        with self.flow.core.reader.begin() as connection:
            return list(connection.scalars(wanted.order_by(table.c.created_at, table.c.id)))

    # --- what must hold

    @invariant()
    def one_at_a_time(self) -> None:
        with self.flow.core.reader.begin() as connection:
            rows = connection.execute(select(table).where(table.c.state.in_(ACTIVE))).all()
        for target in TARGETS:
            assert sum(row.target == target for row in rows) <= 1

    @invariant()
    def within_budget(self) -> None:
        for number, run in enumerate(self.told):
            if run.row.origin is not Origin.ALERT:
                continue
            earlier = [
                r.at
                for r in self.told[:number]
                if (r.row.target, r.row.action) == (run.row.target, run.row.action)
            ]
            assert all(run.at - moment >= COOLDOWN for moment in earlier)
            for span, most in ((timedelta(hours=1), "hour"), (timedelta(days=1), "day")):
                assert sum(run.at - moment < span for moment in earlier) < ATTEMPTS[most]
        of_episodes = [(r.row.episode_id, r.row.action) for r in self.told if r.row.episode_id]
        assert all(of_episodes.count(key) <= ATTEMPTS["episode"] for key in of_episodes)

    @invariant()
    def each_remediation_tells_the_target_once(self) -> None:
        ids = [run.row.id for run in self.told]
        assert len(ids) == len(set(ids))
