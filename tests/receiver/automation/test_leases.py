"""What an action has added is taken back when it is quiet, and never what somebody else did."""

from collections.abc import Callable

import pytest
from sqlalchemy import update

from featurewatch_receiver.acts.base import Doing, Said
from featurewatch_receiver.acts.end_lease import end_lease
from featurewatch_receiver.backends.base import Deployment, ResourceAmounts
from featurewatch_receiver.errors import (
    ConflictError,
    TargetRefusedError,
    TargetSilentError,
    TargetUnreachableError,
)
from featurewatch_receiver.states import LeaseEnd
from featurewatch_receiver.store.schema import leases as table
from receiver.flows import Flow, Platform
from receiver.payloads import Json, alert
from receiver.stand_in_prometheus import StandInPrometheus

UP, DOWN, OPTIMIZE = "scale_up_deployment", "scale_down_deployment", "optimize_resources"
LEASE = 30  # minutes
KEEP = Said(user="anna", reason="we keep the replica")
MakeFlow = Callable[[], Flow]


def keep_change(flow: Flow, lease_id: str) -> None:
    """A person keeps a change for good."""
    end_lease(Doing(core=flow.core, queue=flow.queue, subject=lease_id, said=KEEP))


@pytest.fixture
def leased(settings: Json) -> Json:
    """Scaling up is leased for half an hour."""
    settings["responses"]["actions"][UP]["lease"] = f"{LEASE}m"
    settings["targets"]["feature_extractor"]["max_replicas"] = 9
    actions: Json = settings["responses"]["actions"]
    return actions


@pytest.fixture
def begun(make_flow: MakeFlow, leased: Json) -> Flow:
    """From 1 replica to 2, and the alert has just ended."""
    del leased
    flow = make_flow()
    incident(flow)
    (lease,) = flow.leases()
    assert (lease.back_to, lease.changed_to) == ({"replicas": 1}, {"replicas": 2})
    return flow


def incident(flow: Flow) -> None:
    """An alert scales up, and ends."""
    start = flow.clock.now
    flow.deliver(alert(start=start))
    flow.work()
    flow.later(minutes=1)
    flow.deliver(alert(start=start, end=flow.clock.now))
    flow.tend()


def pass_quietly(flow: Flow, minutes: float = LEASE + 0.1) -> None:
    """The tender looks, time passes, and what it then begins is done."""
    flow.tend()
    flow.later(minutes=minutes)
    flow.tend()
    flow.work()


def end_of(flow: Flow) -> str | None:
    """Why the last lease has ended; None while it lasts."""
    why: str | None = flow.leases()[-1].end_reason
    return why


def test_it_is_taken_back_once_it_was_quiet_for_long_enough(begun: Flow) -> None:
    pass_quietly(begun, LEASE - 1)
    assert begun.platform.effects == ["scale 2"]
    pass_quietly(begun, 1.1)
    assert begun.platform.effects == ["scale 2", "scale 1"]
    assert end_of(begun) == "reverted"
    step = begun.rows()[-1]
    assert (step.action, step.origin, step.id) == (DOWN, "lease", f"{begun.leases()[0].id}/1")
    pass_quietly(begun, 600)
    assert len(begun.platform.effects) == 2


def test_no_mode_and_no_budget_keeps_it_up(make_flow: MakeFlow, leased: Json) -> None:
    leased[DOWN] |= {"mode": "off", "attempts": {"episode": 1, "hour": 1, "day": 1}}
    leased[DOWN]["cooldown"] = "0s"
    flow = make_flow()
    for _ in range(3):
        incident(flow)
        pass_quietly(flow)
    assert flow.platform.effects == ["scale 2", "scale 1"] * 3


