"""Actions that people run, approve, deny and cancel, on a real worker and a target of the tests."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from waiting import eventually

from featurewatch_receiver.automation.housekeeping import housekeeping
from receiver.api import WHY, Api
from receiver.in_process import Receiver
from receiver.payloads import Json, alert
from receiver.target import Target

CACHE = "FeatureExtractionCacheHitRateLow"
CLEAR = {"action": "clear_cache", "extractor": "feature_extractor", "reason": "stale features"}
SCALE = CLEAR | {"action": "scale_up_deployment"}


def until(api: Api, row_id: str, *states: str) -> Json:
    """The remediation, once it is in one of these states."""

    def there() -> Json | None:
        found: Json = api.read(f"/remediations/{row_id}")
        return found if found["state"] in states else None

    found = eventually(there)
    assert found
    return found


@pytest.fixture
def asking(make_receiver: Callable[[], Receiver], settings: Json) -> Receiver:
    """A working receiver whose scaling needs an approval."""
    settings["responses"]["actions"]["scale_up_deployment"]["mode"] = "approve"
    receiver = make_receiver()
    receiver.start()
    return receiver


def waiting(receiver: Receiver) -> str:
    """Let an alert want an action that needs approval, and return the remediation's id."""
    receiver.deliver(alert())
    api = Api(receiver)

    def found() -> list[Json]:
        rows: list[Json] = api.read("/remediations", state="awaiting_approval")["remediations"]
        return rows

    (row,) = eventually(found)
    return str(row["id"])


# --- by hand


def test_an_action_by_hand_runs_under_its_persons_name(working: Receiver, target: Target) -> None:
    api = Api(working)
    made = api.do("/remediations", CLEAR)
    assert made["id"].startswith("manual:")
    assert (made["origin"], made["requested_by"], made["episode_id"]) == ("person", "ada", None)
    done = until(api, made["id"], "done")
    assert target.effects == ["clear"]
    assert [step["actor"] for step in done["steps"]][:2] == ["ada", "worker"]
    assert done["steps"][0]["detail"] == CLEAR["reason"]
    assert api.last_deed() == ("ada", "run", made["id"], CLEAR["reason"])


def test_an_action_by_hand_can_be_for_an_episode(receiver: Receiver) -> None:
    receiver.deliver(alert("Other"))
    (episode,) = receiver.episodes()
    api = Api(receiver)
    made = api.do("/remediations", CLEAR | {"episode_id": episode["id"]})
    found = api.read(f"/episodes/{episode['id']}")
    assert [row["id"] for row in found["remediations"]] == [made["id"]]
    assert [(deed["act"], deed["subject"]) for deed in found["deeds"]] == [("run", made["id"])]


def test_the_same_key_is_the_same_wish(working: Receiver, target: Target) -> None:
    api = Api(working)
    key = {"key": "a key"}
    first = api.do("/remediations", CLEAR | key)
    until(api, first["id"], "done")
    again = api.do("/remediations", CLEAR | key)
    assert (again["id"], again["state"]) == (first["id"], "done")
    assert target.effects == ["clear"]
    assert len(api.deeds()) == 1
    other = {"error": "key: was used for another wish; send a new one"}
    assert api.post("/remediations", SCALE | key) == (409, other)
    assert Api(working, "bob").post("/remediations", CLEAR | key)[0] == 201


