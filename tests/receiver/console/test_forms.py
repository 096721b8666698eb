"""What people do at the console: the same acts as the API's, under their names."""

import re
from collections.abc import Callable

import pytest
from waiting import eventually

from featurewatch_receiver.actions import actions
from featurewatch_receiver.acts import ACTS
from receiver.api import Api
from receiver.console import story
from receiver.console.browsing import WHY, Visitor
from receiver.in_process import Receiver
from receiver.live_alertmanager import LiveAlertmanager
from receiver.payloads import Json, alert
from receiver.target import Target


def episode_of(receiver: Receiver) -> str:
    (found,) = receiver.episodes()
    episode_id: str = found["id"]
    return episode_id


def test_acknowledging_says_what_it_does_asks_why_and_is_kept(
    joined: Receiver, live: LiveAlertmanager
) -> None:
    ada, episode = Visitor(joined), episode_of(joined)
    said = ada.read(f"/acts/acknowledge/{episode}")
    assert "Level 1 has been told. The levels above it are held back" in said
    assert "with your name, ada" in said
    assert live.silences() == []
    reply = ada.do(f"/acts/acknowledge/{episode}", duration="2h")
    assert (reply.status_code, reply.location) == (
        303,
        f"/episodes/{episode}?done=acknowledge",
    )
    (silence,) = live.silences()
    assert silence["createdBy"] == "ada"
    assert Api(joined).last_deed() == ("ada", "acknowledge", episode, WHY["reason"])
    said = ada.read(reply.location)
    assert "Acknowledged. It escalates no further." in said
    until = re.search(r"acknowledged by ada until (.{19}) UTC : " + WHY["reason"], said)
    assert until
    assert until[1] == live.silences()[0]["endsAt"][:19].replace("T", " ")
    assert "1 acknowledged" in ada.read("/")


def test_unacknowledging_resolving_and_silencing_do_as_they_say(
    joined: Receiver, live: LiveAlertmanager
) -> None:
    ada, episode = Visitor(joined), episode_of(joined)
    for act in ("acknowledge", "unacknowledge", "resolve", "silence"):
        assert ada.do(f"/acts/{act}/{episode}").status_code == 303
        assert Api(joined).last_deed() == ("ada", act, episode, WHY["reason"])
    assert "marked resolved by ada" in ada.read("/")
    assert "silenced by ada until" in ada.read("/")
    eventually(lambda: len(live.silences()) == 2)
    assert "End the silence" in ada.read(f"/episodes/{episode}")
    said = ada.read(f"/acts/unsilence/{episode}")
    assert "ada silenced this alert. People are told of it again." in said
    ada.do(f"/acts/unsilence/{episode}")
    assert Api(joined).last_deed() == ("ada", "unsilence", episode, WHY["reason"])
    assert "End the silence" not in ada.read(f"/episodes/{episode}")
    assert "silenced by" not in ada.read("/")
    (left,) = live.silences()
    assert left["comment"].startswith("featurewatch resolve")


def test_the_kill_switch_is_turned_with_a_reason(receiver: Receiver, ada: Visitor) -> None:
    assert "What runs already goes on" in ada.read("/acts/engage_kill_switch")
    assert ada.do("/acts/engage_kill_switch").location == "/controls?done=engage_kill_switch"
    assert Api(receiver).read("/kill-switch")["engaged"] is True
    assert "Release the kill switch" in ada.read("/controls")
    ada.do("/acts/release_kill_switch")
    assert Api(receiver).read("/kill-switch")["engaged"] is False
    assert [deed["act"] for deed in Api(receiver).deeds()] == [
        "release_kill_switch",
        "engage_kill_switch",
    ]


def test_an_action_is_run_once_however_often_its_form_is_sent(
    receiver: Receiver, ada: Visitor
) -> None:
    path = "/acts/run/feature_extractor?action=clear_cache"
    page = ada.page(path)
    assert "clear_cache runs on feature_extractor once" in page
    assert "The plan, if it were made now: cache feature_cache." in page
    assert "Nothing holds it back now" in page
    key = page.partition('name="key" value="')[2].partition('"')[0]
    fields = {"action": "clear_cache", "key": key, **WHY}
    replies = [ada.send("/acts/run/feature_extractor", page, **fields) for _ in range(2)]
    assert len({reply.location for reply in replies}) == 1
    assert replies[0].location.startswith("/remediations/manual:")
    said = ada.read(replies[0].location)
    assert "clear_cache feature_extractor planned" in said
    assert len(Api(receiver).read("/remediations")["remediations"]) == 1


def test_what_holds_an_action_back_is_told_beforehand(receiver: Receiver, ada: Visitor) -> None:
    ada.do("/acts/engage_kill_switch")
    said = ada.read("/acts/run/feature_extractor?action=clear_cache")
    assert "It would not run now: kill switch holds it back" in said


def test_the_plan_of_an_action_is_shown_beforehand_and_touches_nothing(
    receiver: Receiver, ada: Visitor, target: Target
) -> None:
    path = "/acts/run/feature_extractor?action=scale_up_deployment"
    before = target.replicas
    assert f"seen {before}, replicas {before + 1}" in ada.read(path)
    target.replicas = 8
    assert "There is nothing to do: at bound (8 replicas; max_replicas is 3)" in ada.read(path)
    assert target.replicas == 8
    said = ada.read("/acts/run/feature_extractor?action=optimize_resources")
    assert "The backend feature_server can't do it." in said


