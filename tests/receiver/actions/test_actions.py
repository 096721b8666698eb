"""Each action on each state of its target: what it plans, does, sees done, and takes back."""

from collections.abc import Callable
from typing import Any

import pytest

from featurewatch_receiver.actions import actions
from featurewatch_receiver.actions.base import Case, Change, Plan, Progress
from featurewatch_receiver.backends.base import ResourceAmounts, Training, TrainingState
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.errors import (
    ActionSkippedError,
    ReceiverError,
    TargetBlindError,
    TargetChangedError,
    TargetFailedError,
    TargetRefusedError,
)
from receiver.flows import Flow, Platform
from receiver.payloads import T0, Json, alert

UP, DOWN = "scale_up_deployment", "scale_down_deployment"
RESTART, CLEAR = "restart_deployment", "clear_cache"
TRAIN, OPTIMIZE = "trigger_retraining", "optimize_resources"
GIB = 2**30
HPA: Json = {"autoscaler": "HorizontalPodAutoscaler fe", "autoscaler_min": 1, "autoscaler_max": 4}
GIVEN: Json = {"resources": ResourceAmounts(cpu=1.0, memory=GIB)}

Do = Callable[..., Plan]


@pytest.fixture
def plan(settings: Json, platform: Platform) -> Do:
    """Plan an action on the platform as it is now."""

    def make(name: str, *, target: Json | None = None, **case: Any) -> Plan:
        config = ReceiverConfig.model_validate(settings)
        bounds = config.targets["feature_extractor"].model_copy(update=target or {})
        known = {"id": "e:a:1", "now": T0, "alertname": "A", "extractor": "fe"}
        settings_of = config.responses.actions.get(name)
        return actions()[name].plan(platform, bounds, settings_of, Case(**known | case))

    return make


def refused(make: Callable[[], object]) -> tuple[str, str]:
    """The reason and the sentence of an action that is not due, or not possible."""
    with pytest.raises(ReceiverError) as error:
        make()
    assert isinstance(error.value, ActionSkippedError | TargetChangedError | TargetFailedError)
    return str(error.value.reason), str(error.value)


def carried_out(name: str, platform: Platform, made: Plan) -> list[str]:
    """Look, act, look: what was done."""
    action = actions()[name]
    assert action.look(platform, made).progress is Progress.TO_DO
    action.act(platform, made, "key")
    return platform.effects


# --- scaling


@pytest.mark.parametrize(
    ("seen", "settings_of", "wanted"),
    [
        ({"replicas": 1}, {}, 2),
        ({"replicas": 2}, {"scale_amount": 5}, 3),
        ({"replicas": 2} | HPA, {}, 3),
        ({"replicas": 1} | HPA | {"autoscaler_min": 2}, {}, 3),
    ],
)
def test_scaling_up_adds_to_what_there_is_within_the_bounds(  # noqa: PLR0913, PLR0917
    plan: Do, platform: Platform, settings: Json, seen: Json, settings_of: Json, wanted: int
) -> None:
    settings["responses"]["actions"][UP] |= settings_of
    platform.become(**seen)
    made = plan(UP)
    assert (made["seen"], made["replicas"]) == (platform.seen.setpoint, wanted)
    assert made.get("through") == seen.get("autoscaler")
    assert carried_out(UP, platform, made) == [f"scale {wanted}"]
    assert actions()[UP].look(platform, made).progress is Progress.DONE
    assert actions()[UP].change(made) == Change(
        before={"replicas": made["seen"]}, after={"replicas": wanted}
    )


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"replicas": 3}, "3 replicas; max_replicas is 3"),
        ({"replicas": 7}, "7 replicas; max_replicas is 3"),
        ({"replicas": 2} | HPA | {"autoscaler_max": 2}, "2 replicas; Horizontal"),
    ],
)
def test_nothing_is_scaled_beyond_its_bound(
    plan: Do, platform: Platform, seen: Json, said: str
) -> None:
    platform.become(**seen)
    reason, detail = refused(lambda: plan(UP))
    assert reason == "at_bound"
    assert said in detail


