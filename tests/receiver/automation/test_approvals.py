"""Actions that wait for a person: approved, denied, forgotten, overtaken by events."""

from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import DropTable

from featurewatch_receiver.acts.approve import approve as approving
from featurewatch_receiver.acts.base import Doing
from featurewatch_receiver.automation.planner import Planner
from featurewatch_receiver.automation.remediations import Decision
from featurewatch_receiver.errors import ConflictError
from featurewatch_receiver.states import State
from featurewatch_receiver.store.schema import audit
from receiver.flows import SAID, Flow, Platform
from receiver.payloads import Json, alert, at

UP = "scale_up_deployment"
CACHE = "FeatureExtractionCacheHitRateLow"


@pytest.fixture
def waiting(make_flow: Callable[[], Flow], settings: Json) -> Flow:
    """A plan to scale from 1 to 2 waits since now."""
    settings["responses"]["actions"][UP]["mode"] = "approve"
    flow = make_flow()
    flow.deliver(alert())
    flow.work()
    assert flow.only().state is State.AWAITING_APPROVAL
    assert flow.platform.effects == []
    return flow


def approve(flow: Flow) -> bool:
    return flow.approve(flow.rows()[0].id)


def test_an_approved_plan_runs_and_names_who_approved_it(waiting: Flow) -> None:
    assert approve(waiting)
    waiting.work()
    row = waiting.rows()[0]
    assert (row.state, row.approved_by, waiting.platform.effects) == ("done", "anna", ["scale 2"])
    states = ["planned", "awaiting_approval", "planned", "running", "verifying", "done"]
    assert waiting.states(row.id) == states


def test_the_time_to_wait_is_not_the_time_to_act(waiting: Flow) -> None:
    waiting.later(minutes=29)  # the timeout is 5 s
    assert approve(waiting)
    waiting.work()
    assert waiting.rows()[0].state == "done"


def test_it_can_be_approved_once(waiting: Flow) -> None:
    assert approve(waiting)
    assert not approve(waiting)
    waiting.work()
    assert not approve(waiting)
    assert not waiting.approve("nothing")
    assert waiting.platform.effects == ["scale 2"]


def test_a_plan_that_has_changed_meanwhile_waits_once_more(
    waiting: Flow, platform: Platform
) -> None:
    platform.become(replicas=2, ready_replicas=2)
    assert approve(waiting)
    waiting.work()
    row = waiting.only()
    assert (row.state, row.reason, row.approved_by) == ("awaiting_approval", "plan_changed", None)
    assert row.plan == {"deployment": "feature_extractor", "seen": 2, "replicas": 3}
    assert approve(waiting)
    waiting.work()
    assert platform.effects == ["scale 3"]


@pytest.mark.parametrize("end", ["deny", "expire"])
def test_what_was_denied_or_forgotten_stays_undone(waiting: Flow, end: str) -> None:
    if end == "deny":
        assert waiting.deny(waiting.only().id)
    waiting.later(minutes=30.1)
    waiting.tend()
    reason = "approval_denied" if end == "deny" else "approval_expired"
    assert waiting.became() == [(UP, "skipped", reason)]
    # It only waited: that is no duration of an action.
    worked = f'featurewatch_receiver_remediation_duration_seconds_count{{action="{UP}"}}'
    assert f"{worked} 0.0" in waiting.core.metrics.text().decode()
    assert not approve(waiting)
    assert not waiting.deny(waiting.only().id)
    waiting.deliver(alert())
    waiting.later(hours=3)
    waiting.tend()
    assert (len(waiting.rows()), waiting.platform.effects) == (1, [])


def test_it_expires_not_before_its_time(waiting: Flow) -> None:
    waiting.later(minutes=29.9)
    waiting.tend()
    assert waiting.only().state is State.AWAITING_APPROVAL


def test_an_approval_comes_too_late_for_an_alert_that_has_ended(waiting: Flow) -> None:
    waiting.deliver(alert(end=at(59)))
    assert approve(waiting)
    waiting.work()
    assert waiting.became() == [(UP, "skipped", "alert_resolved")]
    assert waiting.platform.effects == []