def test_a_plan_that_breaks_leaves_the_form_there(
    ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a plugin's own")

    monkeypatch.setattr(type(actions()["clear_cache"]), "plan", broken)
    said = ada.read("/acts/run/feature_extractor?action=clear_cache")
    assert "What it would change is not known: it broke; see the receiver's log." in said
    assert "Run clear_cache" in said


def test_a_target_that_cannot_be_seen_is_said_in_place_of_the_plan(
    make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    settings["backends"]["feature_server"]["url"] = "http://127.0.0.1:1"
    said = Visitor(make_receiver()).read("/acts/run/feature_extractor?action=scale_up_deployment")
    assert "What it would change is not known, the target can't be seen now" in said


def test_acknowledging_says_who_is_not_told_then(told: Receiver) -> None:
    said = Visitor(told).read(f"/acts/acknowledge/{story.INCIDENT}")
    assert "Level 3, due in 8 min, will not be told (on call engineer)." in said


def test_what_people_did_names_what_they_did_it_to(told: Receiver) -> None:
    ada, row_id = Visitor(told), f"{story.WAITS}:optimize_resources:1"
    ada.do(f"/acts/deny/{row_id}")
    ada.do("/acts/engage_kill_switch")
    page = ada.page("/controls")
    assert f'href="/remediations/{row_id}">' in page.partition('id="deeds"')[2]
    assert "ada engage kill switch : seen it before" in ada.read("/controls")


@pytest.mark.parametrize(
    ("act", "state", "says"),
    [
        ("approve", "planned", "This plan runs: cpu 2 to 2.5"),
        ("deny", "skipped", "This plan is dropped"),
        ("cancel", "cancelled", "It is awaiting approval, and stops there"),
    ],
)
def test_a_plan_that_waits_is_approved_denied_or_cancelled(
    told: Receiver, act: str, state: str, says: str
) -> None:
    ada, row_id = Visitor(told), f"{story.WAITS}:optimize_resources:1"
    assert says in ada.read(f"/acts/{act}/{row_id}")
    reply = ada.do(f"/acts/{act}/{row_id}")
    assert reply.location == f"/remediations/{row_id}?done={act}"
    assert Api(told).read(f"/remediations/{row_id}")["state"] == state
    assert Api(told).last_deed() == ("ada", act, row_id, WHY["reason"])


def test_a_change_on_a_lease_is_kept(told: Receiver) -> None:
    ada = Visitor(told)
    assert "replicas 3 stays for good" in ada.read("/acts/end_lease/lease")
    assert ada.do("/acts/end_lease/lease").location == "/controls?done=end_lease"
    assert "Nothing is on a lease" in ada.read("/controls")
    assert Api(told).last_deed() == ("ada", "end_lease", "lease", WHY["reason"])
    again = ada.do("/acts/end_lease/lease")
    assert again.status_code == 409
    assert "lease: has ended" in again.text


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"reason": ""}, "reason: is missing"),
        ({"reason": "  "}, "reason: is missing"),
        ({"reason": "x" * 1001}, "reason: is too long"),
        ({"reason": "on it", "duration": "1y"}, "duration: "),
        ({"reason": "on it", "duration": "99d"}, "duration: must be above 0s and at most 30d"),
    ],
)
def test_a_form_that_is_not_filled_in_comes_back_with_what_was_written(
    receiver: Receiver, ada: Visitor, fields: dict[str, str], fault: str
) -> None:
    receiver.deliver(alert())
    reply = ada.do(f"/acts/acknowledge/{episode_of(receiver)}", **fields)
    assert reply.status_code == 400
    assert fault in reply.text
    assert fields.get("reason", "").strip() in reply.text
    assert Api(receiver).deeds() == []


def test_an_alertmanager_that_is_away_is_said_in_the_form(told: Receiver) -> None:
    reply = Visitor(told).do(f"/acts/acknowledge/{story.INCIDENT}")
    assert reply.status_code == 502
    assert "Alertmanager at http://127.0.0.1:1 can&#39;t be reached" in reply.text
    assert Api(told).deeds() == []


def test_without_an_alertmanager_no_act_is_offered_that_needs_it(receiver: Receiver) -> None:
    receiver.deliver(alert())
    said = Visitor(receiver).read(f"/episodes/{episode_of(receiver)}")
    assert "To acknowledge or silence it, go to Alertmanager: receiver.alertmanager_url" in said
    assert "Acknowledge again" not in said
    assert "End the silence" not in said
    assert "Acknowledge" not in Visitor(receiver).read("/").replace("Acknowledged", "")


@pytest.mark.parametrize("act", list(ACTS))
def test_every_act_of_the_api_has_a_form_which_a_viewer_gets_nowhere(
    told: Receiver, act: str
) -> None:
    subjects = {
        "run": "/feature_extractor",
        "end_lease": "/lease",
        **dict.fromkeys(("approve", "deny", "cancel"), f"/{story.WAITS}:optimize_resources:1"),
        **dict.fromkeys(("engage_kill_switch", "release_kill_switch"), ""),
    }
    path = f"/acts/{act}" + subjects.get(act, f"/{story.INCIDENT}")
    vic = Visitor(told, "vic")
    Visitor(told).page(path)
    refused = vic.get(path)
    assert refused.status_code == 403
    assert "vic is a viewer; this needs a responder." in refused.text
    assert vic.send(path, vic.page("/"), **WHY).status_code == 403
    assert Api(told).deeds() == []


def test_a_viewer_sees_no_way_to_act(told: Receiver) -> None:
    vic, ada = Visitor(told, "vic"), Visitor(told)
    paths = ["/", f"/episodes/{story.SPIKE}", "/controls"]
    paths.append(f"/remediations/{story.WAITS}:optimize_resources:1")
    for path in paths:
        assert "/acts/" in ada.page(path)
        assert "/acts/" not in vic.page(path)
