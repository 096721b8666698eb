"""From a delivery to its effect at the target."""

import threading
import time
from collections.abc import Callable

import pytest
from waiting import ANSWER_SECONDS, eventually

from featurewatch_receiver.automation.remediator import Remediator
from receiver.in_process import AUTHORIZED, Receiver
from receiver.payloads import Json, alert, at, payload
from receiver.target import Target, TargetServer

CACHE = "FeatureExtractionCacheHitRateLow"


def test_a_critical_latency_scales_up_by_one_and_waits_until_it_is_ready(
    working: Receiver, target: Target
) -> None:
    target.ready_at_once = False
    working.deliver(alert())
    eventually(lambda: target.effects)
    assert working.remediations()[0]["state"] == "running"
    target.ready_replicas = 2
    done = working.finished()
    assert (done["state"], done["reason"], target.effects) == ("done", None, ["scale 2"])
    assert done["plan"] == {"deployment": "feature_extractor", "seen": 1, "replicas": 2}
    assert [step["state"] for step in done["steps"]] == ["planned", "running", "verifying", "done"]
    assert done["steps"][-2]["detail"] == "2 of 2 replicas ready"


def test_a_low_hit_rate_clears_the_cache_under_one_key(working: Receiver, target: Target) -> None:
    working.deliver(alert(CACHE))
    done = working.finished()
    assert (done["state"], target.effects) == ("done", ["clear"])
    assert done["steps"][-2]["detail"] == "12 entries cleared"
    (method, path, _, headers) = target.requests[0]
    assert (method, path) == ("POST", "/admin/caches/feature_cache/clear")
    assert headers["Idempotency-Key"] == done["id"]
    assert headers["User-Agent"].startswith("featurewatch-receiver/")