def test_an_alert_that_returns_makes_it_wait_anew(begun: Flow) -> None:
    begun.later(minutes=LEASE - 1)
    start = begun.clock.now
    begun.deliver(alert("FeatureExtractionLatencyHigh", start=start))
    pass_quietly(begun)
    assert begun.leases()[0].quiet_since is None
    begun.deliver(alert("FeatureExtractionLatencyHigh", start=start, end=begun.clock.now))
    pass_quietly(begun, LEASE - 1)
    assert begun.platform.effects == ["scale 2"]
    pass_quietly(begun, 1.1)
    assert begun.platform.effects == ["scale 2", "scale 1"]


def test_a_second_change_is_covered_by_the_first_and_goes_back_in_steps(
    make_flow: MakeFlow, leased: Json
) -> None:
    leased[DOWN]["cooldown"] = "5m"
    flow = make_flow()
    incident(flow)
    flow.later(minutes=10)
    incident(flow)
    (lease,) = flow.leases()
    assert (lease.back_to, lease.changed_to) == ({"replicas": 1}, {"replicas": 3})
    pass_quietly(flow)
    assert (flow.platform.seen.replicas, end_of(flow)) == (2, None)
    pass_quietly(flow, 1)
    assert flow.leases()[0].waits_for == "cooldown"
    pass_quietly(flow, 5)
    assert (flow.platform.seen.replicas, end_of(flow)) == (1, "reverted")
    assert flow.platform.effects == ["scale 2", "scale 3", "scale 2", "scale 1"]


def test_what_somebody_else_has_changed_is_theirs(begun: Flow) -> None:
    begun.platform.become(replicas=5, ready_replicas=5)
    pass_quietly(begun)
    assert (begun.platform.seen.replicas, end_of(begun)) == (5, "target_changed")
    assert begun.rows()[-1].reason == "target_changed"


def test_what_somebody_added_between_two_changes_is_theirs_too(begun: Flow) -> None:
    begun.platform.become(replicas=5, ready_replicas=5)
    begun.later(minutes=10)
    incident(begun)
    (lease,) = begun.leases()
    assert (lease.back_to, lease.changed_to) == ({"replicas": 5}, {"replicas": 6})
    pass_quietly(begun)
    assert (begun.platform.seen.replicas, end_of(begun)) == (5, "reverted")


def test_a_person_keeps_the_change(begun: Flow) -> None:
    lease_id = begun.leases()[0].id
    assert begun.end_lease(lease_id, LeaseEnd.CANCELLED)
    assert not begun.end_lease(lease_id, LeaseEnd.CANCELLED)
    pass_quietly(begun)
    assert (begun.platform.effects, begun.leases()[0].ended_by) == (["scale 2"], "anna")


@pytest.mark.parametrize("is_prepared", [False, True])
def test_a_person_who_keeps_the_change_stops_the_way_back_that_is_planned(
    begun: Flow, is_prepared: bool
) -> None:
    begun.later(minutes=LEASE + 1)
    begun.tend()
    step = begun.rows()[-1].id
    if is_prepared:
        assert begun.remediator.prepare(step)
    keep_change(begun, begun.leases()[0].id)
    begun.run(step)
    pass_quietly(begun)
    assert (begun.platform.effects, end_of(begun)) == (["scale 2"], "cancelled")
    assert begun.row(step).state == "cancelled"


def test_a_way_back_that_has_begun_is_not_kept_from(begun: Flow) -> None:
    begun.later(minutes=LEASE + 1)
    begun.tend()
    step, lease = begun.rows()[-1].id, begun.leases()[0].id
    refused: list[str] = []

    def keep() -> None:
        with pytest.raises(ConflictError) as told:
            keep_change(begun, lease)
        refused.append(str(told.value))

    begun.platform.settles = False
    begun.pauses.calls = [keep]
    begun.run(step)
    assert refused == [f"lease: its way back has begun; cancel it, {step}, or let it end"]


def test_who_cancels_the_way_back_keeps_the_change(begun: Flow) -> None:
    begun.later(minutes=LEASE + 1)
    begun.tend()
    step = begun.rows()[-1].id
    assert begun.cancel(step)
    begun.run(step)
    assert (begun.platform.effects, end_of(begun)) == (["scale 2"], "cancelled")


