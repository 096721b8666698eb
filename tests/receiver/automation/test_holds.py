"""The next level waits while an action is at work; on the real Alertmanager.

The receiver's clock stands where the real one does: a hold's end is by Alertmanager's.
"""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from featurewatch_receiver.automation import holds, remediations
from featurewatch_receiver.clients.alertmanager import Alertmanager
from featurewatch_receiver.errors import TargetRefusedError
from featurewatch_receiver.silences.acknowledgement import Acknowledger, Kind, Note
from featurewatch_receiver.states import State
from receiver.flows import Flow, Platform
from receiver.live_alertmanager import LATENCY, LiveAlertmanager
from receiver.payloads import Json, alert
from receiver.stand_in_prometheus import StandInPrometheus

WANTED = {"alertname": LATENCY["alertname"], "extractor": "extractor"}
MakeFlow = Callable[[], Flow]


@pytest.fixture
def hold_settings(settings: Json, live: LiveAlertmanager, prometheus: StandInPrometheus) -> Json:
    """Ten minutes at most; an action may take 60 s, and 3 minutes more to show."""
    del prometheus  # it is in the settings
    settings["targets"]["extractor"] = settings["targets"]["feature_extractor"]
    settings["receiver"]["alertmanager_url"] = live.url
    responses: Json = settings["responses"]
    responses |= {"timeout": "60s", "hold": "10m"}
    return responses


@pytest.fixture
def fire(
    make_flow: MakeFlow,
    hold_settings: Json,
    live: LiveAlertmanager,
    prometheus: StandInPrometheus,
) -> Callable[[], Flow]:
    """The first level has spoken, and the action, which will help, is about to tell the target."""
    del hold_settings

    def begin() -> Flow:
        flow = make_flow()
        flow.clock.now = datetime.now(UTC)
        live.fire()
        live.wait_told(1)
        labels = {name: value for name, value in LATENCY.items() if name != "alertname"}
        flow.deliver(
            alert(LATENCY["alertname"], start=flow.clock.now, extractor="extractor", **labels)
        )
        assert flow.remediator.prepare(flow.only().id)
        prometheus.values["p95"] = [0.1]
        return flow

    return begin


def left(live: LiveAlertmanager) -> timedelta | None:
    """How long the only hold still lasts; None when there is none."""
    found = live.silences()
    if not found:
        return None
    (silence,) = found
    assert silence["comment"].startswith("featurewatch hold at level 1:")
    return datetime.fromisoformat(silence["endsAt"]) - datetime.now(UTC)


def test_the_next_level_waits_while_the_action_is_at_work(
    fire: Callable[[], Flow], live: LiveAlertmanager
) -> None:
    flow = fire()
    assert flow.remediator.carry_out(flow.only().id)
    hold = left(live)
    assert hold is not None
    assert timedelta(seconds=200) < hold <= timedelta(seconds=240)
    assert flow.only().hold_id == live.silences()[0]["id"]
    live.fire(level=2)
    live.flush()
    assert ("extractor", "critical", "2") not in live.told()


def test_a_failure_lets_it_speak_at_once(
    fire: Callable[[], Flow], live: LiveAlertmanager, platform: Platform
) -> None:
    flow = fire()
    platform.settles = False
    held: list[timedelta | None] = []

    def fault() -> None:
        held.append(left(live))
        live.fire(level=2)
        platform.become(fault="CrashLoopBackOff")

    flow.pauses.calls = [fault]
    assert flow.run(flow.only().id).state is State.FAILED
    assert held[0] is not None
    assert left(live) is None
    live.wait_told(2)


@pytest.mark.parametrize(
    ("seen", "state", "kept"),
    [([0.1], "effective", True), ([0.3], "ineffective", False), ([], "inconclusive", False)],
)
def test_after_a_cure_it_waits_for_the_decay_and_after_nothing_else(  # noqa: PLR0913, PLR0917
    fire: Callable[[], Flow],
    live: LiveAlertmanager,
    prometheus: StandInPrometheus,
    seen: list[float],
    state: str,
    kept: bool,
) -> None:
    flow = fire()
    prometheus.values["p95"] = seen
    assert flow.run(flow.only().id).state == state
    hold = left(live)
    assert (hold is not None) == kept
    if hold:
        assert timedelta(minutes=4.5) < hold <= timedelta(minutes=5)


