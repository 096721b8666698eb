"""Modes of an action, lists of actions, and what stops them."""

from collections.abc import Callable

import pytest

from featurewatch_receiver.automation.prepare import Task
from featurewatch_receiver.backends.base import Deployment
from featurewatch_receiver.errors import TargetRefusedError, TargetUnreachableError
from featurewatch_receiver.states import State
from receiver.flows import Flow, Platform
from receiver.payloads import Json, alert, at

UP, CLEAR, RESTART = "scale_up_deployment", "clear_cache", "restart_deployment"
CRITICAL = "FeatureExtractionLatencyCritical"
MakeFlow = Callable[[], Flow]


@pytest.fixture
def listed(settings: Json) -> Json:
    """One alert with three responses, all on; a cure shows at once."""
    settings["alerts"][CRITICAL] = {"responses": [UP, CLEAR, RESTART], "decay": "0s"}
    for name in (UP, CLEAR, RESTART):
        settings["responses"]["actions"][name] |= {
            "mode": "auto",
            "attempts": {"episode": 1, "hour": 9, "day": 9},
        }
    actions: Json = settings["responses"]["actions"]
    return actions


# --- modes


@pytest.mark.parametrize(
    ("mode", "became", "effects"),
    [
        ("auto", ("done", None), ["scale 2"]),
        ("approve", ("awaiting_approval", None), []),
        ("dry-run", ("skipped", "dry_run"), []),
        ("off", ("skipped", "action_off"), []),
    ],
)
def test_the_mode_says_how_far_an_action_goes(
    make_flow: MakeFlow,
    settings: Json,
    mode: str,
    became: tuple[str, str | None],
    effects: list[str],
) -> None:
    settings["responses"]["actions"][UP]["mode"] = mode
    flow = make_flow()
    flow.deliver(alert())
    flow.work()
    assert flow.became()[0] == (UP, *became)
    assert flow.platform.effects == effects
    planned = {"deployment": "feature_extractor", "seen": 1, "replicas": 2}
    assert flow.rows()[0].plan == (None if mode == "off" else planned)


def test_everything_can_be_tried_without_touching_anything(
    make_flow: MakeFlow, settings: Json
) -> None:
    settings["responses"]["dry_run"] = True
    settings["responses"]["actions"][UP]["mode"] = "approve"
    flow = make_flow()
    flow.deliver(alert())
    flow.work()
    assert flow.became() == [(UP, "skipped", "dry_run")]
    for _ in range(3):
        flow.later(hours=1)
        flow.deliver(alert())
        flow.tend()
    assert (len(flow.rows()), flow.platform.effects) == (1, [])


# --- lists


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize("refusal", [TargetRefusedError("no"), TargetUnreachableError("away")])
def test_when_one_action_fails_the_next_has_its_turn(
    make_flow: MakeFlow, platform: Platform, refusal: Exception
) -> None:
    platform.refusals = [refusal]
    flow = make_flow()
    flow.deliver(alert())
    flow.work()
    assert flow.became()[:2] == [
        (UP, "failed", str(getattr(refusal, "reason", ""))),
        (CLEAR, "done", None),
    ]
    assert platform.effects[0] == "clear feature_cache"


def test_what_is_off_or_at_its_bound_is_passed_over(
    make_flow: MakeFlow, listed: Json, platform: Platform
) -> None:
    listed[CLEAR]["mode"] = "off"
    platform.become(replicas=3, ready_replicas=3)
    flow = make_flow()
    flow.deliver(alert())
    flow.work()
    assert flow.became()[0] == (UP, "skipped", "at_bound")
    flow.deliver(alert())
    flow.work()
    assert flow.became()[1] == (CLEAR, "skipped", "action_off")
    flow.deliver(alert())
    flow.work()
    assert flow.became()[2] == (RESTART, "done", None)
    assert len(platform.effects) == 1