def test_one_payload_ten_times_at_once_acts_once(working: Receiver, target: Target) -> None:
    body = payload(alert(CACHE))
    codes: list[int] = []

    def post() -> None:
        client = working.client.application.test_client()
        reply = client.post("/api/v1/webhook/alertmanager", json=body, headers=AUTHORIZED)
        codes.append(reply.status_code)

    threads = [threading.Thread(target=post) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 10
    assert working.finished()["state"] == "done"
    assert len(working.episodes()) == 1
    assert target.effects == ["clear"]
    assert len(target.requests) == 1


def test_a_target_at_its_bound_is_left_alone(working: Receiver, target: Target) -> None:
    target.replicas = target.ready_replicas = 3
    working.deliver(alert())
    done = working.finished()
    assert (done["state"], done["reason"]) == ("skipped", "at_bound")
    assert done["steps"][-1]["detail"] == "3 replicas; max_replicas is 3"
    assert target.effects == []


def test_a_target_that_is_down_fails_the_action_at_once(
    working: Receiver, target_server: TargetServer
) -> None:
    target_server.close()
    working.deliver(alert())
    done = working.finished()
    assert (done["state"], done["reason"]) == ("failed", "target_unreachable")
    assert "GET /deployments/feature_extractor: no connection" in done["steps"][-1]["detail"]


@pytest.mark.parametrize("name", ["FeatureExtractionLatencyCritical", CACHE])
def test_a_target_that_is_slow_ends_within_the_time_limit(
    make_receiver: Callable[[], Receiver], settings: Json, target: Target, name: str
) -> None:
    settings["responses"]["timeout"] = "1s"
    target.delay = ANSWER_SECONDS
    receiver = make_receiver()
    receiver.start()
    began = time.monotonic()
    receiver.deliver(alert(name))
    done = receiver.finished()
    assert (done["state"], done["reason"]) == ("timed_out", "deadline_passed")
    assert "no answer within 1.0 s" in done["steps"][-1]["detail"]
    # 1 s, and one last look of at most 1 s: nobody has waited for the answer.
    assert time.monotonic() - began < ANSWER_SECONDS


def test_an_answer_that_drips_counts_as_no_answer(
    make_receiver: Callable[[], Receiver], settings: Json, target: Target
) -> None:
    settings["responses"]["timeout"] = "1s"
    target.drip = 0.2
    receiver = make_receiver()
    receiver.start()
    receiver.deliver(alert())
    assert receiver.finished()["state"] == "timed_out"


def test_replicas_that_never_get_ready_time_out_and_are_taken_back(
    make_receiver: Callable[[], Receiver], settings: Json, target: Target
) -> None:
    settings["responses"]["timeout"] = "1s"
    target.ready_at_once = False
    receiver = make_receiver()
    receiver.start()
    receiver.deliver(alert())
    done = receiver.finished()
    assert (done["state"], target.effects) == ("timed_out", ["scale 2", "scale 1"])
    assert done["steps"][-1]["detail"] == "time is up: 1 of 2 replicas ready; back to 1 replicas"


@pytest.mark.parametrize(
    ("answer", "reason", "detail"),
    [
        ((200, b"<html>"), "target_answer_invalid", "answered <html>"),
        ((200, b'{"name": "feature_extractor"}'), "target_answer_invalid", "replicas is missing"),
        (
            (200, b'{"name":"x","replicas":1,"ready_replicas":1,"generation":1}'),
            "target_answer_invalid",
            "is about x",
        ),
        ((200, b" " * 70_000), "target_answer_invalid", "exceeds 65536 bytes"),
        ((200, b"\xff\xfe"), "target_answer_invalid", "answered"),
        ((302, b""), "target_refused", "answered 302"),
        ((401, b'{"error": "token"}'), "target_refused", 'answered 401 {"error": "token"}'),
        ((500, b"line 1\nline 2"), "target_refused", "answered 500 line 1 line 2"),
    ],
)
def test_an_answer_outside_the_contract_fails_with_its_reason(
    receiver: Receiver, target: Target, answer: tuple[int, bytes], reason: str, detail: str
) -> None:
    target.answers.append(answer)
    receiver.deliver(alert())
    remediator = Remediator(receiver.core, receiver.queue, threading.Event())
    assert not remediator.prepare(receiver.remediations()[0]["id"])
    (done,) = receiver.remediations()
    assert (done["state"], done["reason"], target.effects) == ("failed", reason, [])
    assert detail in done["steps"][-1]["detail"]


def test_a_conflict_means_that_somebody_else_scaled(working: Receiver, target: Target) -> None:
    target.ready_at_once = False
    working.deliver(alert())
    eventually(lambda: target.effects)
    target.replicas = 7
    done = working.finished()
    assert (done["state"], done["reason"]) == ("failed", "target_changed")
    assert done["steps"][-1]["detail"] == "7 replicas; the plan was 1 to 2"


def test_a_target_that_is_away_for_a_moment_while_it_scales_is_forgiven(
    working: Receiver, target: Target
) -> None:
    target.ready_at_once = False
    working.deliver(alert())
    eventually(lambda: target.effects)
    target.answers += [(502, b"bad gateway")] * 3
    target.ready_replicas = 2
    assert working.finished()["state"] == "done"
    assert target.effects == ["scale 2"]


class Pauses(threading.Event):
    """Never set; calls what belongs to each pause between two looks at the target."""

    def __init__(self, *calls: Callable[[], object]) -> None:
        super().__init__()
        self.calls = list(calls)

    def wait(self, timeout: float | None = None) -> bool:
        if self.calls:
            self.calls.pop(0)()
        return super().wait(timeout)


def test_a_target_that_goes_down_with_the_answer_is_waited_for(
    receiver: Receiver, target: Target, target_server: TargetServer
) -> None:
    back: list[TargetServer] = []
    port = target_server.server_address[1]
    pauses = Pauses(
        target_server.close,
        lambda: None,
        lambda: back.append(TargetServer(target, port)),
    )
    target.cuts = 1
    receiver.deliver(alert(CACHE))
    row_id = receiver.remediations()[0]["id"]
    remediator = Remediator(receiver.core, receiver.queue, pauses, look_again=0.5)
    try:
        assert remediator.prepare(row_id)
        assert remediator.carry_out(row_id)
    finally:
        for server in back:
            server.close()
    assert pauses.calls == []
    (done,) = receiver.remediations()
    assert (done["state"], done["reason"], target.effects) == ("verifying", None, ["clear"])
    assert len(target.requests) == 2


def test_a_target_that_stays_down_after_it_cut_the_answer_off_times_out(
    make_receiver: Callable[[], Receiver],
    settings: Json,
    target: Target,
    target_server: TargetServer,
) -> None:
    settings["responses"]["timeout"] = "5s"
    receiver = make_receiver()
    target.cuts = 1
    pauses = Pauses(target_server.close)
    receiver.deliver(alert(CACHE))
    row_id = receiver.remediations()[0]["id"]
    remediator = Remediator(receiver.core, receiver.queue, pauses)
    assert remediator.prepare(row_id)
    assert not remediator.carry_out(row_id)
    (done,) = receiver.remediations()
    assert (done["state"], done["reason"]) == ("timed_out", "deadline_passed")
    assert "no connection" in done["steps"][-1]["detail"]


def test_an_alert_that_resolved_before_its_action_began_runs_none(
    receiver: Receiver, target: Target
) -> None:
    receiver.deliver(alert())
    receiver.deliver(alert(end=at(1)))
    assert receiver.remediations()[0]["state"] == "planned"
    receiver.start()
    done = receiver.finished()
    assert (done["state"], done["reason"], target.effects) == ("skipped", "alert_resolved", [])


def test_no_label_of_an_alert_reaches_the_target(working: Receiver, target: Target) -> None:
    """An alert of the right name about the right extractor; all else in it wants to be run."""
    evil = '"}; $(reboot) {{run_id}} ../../x?y=1#z \r\nX-Evil: 1 \N{RIGHT-TO-LEFT OVERRIDE}'
    names = ("severity", "instance", "job", "namespace", "deployment", "replicas", "url", "cache")
    hostile = alert(**dict.fromkeys(names, evil)) | {"generatorURL": evil}
    hostile["annotations"] = dict.fromkeys(("summary", "description", "runbook_url"), evil)
    working.deliver(hostile)
    assert working.finished()["state"] == "done"
    assert target.effects == ["scale 2"]
    assert {path for _, path, _, _ in target.requests} == {"/admin/deployments/feature_extractor"}
    told = [f"{body} {headers}" for _, _, body, headers in target.requests]
    assert [text for text in told if "reboot" in text or "Evil" in text] == []


def test_two_targets_are_served_side_by_side(working: Receiver, target: Target) -> None:
    target.delay = 0.5
    working.deliver(alert(CACHE), alert(CACHE, extractor="other_extractor"))
    eventually(lambda: all(r["finished_at"] for r in working.remediations()))
    assert target.effects == ["clear", "clear"]
    assert target.most_running == 2


@pytest.mark.parametrize(
    ("name", "effects"),
    [("FeatureExtractionLatencyCritical", ["scale 2"]), (CACHE, ["clear"])],
)
def test_an_action_that_was_stopped_midway_goes_on_and_acts_no_second_time(
    make_receiver: Callable[[], Receiver], target: Target, name: str, effects: list[str]
) -> None:
    first = make_receiver()
    first.start()
    target.ready_at_once = False
    if name == CACHE:
        target.delay = 0.6  # the answer comes after the stop
    first.deliver(alert(name))
    eventually(lambda: target.effects or target.running)
    first.stop()
    target.delay, target.ready_replicas = 0, 2
    second = make_receiver()
    second.start()
    assert second.finished()["state"] == "done"
    assert target.effects == effects


def test_an_action_found_unfinished_after_its_time_is_looked_at_and_not_repeated(
    make_receiver: Callable[[], Receiver], target: Target
) -> None:
    first = make_receiver()
    target.ready_at_once = False
    first.start()
    first.deliver(alert())
    eventually(lambda: target.effects)
    first.stop()
    puts = [r for r in target.requests if r[0] == "PUT"]
    target.replicas = 1  # undone meanwhile
    second = make_receiver()
    second.clock.now = first.clock.now.replace(hour=9)
    second.start()
    done = second.finished()
    assert (done["state"], done["reason"]) == ("timed_out", "deadline_passed")
    assert [r for r in target.requests if r[0] == "PUT"] == puts


def test_outcomes_are_counted(working: Receiver, target: Target) -> None:
    working.deliver(alert(CACHE))
    working.finished()
    name = "featurewatch_receiver_remediation"
    labels = 'action="clear_cache",extractor="feature_extractor",outcome="done"'
    assert working.metric(f"{name}s_total{{{labels}}}") == 1
    assert working.metric(f'{name}_duration_seconds_count{{action="clear_cache"}}') == 1
    assert target.effects == ["clear"]