def test_after_three_failures_a_person_must_look(begun: Flow) -> None:
    for number in (1, 2, 3):
        assert end_of(begun) is None
        begun.platform.refusals = [TargetRefusedError("quota")] * 2
        pass_quietly(begun)
        assert begun.rows()[-1].id == f"{begun.leases()[0].id}/{number}"
    assert (begun.platform.effects, end_of(begun)) == (["scale 2"], "failed")


def test_the_kill_switch_holds_it_and_says_so(begun: Flow) -> None:
    begun.kill_switch(True)
    pass_quietly(begun)
    assert (begun.platform.effects, begun.leases()[0].waits_for) == (["scale 2"], "kill_switch")
    begun.kill_switch(False)
    pass_quietly(begun, 1)
    assert (begun.leases()[0].waits_for, end_of(begun)) == (None, "reverted")


def test_a_source_that_is_away_for_hours_costs_no_lease(
    make_flow: MakeFlow, leased: Json, prometheus: StandInPrometheus
) -> None:
    del leased
    flow = make_flow()
    incident(flow)
    prometheus.trouble = (503, b"away")
    flow.later(minutes=LEASE + 1)
    for _ in range(4 * 60):
        flow.later(minutes=1)
        flow.tend()
    (lease,) = flow.leases()
    assert (lease.ended_at, lease.waits_for, lease.steps) == (None, "source_unreachable", 0)
    prometheus.trouble = None
    prometheus.values["ALERTS{"] = []
    pass_quietly(flow, 61)
    assert (flow.platform.effects, end_of(flow)) == (["scale 2", "scale 1"], "reverted")


def test_a_restart_of_the_process_in_the_middle_goes_on(make_flow: MakeFlow, begun: Flow) -> None:
    begun.later(minutes=LEASE + 1)
    begun.tend()
    step = begun.rows()[-1].id
    begun.platform.lost_answers = [SystemExit()]
    assert begun.remediator.prepare(step)
    with pytest.raises(SystemExit):
        begun.remediator.carry_out(step)
    second = make_flow()
    second.clock.now = begun.clock.now
    second.tend()
    assert second.run(step).state == "done"
    second.remediator.conclude(step)
    assert second.platform.effects == ["scale 2", "scale 1"]
    assert end_of(second) == "reverted"


def test_the_conclusions_of_one_change_are_drawn_once(begun: Flow) -> None:
    row_id = begun.rows()[0].id
    begun.remediator.conclude(row_id)
    assert len(begun.leases()) == 1
    pass_quietly(begun)
    begun.remediator.conclude(row_id)
    assert [lease.end_reason for lease in begun.leases()] == ["reverted"]


@pytest.mark.parametrize("gone", ["target", "action"])
def test_what_is_configured_no_more_is_forgotten(
    make_flow: MakeFlow, settings: Json, begun: Flow, gone: str
) -> None:
    if gone == "target":
        del settings["targets"]["feature_extractor"]
    else:
        with begun.core.writer.begin() as connection:
            connection.execute(update(table).values(action="of_a_plugin"))
    second = make_flow()
    second.clock.now = begun.clock.now
    pass_quietly(second)
    assert (second.platform.effects, end_of(second)) == (["scale 2"], "forgotten")


def test_a_bound_that_was_raised_meanwhile_ends_it_there(
    make_flow: MakeFlow, settings: Json, begun: Flow
) -> None:
    settings["targets"]["feature_extractor"]["min_replicas"] = 2
    second = make_flow()
    second.clock.now = begun.clock.now
    pass_quietly(second)
    assert (second.platform.effects, end_of(second)) == (["scale 2"], "reverted")