@pytest.mark.parametrize("name", [UP, DOWN])
@pytest.mark.parametrize("unrest", [{"changing": "1 of 3 pods are new"}, {"fault": "stuck"}])
def test_a_rollout_that_is_half_done_or_stuck_is_not_scaled(
    plan: Do, platform: Platform, name: str, unrest: Json
) -> None:
    platform.become(replicas=2, ready_replicas=2, **unrest)
    reason, detail = refused(lambda: plan(name, target={"min_replicas": 1}))
    assert (reason, detail) == ("rollout_under_way", *unrest.values())


def test_an_autoscaler_may_have_more_replicas_than_were_asked_for(
    plan: Do, platform: Platform
) -> None:
    platform.become(**HPA, replicas=2, ready_replicas=2)
    made = plan(UP)
    platform.become(autoscaler_min=3, replicas=4, ready_replicas=2)
    assert actions()[UP].look(platform, made).progress is Progress.UNDER_WAY
    platform.become(ready_replicas=4)
    assert actions()[UP].look(platform, made).progress is Progress.DONE


def test_scaling_down_stops_at_the_least(plan: Do, platform: Platform, settings: Json) -> None:
    settings["responses"]["actions"][DOWN]["scale_amount"] = 5
    platform.become(replicas=4, ready_replicas=4)
    assert plan(DOWN, target={"min_replicas": 2})["replicas"] == 2
    platform.become(replicas=2)
    least = refused(lambda: plan(DOWN, target={"min_replicas": 2}))
    assert least == ("at_bound", "2 replicas; the least is 2")


def test_the_end_of_a_lease_goes_no_lower_than_it_began(plan: Do, platform: Platform) -> None:
    platform.become(replicas=3, ready_replicas=3)
    back = Change(before={"replicas": 2}, after={"replicas": 3})
    assert plan(DOWN, revert=back)["replicas"] == 2
    platform.become(replicas=5)
    assert refused(lambda: plan(DOWN, revert=back)) == (
        "target_changed",
        "5 replicas; the lease was of 3",
    )


@pytest.mark.parametrize("name", [UP, DOWN])
def test_scaling_is_taken_back_only_where_it_was_done(
    plan: Do, platform: Platform, name: str
) -> None:
    platform.become(replicas=2, ready_replicas=2)
    made = plan(name)
    assert actions()[name].undo(platform, made) is None
    actions()[name].act(platform, made, "key")
    assert actions()[name].undo(platform, made) == "back to 2 replicas"
    assert platform.seen.replicas == 2


# --- restart


def test_a_restart_bears_the_remediations_key_and_can_be_taken_back(
    plan: Do, platform: Platform
) -> None:
    platform.settles = False
    platform.become(restart_key="before")
    made = plan(RESTART)
    assert carried_out(RESTART, platform, made) == ["restart e:a:1"]
    assert actions()[RESTART].look(platform, made).progress is Progress.UNDER_WAY
    platform.become(settled=True)
    assert actions()[RESTART].look(platform, made).progress is Progress.DONE
    assert actions()[RESTART].undo(platform, made) == "back to the replicas of before"
    assert platform.seen.restart_key == "before"
    assert actions()[RESTART].undo(platform, made) is None


@pytest.mark.parametrize(
    ("revision", "said"),
    [
        (8, "back to the replicas of before"),
        (9, "its mark was taken back; what somebody else rolls out since then stays"),
    ],
)
def test_what_is_not_taken_back_with_a_restart_is_told(
    plan: Do, platform: Platform, revision: int, said: str
) -> None:
    platform.become(revision=7)
    made = plan(RESTART)
    carried_out(RESTART, platform, made)
    platform.become(revision=revision)
    assert actions()[RESTART].undo(platform, made) == said


@pytest.mark.parametrize("name", [RESTART, OPTIMIZE])
def test_nothing_is_replaced_while_a_rollout_is_under_way(
    plan: Do, platform: Platform, name: str
) -> None:
    platform.become(settled=False, **GIVEN)
    assert refused(lambda: plan(name))[0] == "rollout_under_way"