@pytest.mark.usefixtures("listed")
def test_a_reason_that_passes_keeps_the_order(make_flow: MakeFlow, platform: Platform) -> None:
    flow = make_flow()
    flow.kill_switch(True)
    flow.deliver(alert())
    for _ in range(3):
        flow.later(minutes=1)
        flow.tend()
    assert flow.became() == [(UP, "skipped", "kill_switch")]
    assert flow.states(flow.only().id) == ["skipped"]
    flow.kill_switch(False)
    flow.tend()
    flow.work()
    assert flow.became()[0] == (UP, "done", None)
    assert platform.effects[0] == "scale 2"


@pytest.mark.usefixtures("listed")
def test_a_list_is_gone_through_once_for_each_attempt_and_no_more(
    make_flow: MakeFlow, platform: Platform
) -> None:
    flow = make_flow()
    for _ in range(8):
        flow.deliver(alert())
        flow.work()
        flow.later(minutes=11)
    assert [name for name, state, _ in flow.became() if state == "done"] == [UP, CLEAR, RESTART]
    assert {reason for _, state, reason in flow.became() if state == "skipped"} == {
        "attempts_per_episode"
    }
    rows = len(flow.rows())
    flow.tend()
    assert len(flow.rows()) == rows
    assert len(platform.effects) == 3


def test_a_cure_is_given_time_before_the_next_action(
    make_flow: MakeFlow, settings: Json, listed: Json
) -> None:
    del listed
    settings["alerts"][CRITICAL]["decay"] = "5m"
    flow = make_flow()
    flow.deliver(alert())
    flow.work()
    flow.later(minutes=4.9)
    flow.tend()
    assert len(flow.rows()) == 1
    flow.later(minutes=0.2)
    flow.tend()
    flow.work()
    assert [name for name, _, _ in flow.became()] == [UP, CLEAR]


# --- what stops them


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize("before", ["prepare", "carry_out", "act", "verify"])
def test_who_cancels_stops_it_wherever_it_is_and_nothing_follows(
    make_flow: MakeFlow, platform: Platform, before: str
) -> None:
    flow = make_flow()
    flow.deliver(alert())
    row_id = flow.only().id

    def cancel() -> None:
        assert flow.cancel(row_id)

    if before != "prepare":
        assert flow.remediator.prepare(row_id)
    if before == "act":
        platform.settles = False
        flow.pauses.calls = [cancel]
    elif before == "verify":
        assert flow.remediator.carry_out(row_id)
        cancel()
    else:
        cancel()
    row = flow.run(row_id)
    assert (row.state, row.finished_at is not None) == (State.CANCELLED, True)
    assert platform.effects == ([] if before in ("prepare", "carry_out") else ["scale 2"])
    flow.later(hours=2)
    flow.tend()
    assert len(flow.rows()) == 1
    assert not flow.cancel(row_id)


