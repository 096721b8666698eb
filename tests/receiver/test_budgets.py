"""Whatever happens in whatever order: no action runs more often, or sooner, than its bounds say.

The engine does not run, and nothing keeps two workflows of one target apart: the guards must.
"""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as runs
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from featurewatch_receiver import approvals, ledger, remediations, remediator
from featurewatch_receiver.config import ReceiverConfig
from featurewatch_receiver.core import open_core
from featurewatch_receiver.planner import Planner
from featurewatch_receiver.remediations import ACTIVE, Origin, Remediation, State, Step
from featurewatch_receiver.tokens import read_tokens
from receiver.automation import Flow, Platform
from receiver.payloads import T0, Json, alert, at

TARGETS = ["feature_extractor", "other_extractor"]
ALERTS = {
    "FeatureExtractionLatencyCritical": ["scale_up_deployment", "clear_cache"],
    "FeatureExtractionCacheHitRateLow": ["clear_cache", "restart_deployment"],
    "FeatureExtractionErrorRateHigh": ["restart_deployment"],
}
ATTEMPTS = {"episode": 2, "hour": 2, "day": 3}
COOLDOWN = timedelta(minutes=10)
AT_WORK = (State.RUNNING, State.VERIFYING)
ENDS = [State.EFFECTIVE, State.INEFFECTIVE, State.INCONCLUSIVE, State.DONE]


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
        own = {"receiver": self.config.receiver.model_copy(update={"database": f"sqlite:///{file}"})}
        config = self.config.model_copy(update=own)
        self.clock, self.platform = Clock(), Platform()
        Machine.current = self
        core = open_core(config, read_tokens(config), self.clock)
        self.flow = Flow(core, NoQueue(), self.clock, self.platform)  # type: ignore[arg-type]
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

    @rule(minutes=st.sampled_from([1, 3, 6, 11, 40, 61, 600, 1500]))
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
        if row := self._any(data, State):
            core, queue = self.flow.core, self.flow.queue
            if what == "approve":
                approvals.approve(core, queue, row.id, "anna", "go")
            else:
                getattr(approvals, what)(core, row.id, "anna", "no")

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
        if row := self._any(data, [State.PLANNED]):
            self.flow.remediator.prepare(row.id)

    @rule(data=st.data(), refuses=st.booleans(), settles=st.booleans())
    def carry_out(self, data: st.DataObject, refuses: bool, settles: bool) -> None:
        if row := self._any(data, [State.RUNNING]):
            self.platform.settles = settles
            self.platform.refusals = [ValueError("no")] if refuses else []
            told, began = len(self.platform.effects), self.clock.now
            self.flow.remediator.carry_out(row.id)
            if len(self.platform.effects) > told:
                assert not self.killed
                self.told.append(Run(row, began))

    @rule(data=st.data(), state=st.sampled_from(ENDS))
    def verify(self, data: st.DataObject, state: State) -> None:
        if row := self._any(data, [State.VERIFYING]):
            with self.flow.core.writer.begin() as connection:
                step = Step(at=self.clock.now, actor="worker", state=state)
                remediations.enter(connection, row.id, step)

    @rule(data=st.data())
    def conclude(self, data: st.DataObject) -> None:
        if row := self._any(data, remediations.OUTCOMES):
            self.flow.remediator.conclude(row.id)

    @rule()
    def tend(self) -> None:
        self.flow.tend()

    def _any(self, data: st.DataObject, states: Any) -> Remediation | None:
        rows = [row for row in self.flow.rows() if row.state in list(states)]
        return data.draw(st.sampled_from(rows)) if rows else None

    # --- what must hold

    @invariant()
    def one_at_a_time(self) -> None:
        rows = self.flow.rows()
        for target in TARGETS:
            mine = [row for row in rows if row.target == target]
            assert sum(row.state in AT_WORK for row in mine) <= 1
            planned = [row for row in mine if row.state in ACTIVE and row.approved_by is None]
            assert len(planned) <= 1

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


@pytest.fixture
def machine(
    settings: Json, blank_database: Path, monkeypatch: pytest.MonkeyPatch
) -> type[Machine]:
    monkeypatch.setattr(remediator, "open_backend", lambda *_: Machine.current.platform)
    still = SimpleNamespace(monotonic=lambda: (Machine.current.clock.now - T0).total_seconds())
    monkeypatch.setattr("featurewatch_receiver.clock.time", still)
    for name in ("scale_up_deployment", "clear_cache", "restart_deployment"):
        settings["responses"]["actions"][name] |= {
            "mode": "approve" if name == "restart_deployment" else "auto",
            "cooldown": "10m",
            "attempts": ATTEMPTS,
        }
    settings["responses"]["storm"] = {"episodes": 8, "window": "5m"}
    settings["responses"]["actions"]["scale_up_deployment"]["lease"] = "30m"
    settings["alerts"] = {name: {"responses": list_} for name, list_ in ALERTS.items()}
    Machine.config = ReceiverConfig.model_validate(settings)
    Machine.blank = blank_database
    return Machine


def test_budgets_are_kept_whatever_happens(machine: type[Machine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=runs(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_dry_run_counts_as_a_run(make_flow: Any, settings: Json) -> None:
    settings["responses"]["dry_run"] = True
    flow: Flow = make_flow()
    flow.deliver(alert())
    flow.work()
    assert flow.became() == [("scale_up_deployment", "skipped", "dry_run")]
    assert flow.platform.effects == []
    flow.deliver(alert(end=flow.clock.now))
    flow.later(minutes=2)
    flow.deliver(alert(start=at(61)))
    assert flow.became()[1:] == [("scale_up_deployment", "skipped", "cooldown")]
    with flow.core.reader.begin() as connection:
        assert ledger.runs_since(connection, "scale_up_deployment", TARGETS[0], T0) == 1
