"""Wherever a process ends, the next one goes on: one effect, and every step may begin twice."""

from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError

from featurewatch_receiver.actions.base import Plan
from featurewatch_receiver.automation import prepare, remediations
from featurewatch_receiver.automation.prepare import Task
from featurewatch_receiver.automation.remediations import Step
from featurewatch_receiver.automation.source import Readings
from featurewatch_receiver.errors import (
    TargetRefusedError,
    TargetSilentError,
    TargetUnreachableError,
    TargetUnreadyError,
)
from featurewatch_receiver.states import State
from receiver.flows import Flow, Platform
from receiver.payloads import Json, alert

STEPS = ("prepare", "carry_out", "verify", "conclude")
ACTIONS = {
    "scale_up_deployment": "scale 2",
    "restart_deployment": "restart",
    "clear_cache": "clear feature_cache",
    "trigger_retraining": "train cnn_lstm_model for FeatureExtractionLatencyCritical",
}
MakeFlow = Callable[[], Flow]


class Crash(BaseException):
    """The process is gone."""


@pytest.fixture
def respond(settings: Json) -> Callable[[str], None]:
    """Let one action be the alert's response."""

    def choose(action: str) -> None:
        settings["responses"]["actions"][action]["mode"] = "auto"
        settings["alerts"]["FeatureExtractionLatencyCritical"]["responses"] = [action]

    return choose


@pytest.mark.parametrize("action", ACTIONS)
def test_each_step_may_be_begun_twice(
    make_flow: MakeFlow, respond: Callable[[str], None], action: str
) -> None:
    respond(action)
    flow = make_flow()
    flow.deliver(alert())
    row_id = flow.only().id
    for number, _ in enumerate(STEPS):
        for name in STEPS[: number + 1]:  # the engine begins with the first step again
            getattr(flow.remediator, name)(row_id)
    assert [effect.startswith(ACTIONS[action]) for effect in flow.platform.effects] == [True]
    assert flow.states(row_id) == ["planned", "running", "verifying", "done"]
    assert len(flow.rows()) == 1


@pytest.mark.parametrize("action", ACTIONS)
def test_a_crash_between_the_effect_and_its_record_repeats_nothing(
    make_flow: MakeFlow, respond: Callable[[str], None], platform: Platform, action: str
) -> None:
    respond(action)
    first = make_flow()
    first.deliver(alert())
    row_id = first.only().id
    platform.lost_answers = [Crash()]
    assert first.remediator.prepare(row_id)
    with pytest.raises(Crash):
        first.remediator.carry_out(row_id)
    assert (first.row(row_id).state, len(platform.effects)) == (State.RUNNING, 1)
    second = make_flow()
    assert second.run(row_id).state == "done"
    assert len(platform.effects) == 1


@pytest.mark.parametrize("entered", ["running", "verifying", "done"])
def test_a_database_that_is_away_at_a_change_of_state_costs_nothing_but_time(
    make_flow: MakeFlow, platform: Platform, monkeypatch: pytest.MonkeyPatch, entered: str
) -> None:
    flow = make_flow()
    flow.deliver(alert())
    row_id = flow.only().id
    enter, away = remediations.enter, [OperationalError("UPDATE", {}, Exception("locked"))]

    def fail_once(connection: object, row: str, step: Step, **values: object) -> bool:
        if step.state == entered and away:
            raise away.pop()
        return enter(connection, row, step, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(remediations, "enter", fail_once)
    with pytest.raises(OperationalError):
        flow.run(row_id)
    assert flow.run(row_id).state == "done"
    assert platform.effects == ["scale 2"]


@pytest.mark.parametrize("action", ACTIONS)
def test_an_answer_that_is_lost_is_looked_up_and_not_repeated(
    make_flow: MakeFlow, respond: Callable[[str], None], platform: Platform, action: str
) -> None:
    respond(action)
    flow = make_flow()
    flow.deliver(alert())
    platform.lost_answers = [TargetSilentError("no answer")]
    assert flow.run(flow.only().id).state == "done"
    assert len(platform.effects) == 1


def test_two_processes_that_prepare_one_remediation_make_one_plan(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, platform: Platform
) -> None:
    flow.deliver(alert())
    row_id = flow.only().id
    let_run = prepare.let_run

    def overtaken(task: Task, _: Plan, readings: Readings) -> None:
        monkeypatch.setattr(prepare, "let_run", let_run)
        assert flow.remediator.prepare(row_id)
        assert flow.remediator.carry_out(row_id)
        let_run(task, {"replicas": 9}, readings)

    monkeypatch.setattr(prepare, "let_run", overtaken)
    flow.remediator.prepare(row_id)
    plan = flow.only().plan
    assert plan is not None
    assert (flow.only().state, plan["replicas"], platform.effects) == (
        State.VERIFYING,
        2,
        ["scale 2"],
    )


def test_a_plan_is_kept_as_it_will_be_read_again(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd:
        where, reverted_by = "backend", None

        def plan(self, *_: object) -> Json:
            return {"at": object()}

    monkeypatch.setattr(
        "featurewatch_receiver.automation.prepare.actions", lambda: {"scale_up_deployment": Odd()}
    )
    flow.deliver(alert())
    assert not flow.remediator.prepare(flow.only().id)
    assert flow.became() == [("scale_up_deployment", "failed", "internal_error")]
    assert "not JSON serializable" in flow.detail(flow.only().id)


def test_what_a_target_says_is_kept_without_what_postgresql_cannot_hold(
    flow: Flow, platform: Platform
) -> None:
    flow.deliver(alert())
    platform.refusals = [TargetRefusedError("a\0b")]
    flow.run(flow.only().id)
    assert flow.detail(flow.rows()[0].id) == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("error", [TargetSilentError, TargetUnreachableError, TargetUnreadyError])
def test_a_way_back_waits_for_a_target_that_is_away_for_a_moment(
    flow: Flow, platform: Platform, error: type[Exception]
) -> None:
    flow.deliver(alert())
    platform.settles = False

    def fail() -> None:
        platform.become(fault="CrashLoopBackOff")
        platform.refusals = [error("away")] * 3

    flow.pauses.calls = [fail]
    flow.run(flow.only().id)
    assert platform.effects == ["scale 2", "scale 1"]
    assert flow.detail(flow.rows()[0].id).endswith("CrashLoopBackOff; back to 1 replicas")