def test_an_alert_during_the_way_back_is_answered_from_where_it_is(
    make_flow: MakeFlow, leased: Json
) -> None:
    leased[DOWN]["cooldown"] = "5m"
    flow = make_flow()
    incident(flow)
    flow.later(minutes=10)
    incident(flow)
    pass_quietly(flow)
    incident(flow)
    assert flow.platform.effects == ["scale 2", "scale 3", "scale 2", "scale 3"]
    for _ in range(3):
        pass_quietly(flow)
    assert (flow.platform.seen.replicas, end_of(flow)) == (1, "reverted")


def test_resources_go_back_in_one_step(
    make_flow: MakeFlow, settings: Json, leased: Json, platform: Platform
) -> None:
    leased[OPTIMIZE] |= {"mode": "auto", "lease": f"{LEASE}m"}
    settings["alerts"]["FeatureExtractionLatencyCritical"]["responses"] = [OPTIMIZE]
    settings["targets"]["feature_extractor"] |= {"max_cpu": 4.0, "max_memory": "4Gi"}
    platform.become(resources=ResourceAmounts(cpu=1.0, memory=2**30))
    flow = make_flow()
    incident(flow)
    pass_quietly(flow)
    assert platform.effects == ["cpu 1.5 memory 1610612736", "cpu 1.0 memory 1073741824"]
    assert end_of(flow) == "reverted"


# --- what ended otherwise than well has changed the target all the same


def began(flow: Flow) -> str:
    """An alert fires, and its action has a plan."""
    flow.deliver(alert(start=flow.clock.now))
    row_id = flow.only().id
    assert flow.remediator.prepare(row_id)
    return row_id


def over(flow: Flow) -> None:
    """The alert ends, and all is quiet for as long as the lease."""
    flow.deliver(alert(start=flow.row(flow.rows()[0].id).created_at, end=flow.clock.now))
    pass_quietly(flow)


@pytest.mark.parametrize("when", ["under way", "verifying"])
def test_what_was_cancelled_after_it_acted_is_taken_back_when_it_is_quiet(
    make_flow: MakeFlow, leased: Json, platform: Platform, when: str
) -> None:
    del leased
    flow = make_flow()
    row_id = began(flow)
    if when == "under way":
        platform.settles = False
        flow.pauses.calls = [lambda: flow.cancel(row_id)]
    else:
        assert flow.remediator.carry_out(row_id)
        assert flow.cancel(row_id)
    assert flow.run(row_id).state == "cancelled"
    (lease,) = flow.leases()
    assert (lease.back_to, lease.changed_to) == ({"replicas": 1}, {"replicas": 2})
    platform.settles = True
    platform.become(settled=True, ready_replicas=2)
    assert platform.effects == ["scale 2"]
    over(flow)
    assert (platform.effects, end_of(flow)) == (["scale 2", "scale 1"], "reverted")


def test_what_was_cancelled_before_it_acted_begins_no_lease(
    make_flow: MakeFlow, leased: Json
) -> None:
    del leased
    flow = make_flow()
    row_id = began(flow)
    assert flow.cancel(row_id)
    assert flow.run(row_id).state == "cancelled"
    assert flow.leases() == []


@pytest.mark.parametrize("undone", [True, False])
def test_a_failure_that_was_not_taken_back_is_leased(
    make_flow: MakeFlow, leased: Json, platform: Platform, undone: bool
) -> None:
    del leased
    flow = make_flow()
    row_id = began(flow)
    platform.settles = False

    def fail() -> None:
        platform.become(fault="CrashLoopBackOff")
        platform.refusals = [] if undone else [TargetRefusedError("quota")]

    flow.pauses.calls = [fail]
    assert flow.run(row_id).reason == "rollout_failed"
    assert platform.effects == (["scale 2", "scale 1"] if undone else ["scale 2"])
    assert len(flow.leases()) == (0 if undone else 1)
    platform.settles = True
    platform.become(fault="", settled=True, ready_replicas=2)
    over(flow)
    assert platform.effects == ["scale 2", "scale 1"]