@pytest.mark.parametrize("name", [RESTART, OPTIMIZE])
@pytest.mark.parametrize(
    ("kept", "reason"), [("paused", "rollout_under_way"), ("unsafe", "unsafe_rollout")]
)
def test_nothing_is_replaced_where_that_is_paused_or_unsafe(
    plan: Do, platform: Platform, name: str, kept: str, reason: str
) -> None:
    platform.become(**{kept: "so it is"}, **GIVEN)
    change = Change(before={"cpu": 0.5, "memory": GIB}, after={"cpu": 1.0, "memory": GIB})
    assert refused(lambda: plan(name)) == (reason, "so it is")
    assert refused(lambda: plan(name, revert=change)) == (reason, "so it is")


def test_in_place_nothing_is_replaced_so_that_nothing_speaks_against_it(
    plan: Do, platform: Platform
) -> None:
    platform.become(in_place=True, paused="so it is", unsafe="so it is", **GIVEN)
    change = Change(before={"cpu": 0.5, "memory": GIB}, after={"cpu": 1.0, "memory": GIB})
    assert plan(OPTIMIZE, target={"max_cpu": 2.0})["resources"]["cpu"] == 1.5
    assert plan(OPTIMIZE, revert=change)["resources"]["cpu"] == 0.5
    assert refused(lambda: plan(RESTART))[0] == "rollout_under_way"


def test_replicas_that_were_not_all_told_are_told_again(plan: Do, platform: Platform) -> None:
    platform.become(in_place=True, **GIVEN)
    made = plan(OPTIMIZE, target={"max_cpu": 2.0})
    actions()[OPTIMIZE].act(platform, made, "key")
    assert actions()[OPTIMIZE].look(platform, made).progress is Progress.DONE
    platform.become(untold=True)
    assert actions()[OPTIMIZE].look(platform, made).progress is Progress.TO_DO


def test_what_replicas_are_given_where_nobody_can_say_it_is_told_with_the_fix(
    plan: Do, platform: Platform
) -> None:
    platform.become(unsized="fe has the containers a, b; name one")
    with pytest.raises(TargetRefusedError, match="fe has the containers a, b; name one"):
        plan(OPTIMIZE)


def test_a_paused_rollout_is_scaled(plan: Do, platform: Platform) -> None:
    platform.become(paused="so it is")
    assert plan(UP)["replicas"] == 2


@pytest.mark.parametrize("name", [UP, RESTART, OPTIMIZE])
def test_a_rollout_that_fails_is_no_longer_waited_for(
    plan: Do, platform: Platform, name: str
) -> None:
    platform.become(**GIVEN)
    made = plan(name, target={"max_cpu": 2.0})
    actions()[name].act(platform, made, "key")
    platform.become(settled=False, fault="ImagePullBackOff")
    reason, detail = refused(lambda: actions()[name].look(platform, made))
    assert (reason, detail.endswith(": ImagePullBackOff")) == ("rollout_failed", True)


# --- resources