def test_who_cancels_in_the_last_moment_can_rely_on_it(
    flow: Flow, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow.deliver(alert())
    row_id = flow.only().id
    assert flow.remediator.prepare(row_id)
    monkeypatch.setattr(Task, "_is_cancelled", lambda _: False)  # just before
    look = platform.deployment

    def cancel_and_look(name: str) -> Deployment:
        flow.cancel(row_id)
        return look(name)

    monkeypatch.setattr(platform, "deployment", cancel_and_look)
    assert not flow.remediator.carry_out(row_id)
    assert platform.effects == []
    assert flow.only().acted_at is None


def test_the_kill_switch_stops_what_has_not_told_the_target_yet(
    make_flow: MakeFlow, platform: Platform
) -> None:
    flow = make_flow()
    flow.deliver(alert())
    row_id = flow.only().id
    assert flow.remediator.prepare(row_id)
    flow.kill_switch(True)
    flow.run(row_id)
    assert flow.became() == [(UP, "skipped", "kill_switch")]
    assert (platform.effects, flow.only().acted_at) == ([], None)
    flow.kill_switch(False)
    flow.later(minutes=2)
    flow.tend()
    flow.work()
    assert platform.effects == ["scale 2"]


@pytest.mark.usefixtures("listed")
def test_a_failure_is_taken_back_and_says_so(make_flow: MakeFlow, platform: Platform) -> None:
    flow = make_flow()
    flow.deliver(alert())
    platform.settles = False
    flow.pauses.calls = [lambda: platform.become(fault="CrashLoopBackOff")]
    row = flow.run(flow.only().id)
    assert (row.state, row.reason) == (State.FAILED, "rollout_failed")
    assert platform.effects == ["scale 2", "scale 1"]
    expected = "1 of 2 replicas ready: CrashLoopBackOff; back to 1 replicas"
    assert flow.detail(row.id) == expected


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("FeatureExtractionLatencyCritical", {"replicas": 1, "ready_replicas": 1}),
        ("FeatureExtractionErrorRateHigh", {"restart_key": None}),
    ],
)
def test_who_sets_the_target_back_is_not_overruled(
    make_flow: MakeFlow, platform: Platform, settings: Json, name: str, before: Json
) -> None:
    settings["responses"]["timeout"] = "60s"
    settings["responses"]["actions"]["restart_deployment"]["mode"] = "auto"
    platform.settles = False
    flow = make_flow()
    flow.deliver(alert(name))
    flow.pauses.calls = [lambda: platform.become(**before)]
    ended = flow.run(flow.only().id)
    assert (ended.state, ended.reason) == ("failed", "target_changed")
    assert len(platform.effects) == 1


def test_a_target_that_shows_its_change_late_is_waited_for(
    make_flow: MakeFlow, platform: Platform, settings: Json
) -> None:
    settings["responses"]["timeout"] = "60s"
    platform.settles = False
    flow = make_flow()
    flow.deliver(alert())
    old, new = ({"replicas": n, "ready_replicas": n} for n in (1, 2))
    late = [lambda: None] * 5
    flow.pauses.calls = [
        lambda: platform.become(**old),
        *late,
        lambda: platform.become(**new, settled=True),
    ]
    assert flow.run(flow.only().id).state == "done"
    assert platform.effects == ["scale 2"]


@pytest.mark.parametrize("error", [TargetRefusedError("no"), ValueError("a plugin's bug")])
def test_a_failure_that_cannot_be_taken_back_is_recorded_all_the_same(
    flow: Flow, platform: Platform, error: Exception
) -> None:
    flow.deliver(alert())
    platform.settles = False
    flow.pauses.calls = [lambda: platform.become(fault="CrashLoopBackOff")]
    flow.pauses.calls.append(lambda: None)
    assert flow.remediator.prepare(flow.only().id)
    platform.scale(" ", 2, expected=1)
    platform.refusals = [error]
    with flow.core.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE remediations SET acted_at = created_at")
    flow.run(flow.only().id)
    assert flow.became()[0] == (UP, "failed", "rollout_failed")
    assert flow.detail(flow.rows()[0].id).endswith(f"; could not be taken back: {error}")


def test_a_target_that_is_listed_no_more_fails_with_one_line(
    make_flow: MakeFlow, settings: Json
) -> None:
    first = make_flow()
    first.deliver(alert(), alert(extractor="other_extractor", start=at(1)))
    by_target = {row.target: row.id for row in first.rows()}
    row_id, other = by_target["feature_extractor"], by_target["other_extractor"]
    assert first.remediator.prepare(row_id)
    settings["targets"] = {"third": settings["targets"]["other_extractor"]}
    second = make_flow()
    second.run(row_id)
    second.run(other)
    assert (second.row(row_id).state, second.row(row_id).reason) == ("failed", "misconfigured")
    assert second.row(other).reason == "target_not_allowed"
    assert "feature_extractor is listed no more" in second.detail(row_id)