def test_an_approval_does_not_outlast_the_moment_it_was_given_for(waiting: Flow) -> None:
    waiting.kill_switch(True)
    assert approve(waiting)
    waiting.work()
    assert waiting.became() == [(UP, "skipped", "kill_switch")]
    waiting.kill_switch(False)
    waiting.later(hours=5)
    waiting.tend()
    waiting.work()
    row = waiting.only()
    assert (row.state, row.approved_by) == (State.AWAITING_APPROVAL, None)
    assert waiting.platform.effects == []


def test_a_plan_that_waits_does_not_keep_the_target_from_others(waiting: Flow) -> None:
    waiting.deliver(alert(CACHE))
    waiting.work()
    assert waiting.platform.effects == ["clear feature_cache"]
    assert approve(waiting)
    waiting.work()
    assert waiting.platform.effects == ["clear feature_cache", "scale 2"]


@pytest.mark.parametrize("at_work", [False, True])
def test_a_plan_is_not_approved_while_another_action_has_the_target(
    waiting: Flow, at_work: bool
) -> None:
    """Neither takes the other's place: the plan goes on waiting, and what came first goes on."""
    plan = waiting.only().id
    waiting.deliver(alert(CACHE))
    first = waiting.rows()[1].id
    if at_work:
        assert waiting.remediator.prepare(first)
    refusal = (
        "remediation: another action is at work on feature_extractor;"
        " approve it when that has ended, the plan goes on waiting"
    )
    with pytest.raises(ConflictError, match=f"^{refusal}$"):
        approving(Doing(core=waiting.core, queue=waiting.queue, subject=plan, said=SAID))
    assert (waiting.row(plan).state, waiting.row(plan).approved_by) == ("awaiting_approval", None)
    assert waiting.run(first).state == "done"
    assert approve(waiting)
    waiting.work()
    assert waiting.platform.effects == ["clear feature_cache", "scale 2"]


@pytest.mark.parametrize("act", ["approve", "deny", "cancel"])
def test_what_can_not_be_written_down_is_not_done(waiting: Flow, act: str) -> None:
    """Nobody lets a plan run, or stops one, without a row in the audit."""
    with waiting.core.writer.begin() as connection:
        connection.execute(DropTable(audit))
    before = waiting.only()
    with pytest.raises(OperationalError, match="no such table: audit"):
        getattr(waiting, act)(before.id)
    assert waiting.only() == before
    assert waiting.states(before.id) == ["planned", "awaiting_approval"]


def test_what_a_person_asks_for_needs_no_approval_and_keeps_the_budgets_of_nobody(
    make_flow: Callable[[], Flow], settings: Json
) -> None:
    settings["responses"]["actions"][UP] |= {
        "mode": "approve",
        "attempts": {"episode": 1, "hour": 1, "day": 1},
    }
    flow = make_flow()
    for number in (1, 2):
        assert ask(flow, UP, f"manual:{number}").skip is None
        flow.work()
    assert flow.platform.effects == ["scale 2", "scale 3"]
    assert [row.requested_by for row in flow.rows()] == ["anna", "anna"]
    flow.deliver(alert())
    assert flow.became()[2] == (UP, "skipped", "cooldown")


def test_what_a_person_runs_for_an_alert_is_given_time_before_anything_else(
    make_flow: Callable[[], Flow], platform: Platform
) -> None:
    flow = make_flow()
    flow.kill_switch(True)
    flow.deliver(alert())
    flow.kill_switch(False)
    ask(flow, "clear_cache", "manual:1", flow.only().episode_id)
    flow.tend()
    assert len(flow.rows()) == 2
    flow.work()
    flow.tend()
    flow.work()
    assert platform.effects == ["clear feature_cache"]
    flow.later(minutes=5.1)
    flow.tend()
    flow.work()
    assert platform.effects == ["clear feature_cache", "scale 2"]


@pytest.mark.parametrize("busy", [False, True])
def test_a_person_is_held_back_by_what_protects_the_target(flow: Flow, busy: bool) -> None:
    if busy:
        flow.deliver(alert())
    else:
        flow.kill_switch(True)
    asked = ask(flow, "clear_cache", "manual:1")
    assert asked.skip == ("target_busy" if busy else "kill_switch")


def ask(flow: Flow, action: str, row_id: str, episode_id: str | None = None) -> Decision:
    """A person asks for an action."""
    with flow.core.writer.begin() as connection:
        return Planner(flow.core, connection, flow.queue).ask(
            action,
            "feature_extractor",
            row_id=row_id,
            episode_id=episode_id,
            user="anna",
            reason="I say so",
        )