def test_an_error_of_ours_after_it_acted_leaves_a_lease(
    make_flow: MakeFlow, leased: Json, platform: Platform
) -> None:
    del leased
    flow = make_flow()
    row_id = began(flow)
    platform.lost_answers = [ValueError("a plugin's bug")]
    assert flow.run(row_id).reason == "internal_error"
    assert len(flow.leases()) == 1
    over(flow)
    assert (platform.effects, end_of(flow)) == (["scale 2", "scale 1"], "reverted")


@pytest.mark.parametrize("changed", [True, False])
def test_a_target_that_can_not_be_seen_is_looked_at_again_by_the_lease(
    make_flow: MakeFlow,
    leased: Json,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
    changed: bool,
) -> None:
    """The answer was lost and the target is away: perhaps it was changed, perhaps not."""
    del leased
    flow = make_flow()
    row_id = began(flow)
    scale = platform.scale

    def away(*_: object, **__: object) -> Deployment:
        raise TargetUnreachableError("away")

    with monkeypatch.context() as lost:

        def lose(name: str, setpoint: int, *, expected: int) -> Deployment:
            if changed:
                scale(name, setpoint, expected=expected)
            lost.setattr(platform, "deployment", away)
            raise TargetSilentError("no answer")

        lost.setattr(platform, "scale", lose)
        row = flow.run(row_id)
    assert (row.state, len(flow.leases())) == ("timed_out", 1)
    failed = len(flow.rows())
    over(flow)
    assert platform.effects == (["scale 2", "scale 1"] if changed else [])
    assert end_of(flow) == "reverted"
    assert [row.state for row in flow.rows()[failed:]] == ["done" if changed else "skipped"]


def test_a_way_back_that_failed_halfway_goes_on_from_where_it_is(begun: Flow) -> None:
    """From 3 to 2, and that one can't be taken back; then from 2 to 1."""
    begun.later(minutes=10)
    incident(begun)
    platform = begun.platform
    platform.settles = False

    def fail() -> None:
        platform.become(fault="CrashLoopBackOff")
        platform.refusals = [TargetRefusedError("quota")]

    begun.pauses.calls = [fail]
    pass_quietly(begun)
    assert begun.rows()[-1].reason == "rollout_failed"
    assert begun.leases()[0].changed_to == {"replicas": 2}
    platform.settles = True
    platform.become(fault="", settled=True, ready_replicas=2)
    pass_quietly(begun)
    assert platform.effects == ["scale 2", "scale 3", "scale 2", "scale 1"]
    assert end_of(begun) == "reverted"


def test_what_somebody_else_has_done_just_before_is_theirs(
    make_flow: MakeFlow, leased: Json, platform: Platform
) -> None:
    del leased
    flow = make_flow()
    row_id = began(flow)
    platform.become(replicas=2, ready_replicas=2)
    assert flow.run(row_id).state == "done"
    assert (platform.effects, flow.leases()) == ([], [])


def test_what_somebody_changes_while_it_runs_is_theirs(
    make_flow: MakeFlow, leased: Json, platform: Platform
) -> None:
    del leased
    flow = make_flow()
    row_id = began(flow)
    platform.settles = False
    flow.pauses.calls = [lambda: platform.become(replicas=5, ready_replicas=5, settled=True)]
    assert flow.run(row_id).reason == "target_changed"
    assert (platform.effects, flow.leases()) == (["scale 2"], [])


def test_what_somebody_has_taken_back_already_is_no_failure(begun: Flow) -> None:
    begun.platform.become(replicas=1, ready_replicas=1)
    pass_quietly(begun)
    assert (begun.became()[-1], end_of(begun)) == ((DOWN, "skipped", "at_bound"), "reverted")
    assert begun.platform.effects == ["scale 2"]


def test_dry_run_touches_no_lease(make_flow: MakeFlow, settings: Json, begun: Flow) -> None:
    settings["responses"]["dry_run"] = True
    second = make_flow()
    second.clock.now = begun.clock.now
    pass_quietly(second)
    assert second.leases()[0].waits_for == "dry_run"
    assert second.platform.effects == ["scale 2"]