@pytest.mark.parametrize(
    ("wish", "code", "error"),
    [
        (CLEAR | {"action": "reboot"}, 404, "action: none is named so; see /api/v1/guards"),
        (
            CLEAR | {"episode_id": "none"},
            404,
            "episode_id: there is none with this id; see /api/v1/episodes",
        ),
        (CLEAR | {"target": "x"}, 400, "target: is unknown; known here: reason, action, "),
        ({"reason": "x"}, 400, "action: is missing; see /api/v1/openapi.json (and 1 more)"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    receiver: Receiver, wish: Json, code: int, error: str
) -> None:
    status, answer = Api(receiver).post("/remediations", wish)
    assert status == code
    assert answer["error"].startswith(error)
    assert Api(receiver).deeds() == []


def test_a_wish_that_may_not_run_says_why(receiver: Receiver) -> None:
    api = Api(receiver)
    expected = {
        ("clear_cache", "nobody's"): "target_not_allowed",
        ("restart_deployment", "feature_extractor"): "action_off",
        ("clear_cache", "feature_extractor"): None,
        ("scale_up_deployment", "feature_extractor"): "target_busy",
    }
    found = {
        (action, extractor): api.do(
            "/remediations", WHY | {"action": action, "extractor": extractor}
        )["reason"]
        for action, extractor in expected
    }
    assert found == expected
    assert len(api.deeds()) == len(expected)


# --- approval


def test_an_approved_plan_runs(asking: Receiver, target: Target) -> None:
    row_id, api = waiting(asking), Api(asking)
    plan = api.read(f"/remediations/{row_id}")["plan"]
    assert target.effects == []
    api.do(f"/remediations/{row_id}/approve")
    done = until(api, row_id, "done")
    assert (done["approved_by"], done["plan"]) == ("ada", plan)
    assert target.effects == ["scale 2"]
    assert api.last_deed() == ("ada", "approve", row_id, WHY["reason"])
    assert api.read("/audit")["deeds"][0]["detail"] == plan
    over = {"error": "remediation: waits for no approval, it is done; see /api/v1/remediations"}
    assert api.post(f"/remediations/{row_id}/approve") == (409, over)
    assert api.post(f"/remediations/{row_id}/deny") == (409, over)


def test_a_plan_that_has_changed_waits_once_more(asking: Receiver, target: Target) -> None:
    row_id, api = waiting(asking), Api(asking)
    target.replicas = target.ready_replicas = 2
    api.do(f"/remediations/{row_id}/approve")

    def changed() -> Json | None:
        found: Json = api.read(f"/remediations/{row_id}")
        return found if found["reason"] == "plan_changed" else None

    found = eventually(changed)
    assert found
    assert (found["state"], found["approved_by"]) == ("awaiting_approval", None)
    assert target.effects == []
    api.do(f"/remediations/{row_id}/approve")
    until(api, row_id, "done")
    assert target.effects == ["scale 3"]


def test_a_denied_plan_never_runs(asking: Receiver, target: Target) -> None:
    row_id, api = waiting(asking), Api(asking)
    denied = api.do(f"/remediations/{row_id}/deny")
    assert (denied["state"], denied["reason"]) == ("skipped", "approval_denied")
    assert denied["steps"][-1]["detail"] == WHY["reason"]
    assert target.effects == []
    assert api.last_deed() == ("ada", "deny", row_id, WHY["reason"])


def test_a_plan_that_nobody_approves_expires(asking: Receiver) -> None:
    row_id, api = waiting(asking), Api(asking)
    asking.clock.now += timedelta(minutes=30, seconds=1)
    housekeeping(asking.core, asking.queue, threading.Event()).go_round()
    found = until(api, row_id, "skipped")
    assert found["reason"] == "approval_expired"
    assert api.post(f"/remediations/{row_id}/approve")[0] == 409


# --- cancelling, and the kill switch


def test_what_runs_can_be_cancelled_and_what_was_done_stays_on_its_lease(
    make_receiver: Callable[[], Receiver], settings: Json, target: Target
) -> None:
    settings["responses"]["actions"]["scale_up_deployment"]["lease"] = "30m"
    working = make_receiver()
    working.start()
    target.ready_at_once = False
    api = Api(working)
    row_id = api.do("/remediations", SCALE)["id"]
    eventually(lambda: target.effects == ["scale 2"])
    cancelled = api.do(f"/remediations/{row_id}/cancel")
    assert cancelled["state"] == "cancelled"
    assert api.last_deed() == ("ada", "cancel", row_id, WHY["reason"])
    over = {"error": "remediation: has ended, it is cancelled; see /api/v1/remediations"}
    assert api.post(f"/remediations/{row_id}/cancel") == (409, over)
    (lease,) = eventually(lambda: api.read("/leases")["leases"])
    assert (lease["id"], lease["back_to"]) == (row_id, {"replicas": 1})
    # The target is free for the next one.
    made = api.do("/remediations", CLEAR)
    until(api, made["id"], "done")
    assert target.effects == ["scale 2", "clear"]
    assert api.read(f"/remediations/{row_id}")["state"] == "cancelled"


@pytest.mark.parametrize("act", ["approve", "deny", "cancel"])
def test_what_is_not_there_is_not_decided_about(receiver: Receiver, act: str) -> None:
    missing = {"error": "remediation: there is none with this id; see /api/v1/remediations"}
    assert Api(receiver).post(f"/remediations/e:a:1/2/{act}") == (404, missing)


def test_the_kill_switch_stops_what_is_planned_and_not_what_runs(
    make_receiver: Callable[[], Receiver], target: Target
) -> None:
    receiver = make_receiver()
    api = Api(receiver)
    target.ready_at_once = False
    receiver.start()
    runs = api.do("/remediations", SCALE)["id"]
    eventually(lambda: target.effects == ["scale 2"])
    planned = api.do("/remediations", CLEAR | {"extractor": "other_extractor"})["id"]
    until(api, planned, "done")
    receiver.deliver(alert(CACHE, extractor="other_extractor"))
    api.do("/kill-switch/engage")
    new = api.do("/remediations", CLEAR | {"extractor": "other_extractor"})
    assert (new["state"], new["reason"]) == ("skipped", "kill_switch")
    assert api.read(f"/remediations/{runs}")["state"] == "running"
    target.ready_replicas = 2
    until(api, runs, "done")


def test_what_was_planned_before_the_kill_switch_does_not_begin(
    receiver: Receiver, target: Target
) -> None:
    api = Api(receiver)
    planned = api.do("/remediations", CLEAR)
    assert planned["state"] == "planned"
    api.do("/kill-switch/engage")
    receiver.start()
    found = until(api, planned["id"], "skipped")
    assert found["reason"] == "kill_switch"
    assert target.effects == []
    api.do("/kill-switch/release")
    until(api, api.do("/remediations", CLEAR)["id"], "done")


def test_two_people_who_decide_at_once_decide_once(asking: Receiver, target: Target) -> None:
    row_id = waiting(asking)
    found: list[tuple[int, Any]] = []

    def decide() -> None:
        found.append(Api(asking).post(f"/remediations/{row_id}/deny"))

    threads = [threading.Thread(target=decide) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in found) == [200, 409, 409, 409]
    assert len(Api(asking).deeds()) == 1
    assert target.effects == []


# --- guards and summary


def test_guards_say_what_may_run_and_what_holds_it_back(working: Receiver, target: Target) -> None:
    api = Api(working)
    guards = api.read("/guards")
    assert guards["actions"]["restart_deployment"]["mode"] == "off"
    assert guards["targets"]["other_extractor"]["max_replicas"] == 3
    assert guards["responses"][CACHE] == ["clear_cache"]
    assert (guards["enabled"], guards["dry_run"], guards["kill_switch"]) == (True, False, False)
    assert guards["storm"] == {"episodes": 100, "window": "5m", "begun": 0}
    assert guards["maintenance"] == []

    def of(action: str) -> tuple[str | None, str | None]:
        found = api.read("/guards/feature_extractor")["actions"][action]
        return found["blocked_by"], found["blocked_by_for_person"]

    assert of("clear_cache") == (None, None)
    assert of("restart_deployment") == ("action_off", "action_off")
    until(api, api.do("/remediations", CLEAR)["id"], "done")
    assert of("clear_cache") == ("cooldown", None)
    ran = api.read("/guards/feature_extractor")["actions"]["clear_cache"]
    assert (ran["runs_of_hour"], ran["runs_of_day"]) == (1, 1)
    assert ran["last_run"] == "2026-01-02T04:00:00.000Z"
    api.do("/kill-switch/engage")
    assert of("clear_cache") == ("kill_switch", "kill_switch")


def test_the_summary_counts_what_is_open_and_what_was_done(receiver: Receiver) -> None:
    receiver.deliver(alert(CACHE), alert("Other", severity="low"))
    found = Api(receiver, "vic").read("/summary")
    assert (found["open"], found["awaiting_approval"], found["open_leases"]) == (2, 0, 0)
    assert found["open_by_severity"] == {"critical": 1, "low": 1}
    assert found["open_by_status"] == {"active": 2}
    assert found["episodes"] == {"critical": {"active": 1}, "low": {"active": 1}}
    assert found["remediations"] == {"planned": 1}
    assert (found["mtta_seconds"], found["mttr_seconds"]) == (None, None)