def test_it_never_lasts_beyond_its_deadline_even_when_the_receiver_is_gone(
    fire: Callable[[], Flow], make_flow: MakeFlow, hold_settings: Json, live: LiveAlertmanager
) -> None:
    hold_settings["hold"] = "90s"
    flow = fire()
    assert flow.remediator.carry_out(flow.only().id)
    hold = left(live)
    assert hold is not None
    assert hold <= timedelta(seconds=90)
    # The receiver is gone now; another one goes on a minute later, and buys no more time.
    second = make_flow()
    second.clock.now = flow.clock.now + timedelta(seconds=60)
    assert second.run(second.only().id).state == "effective"
    hold = left(live)
    assert hold is not None
    assert hold <= timedelta(seconds=90)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_what_a_person_says_wins(
    fire: Callable[[], Flow], live: LiveAlertmanager, client: Alertmanager, when: str
) -> None:
    flow = fire()

    def acknowledge() -> None:
        Acknowledger(client).acknowledge(WANTED, Note(user="anna", reason="I look"))

    if when == "before":
        acknowledge()
        assert flow.remediator.carry_out(flow.only().id)
    else:
        assert flow.remediator.carry_out(flow.only().id)
        acknowledge()
    flow.run(flow.only().id)
    (made,) = Acknowledger(client).current()
    assert (made.kind, made.user) == (Kind.ACK, "anna")


class Ended(BaseException):
    """The process is gone."""


def test_a_hold_of_a_process_that_was_gone_before_it_knew_is_replaced_and_released(
    fire: Callable[[], Flow],
    live: LiveAlertmanager,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def end(*_: object, **__: object) -> None:
        raise Ended

    flow = fire()
    with monkeypatch.context() as gone:
        gone.setattr(remediations, "note", end)
        with pytest.raises(Ended):
            flow.remediator.carry_out(flow.only().id)
    first = live.silences()[0]["id"]
    assert flow.remediator.carry_out(flow.only().id)
    (second,) = live.silences()
    assert second["id"] == flow.only().hold_id != first
    assert flow.cancel(flow.only().id)
    flow.remediator.conclude(flow.only().id)
    assert live.silences() == []


def test_a_hold_that_could_not_be_released_is_found_by_the_sweep(
    fire: Callable[[], Flow], live: LiveAlertmanager, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = fire()
    assert flow.remediator.carry_out(flow.only().id)
    with closing(Alertmanager(live.url)) as client:
        holds.sweep(flow.core, client)
        assert left(live)  # it is at work
        assert flow.cancel(flow.only().id)
        with monkeypatch.context() as away:
            away.setattr(holds, "release", lambda *_: None)
            flow.remediator.conclude(flow.only().id)
        assert left(live)
        holds.sweep(flow.core, client)
    assert left(live) is None


def test_an_alertmanager_that_is_away_holds_up_no_action(
    fire: Callable[[], Flow], live: LiveAlertmanager, platform: Platform
) -> None:
    flow = fire()
    live.stop()
    assert flow.run(flow.only().id).state == "effective"
    assert (flow.only().hold_id, platform.effects) == (None, ["scale 2"])


@pytest.mark.parametrize("why", ["by a person", "hold is 0s", "refused"])
def test_nobody_is_held_back_without_need(
    fire: Callable[[], Flow], hold_settings: Json, live: LiveAlertmanager, why: str
) -> None:
    if why == "hold is 0s":
        hold_settings["hold"] = "0s"
    flow = fire()
    if why == "by a person":
        with flow.core.writer.begin() as connection:
            connection.exec_driver_sql("UPDATE remediations SET origin = 'person'")
    if why == "refused":
        flow.platform.refusals = [TargetRefusedError("no")]
    flow.run(flow.only().id)
    assert left(live) is None