@pytest.mark.parametrize(
    ("violated", "bounds", "wanted"),
    [
        ({"cpu"}, {"max_cpu": 8.0, "max_memory": "8Gi"}, (1.5, GIB)),
        ({"memory"}, {"max_cpu": 8.0, "max_memory": "8Gi"}, (1.0, GIB * 3 // 2)),
        (set(), {"max_cpu": 8.0, "max_memory": "8Gi"}, (1.5, GIB * 3 // 2)),
        ({"cpu", "memory"}, {"max_cpu": 1.25, "max_memory": None}, (1.25, GIB)),
    ],
)
def test_what_is_short_is_multiplied_up_to_the_bound(
    plan: Do, platform: Platform, violated: set[str], bounds: Json, wanted: tuple[float, int]
) -> None:
    platform.become(**GIVEN)
    made = plan(OPTIMIZE, target=bounds, violated=frozenset(violated))
    assert (made["resources"]["cpu"], made["resources"]["memory"]) == wanted
    assert len(carried_out(OPTIMIZE, platform, made)) == 1
    assert actions()[OPTIMIZE].look(platform, made).progress is Progress.DONE
    assert actions()[OPTIMIZE].undo(platform, made) == "back to 1 CPU, 1024 MiB"
    assert platform.seen.resources == GIVEN["resources"]


@pytest.mark.parametrize(
    ("bounds", "violated", "reason"),
    [
        ({}, {"cpu"}, "at_bound"),
        ({"max_cpu": 1.0, "max_memory": "512Mi"}, {"cpu", "memory"}, "at_bound"),
        ({"max_cpu": 8.0}, {"p95_seconds"}, "nothing_to_do"),
    ],
)
def test_resources_stay_where_nothing_may_or_need_be_added(
    plan: Do, platform: Platform, bounds: Json, violated: set[str], reason: str
) -> None:
    platform.become(**GIVEN)
    made = refused(lambda: plan(OPTIMIZE, target=bounds, violated=frozenset(violated)))
    assert made[0] == reason


def test_resources_that_somebody_else_set_are_left_alone(plan: Do, platform: Platform) -> None:
    platform.become(**GIVEN)
    made = plan(OPTIMIZE, target={"max_cpu": 8.0})
    platform.become(resources=ResourceAmounts(cpu=3.0, memory=GIB))
    assert refused(lambda: actions()[OPTIMIZE].look(platform, made))[0] == "target_changed"
    back = Change(before=made["seen"], after=made["resources"])
    assert refused(lambda: plan(OPTIMIZE, revert=back))[0] == "target_changed"
    platform.become(resources=ResourceAmounts(**made["resources"]))
    assert plan(OPTIMIZE, revert=back)["resources"] == made["seen"]


# --- cache and model


def test_a_cache_is_cleared_once_per_key(plan: Do, platform: Platform) -> None:
    made = plan(CLEAR)
    for _ in range(2):
        look = actions()[CLEAR].act(platform, made, "key")
        assert (look.progress, look.detail) == (Progress.DONE, "12 entries cleared")
    assert platform.effects == ["clear feature_cache"]
    assert actions()[CLEAR].undo(platform, made) is None


@pytest.mark.parametrize(
    ("wait", "state", "progress"),
    [
        (False, TrainingState.RUNNING, Progress.DONE),
        (True, TrainingState.RUNNING, Progress.UNDER_WAY),
        (True, TrainingState.SUCCEEDED, Progress.DONE),
    ],
)
def test_a_training_run_is_started_once_and_waited_for_if_told(  # noqa: PLR0913, PLR0917
    plan: Do,
    platform: Platform,
    settings: Json,
    wait: bool,
    state: TrainingState,
    progress: Progress,
) -> None:
    settings["responses"]["actions"][TRAIN]["wait"] = wait
    made = plan(TRAIN)
    assert carried_out(TRAIN, platform, made) == ["train cnn_lstm_model for A"]
    platform.runs[made["run_id"]] = Training(run_id=made["run_id"], state=state)
    assert actions()[TRAIN].look(platform, made).progress is progress
    actions()[TRAIN].act(platform, made, "key")
    assert len(platform.effects) == 1


def test_a_training_run_that_failed_fails_the_action(plan: Do, platform: Platform) -> None:
    made = plan(TRAIN)
    run = Training(run_id=made["run_id"], state=TrainingState.FAILED, detail="no data")
    platform.runs[made["run_id"]] = run
    assert refused(lambda: actions()[TRAIN].look(platform, made)) == (
        "rollout_failed",
        f"run {made['run_id']} failed: no data",
    )


@pytest.mark.parametrize("after", [False, True])
def test_a_target_that_cannot_tell_is_asked_only_before_it_was_told(
    make_flow: Callable[[], Flow], settings: Json, platform: Platform, after: bool
) -> None:
    settings["responses"]["actions"][TRAIN]["mode"] = "auto"
    settings["alerts"]["FeatureExtractionLatencyCritical"]["responses"] = [TRAIN]
    flow = make_flow()
    flow.deliver(alert())
    platform.blind = TargetBlindError("this system keeps no ids")
    if after:
        platform.lost_answers = [SystemExit()]
        assert flow.remediator.prepare(flow.only().id)
        with pytest.raises(SystemExit):
            flow.remediator.carry_out(flow.only().id)
    flow.run(flow.only().id)
    assert len(platform.effects) == 1
    done = ("in_doubt", "outcome_unknown") if after else ("done", None)
    assert flow.became() == [(TRAIN, *done)]
