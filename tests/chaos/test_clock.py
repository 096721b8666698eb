"""The wall clock is set by hours in the middle of an action: no effect twice, and nothing for ever.

Time limits are kept by the monotonic clock, which goes on; what is compared with a moment on
record (cooldown, attempts, decay) follows the wall clock.
"""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from receiver.flows import Flow, Platform
from receiver.in_process import Receiver
from receiver.payloads import Json, alert, payload
from receiver.stand_in_prometheus import StandInPrometheus
from waiting import eventually

from chaos.aftermath import Aftermath

JUMPS = pytest.mark.parametrize("hours", [5, -5])
TIMEOUT = 60.0
VERIFY = 180.0


class Jumper:
    """A flow whose wall clock can be set while its monotonic clock goes on."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._began = flow.clock.now
        self._jumped = timedelta()

    def monotonic(self) -> float:
        return (self.flow.clock.now - self._began - self._jumped).total_seconds()

    def jump(self, hours: float) -> None:
        self.flow.clock.now += timedelta(hours=hours)
        self._jumped += timedelta(hours=hours)


@pytest.fixture
def jumper(
    settings: Json, make_flow: Callable[[], Flow], monkeypatch: pytest.MonkeyPatch
) -> Jumper:
    settings["responses"]["timeout"] = f"{TIMEOUT:.0f}s"
    jumper = Jumper(make_flow())
    still = SimpleNamespace(monotonic=jumper.monotonic)
    monkeypatch.setattr("featurewatch_receiver.clock.time", still)
    return jumper


@JUMPS
def test_a_jump_while_the_target_changes_does_not_end_the_wait(
    jumper: Jumper, platform: Platform, hours: int
) -> None:
    platform.settles = False
    flow = jumper.flow
    flow.deliver(alert())
    flow.pauses.calls = [lambda: jumper.jump(hours), lambda: None, lambda: arrive(platform)]
    assert flow.run(flow.only().id).state == "done"
    assert platform.effects == ["scale 2"]
    assert jumper.monotonic() < TIMEOUT


@JUMPS
def test_an_action_that_never_arrives_ends_in_its_own_time_whatever_the_clock_says(
    jumper: Jumper, platform: Platform, hours: int
) -> None:
    """Set between planning and acting, when the time that is left is counted anew."""
    platform.settles = False
    flow = jumper.flow
    flow.deliver(alert())
    row = flow.only()
    assert flow.remediator.prepare(row.id)
    jumper.jump(hours)
    assert flow.run(row.id).state == "timed_out"
    assert jumper.monotonic() < 2 * TIMEOUT
    acted = [effect for effect in platform.effects if effect == "scale 2"]
    assert len(acted) == (1 if hours < 0 else 0)  # later than its time it is not begun


@JUMPS
def test_who_takes_over_after_a_jump_repeats_nothing(
    jumper: Jumper, platform: Platform, hours: int
) -> None:
    """The target was told, and its process is gone."""
    platform.settles = False
    platform.lost_answers = [KeyboardInterrupt()]
    flow = jumper.flow
    flow.deliver(alert())
    row = flow.only()
    assert flow.remediator.prepare(row.id)
    with pytest.raises(KeyboardInterrupt):
        flow.remediator.carry_out(row.id)
    jumper.jump(hours)
    arrive(platform)
    assert flow.run(row.id).state == "done"
    assert platform.effects == ["scale 2"]


@JUMPS
def test_verification_ends_in_its_own_time_whatever_the_clock_says(
    prometheus: StandInPrometheus, settings: Json, request: pytest.FixtureRequest, hours: int
) -> None:
    """It ends without a cure: nothing can be measured since a moment that is yet to come."""
    jumper: Jumper = request.getfixturevalue("jumper")
    flow = jumper.flow
    flow.deliver(alert())
    row = flow.only()
    assert flow.remediator.prepare(row.id)
    assert flow.remediator.carry_out(row.id)
    jumper.jump(hours)
    assert flow.run(row.id).state in ("ineffective", "inconclusive")
    assert jumper.monotonic() < TIMEOUT + 2 * VERIFY
    assert flow.platform.effects == ["scale 2"]


def test_after_a_jump_back_nothing_is_done_until_the_clock_is_where_it_was(
    jumper: Jumper, platform: Platform
) -> None:
    flow = jumper.flow
    flow.deliver(alert())
    flow.work()
    jumper.jump(-5)
    for _ in range(4):
        flow.later(hours=1)
        flow.tend()
        flow.deliver(alert())
        flow.work()
    assert platform.effects == ["scale 2"]
    flow.later(hours=1, minutes=6)
    flow.tend()
    flow.work()
    assert platform.effects == ["scale 2", "scale 3"]


def test_a_jump_forward_ends_a_cooldown_but_does_not_raise_the_attempts(
    settings: Json, platform: Platform, request: pytest.FixtureRequest
) -> None:
    """It is as if the time had passed: the alert fires still, and its turn comes again."""
    settings["responses"]["actions"]["scale_up_deployment"]["attempts"]["episode"] = 2
    settings["targets"]["feature_extractor"]["max_replicas"] = 9
    jumper: Jumper = request.getfixturevalue("jumper")
    flow = jumper.flow
    flow.deliver(alert())
    flow.work()
    for _ in range(4):
        jumper.jump(5)
        flow.tend()
        flow.work()
    assert platform.effects == ["scale 2", "scale 3"]
    assert flow.rows()[-1].reason == "attempts_per_episode"


def test_a_jump_forward_does_not_act_again_on_what_is_well(
    prometheus: StandInPrometheus, request: pytest.FixtureRequest
) -> None:
    """Prometheus is asked what its values are now."""
    jumper: Jumper = request.getfixturevalue("jumper")
    flow = jumper.flow
    flow.deliver(alert())
    prometheus.values["p95"] = [0.3]
    row = flow.only()
    assert flow.remediator.prepare(row.id)
    assert flow.remediator.carry_out(row.id)
    prometheus.values["p95"] = [0.05]
    flow.run(row.id)
    assert flow.only().state == "effective"
    jumper.jump(5)
    flow.tend()
    flow.work()
    assert flow.platform.effects == ["scale 2"]
    assert flow.rows()[-1].reason == "already_well"


def test_deliveries_that_wait_are_applied_though_the_clock_was_set_back(
    make_receiver: Callable[[], Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They give way to those that arrive for some seconds, and not for hours."""
    receiver = make_receiver()
    monkeypatch.setattr(receiver.core.arrivals, "are_crowded", lambda: True)
    assert receiver.send(payload(alert())).status_code == 200
    receiver.clock.now -= timedelta(hours=5)
    receiver.start()
    eventually(lambda: Aftermath(receiver.core.config.receiver.database).episodes())


def arrive(platform: Platform) -> None:
    platform.become(ready_replicas=platform.seen.replicas, settled=True)
