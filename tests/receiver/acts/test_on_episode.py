"""What people do to alerts through the real Alertmanager; each act is stored under their name."""

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import OperationalError
from waiting import eventually

from featurewatch_receiver.clients.alertmanager import Alertmanager, Matcher, NewSilence
from featurewatch_receiver.history import audit
from featurewatch_receiver.reconciliation.reconcile import Reconciler
from featurewatch_receiver.silences.alert_silence import SILENCE
from featurewatch_receiver.store import schema
from receiver.api import WHY, Api
from receiver.in_process import Receiver, locked
from receiver.live_alertmanager import LATENCY, LiveAlertmanager
from receiver.payloads import Json, alert, at

NAME = LATENCY["alertname"]
FIRING = {"status": "firing", "endsAt": "0001-01-01T00:00:00Z"}
MUTED = {"error": "receiver.alertmanager_url: is null; set it, or use Alertmanager itself"}


@pytest.fixture
def joined(
    live: LiveAlertmanager, make_receiver: Callable[[], Receiver], settings: Json
) -> Receiver:
    """A receiver that knows of the alert that fires at Alertmanager, and of one like it."""
    settings["receiver"]["alertmanager_url"] = live.url
    receiver = make_receiver()
    live.fire(1)
    live.fire(1, shard="7")
    live.wait_told(1)
    for more in ({}, {"shard": "7"}):
        labels = {**LATENCY, "extractor": "extractor", **more}
        receiver.deliver(alert(labels.pop("alertname"), **labels))
    return receiver


def episode_of(receiver: Receiver, **labels: str) -> str:
    """The id of the only episode with exactly these labels besides those of all."""
    (found,) = [
        e["id"] for e in receiver.episodes() if e["labels"].get("shard") == labels.get("shard")
    ]
    assert isinstance(found, str)
    return found


def matchers(silence: Json) -> dict[str, str]:
    return {matcher["name"]: matcher["value"] for matcher in silence["matchers"]}


def test_acknowledging_stops_the_escalation_of_this_alert_alone(
    joined: Receiver, live: LiveAlertmanager
) -> None:
    api, episode = Api(joined), episode_of(joined)
    made = api.do(f"/episodes/{episode}/acknowledge", WHY | {"duration": "2h"})
    (silence,) = live.silences()
    assert (silence["id"], silence["createdBy"]) == (made["id"], "ada")
    assert silence["comment"] == f"featurewatch ack at level 1: {WHY['reason']}"
    assert matchers(silence)["shard"] == ""
    found = api.read(f"/episodes/{episode}")
    assert (found["status"], found["acknowledged_by"]) == ("acknowledged", "ada")
    assert found["acknowledged_reason"] == WHY["reason"]
    assert found["deeds"][0]["detail"]["silence"] == made["id"]
    assert api.last_deed() == ("ada", "acknowledge", episode, WHY["reason"])
    series = 'featurewatch_receiver_time_to_acknowledge_seconds_count{severity="critical"}'
    assert joined.metric(series) == 1
    assert [e["status"] for e in api.read("/alerts")["alerts"]].count("active") == 1


def test_acknowledging_again_replaces_what_was_said(
    joined: Receiver, live: LiveAlertmanager
) -> None:
    api, episode = Api(joined), episode_of(joined, shard="7")
    api.do(f"/episodes/{episode}/acknowledge")
    api.do(f"/episodes/{episode}/acknowledge", {"reason": "still at it"})
    (silence,) = live.silences()
    assert silence["comment"].endswith("still at it")
    assert [deed["act"] for deed in api.deeds()] == ["acknowledge", "acknowledge"]


def test_unacknowledging_lets_it_escalate_again(joined: Receiver, live: LiveAlertmanager) -> None:
    api = Api(joined)
    plain, shard = episode_of(joined), episode_of(joined, shard="7")
    for episode in (plain, shard):
        api.do(f"/episodes/{episode}/acknowledge")
    found = api.do(f"/episodes/{plain}/unacknowledge")
    assert (found["status"], found["acknowledged_by"]) == ("active", None)
    (left,) = live.silences()
    assert matchers(left)["shard"] == "7"
    assert api.last_deed() == ("ada", "unacknowledge", plain, WHY["reason"])
    status, answer = api.post(f"/episodes/{plain}/unacknowledge")
    assert status == 409
    assert answer["error"].endswith("is not acknowledged")
    assert len(api.deeds()) == 3


def test_resolving_what_fires_is_said_until_it_ends(
    joined: Receiver, live: LiveAlertmanager
) -> None:
    api, episode = Api(joined), episode_of(joined)
    found = api.do(f"/episodes/{episode}/resolve")
    assert (found["resolved_at"], found["resolved_by"]) == (None, "ada")
    assert found["resolved_reason"] == WHY["reason"]
    (silence,) = live.silences()
    assert silence["comment"].startswith("featurewatch resolve at level 1: ")
    assert api.last_deed() == ("ada", "resolve", episode, WHY["reason"])


def test_a_silence_mutes_every_level_of_this_alert_alone(
    joined: Receiver, live: LiveAlertmanager
) -> None:
    api, episode = Api(joined), episode_of(joined)
    made = api.do(f"/episodes/{episode}/silence", WHY | {"duration": "30m"})
    (silence,) = live.silences()
    assert silence["id"] == made["id"]
    assert matchers(silence)["shard"] == ""
    assert "escalation_level" not in matchers(silence)
    live.fire(2)

    def muted() -> list[tuple[str | None, str]]:
        labels = [a["labels"] for a in live.alerts() if a["status"]["silencedBy"]]
        return sorted((each.get("shard"), each["escalation_level"]) for each in labels)

    eventually(lambda: muted() == [(None, "1"), (None, "2")])
    found = api.read(f"/episodes/{episode}")
    assert (found["status"], found["silenced_by"]) == ("silenced", "ada")
    assert api.last_deed() == ("ada", "silence", episode, WHY["reason"])


def test_ending_a_silence_lets_people_be_told_again(
    joined: Receiver, live: LiveAlertmanager
) -> None:
    api = Api(joined)
    plain, shard = episode_of(joined), episode_of(joined, shard="7")
    for episode in (plain, shard):
        api.do(f"/episodes/{episode}/silence")
    found = api.do(f"/episodes/{plain}/unsilence")
    assert (found["status"], found["silenced_by"], found["silenced_until"]) == (
        "active",
        None,
        None,
    )
    (left,) = live.silences()
    assert matchers(left)["shard"] == "7"
    assert api.last_deed() == ("ada", "unsilence", plain, WHY["reason"])
    status, answer = api.post(f"/episodes/{plain}/unsilence")
    assert status == 409
    assert "was not silenced here" in answer["error"]
    assert len(api.deeds()) == 3


def test_while_another_silence_mutes_it_no_action_begins(
    joined: Receiver, live: LiveAlertmanager
) -> None:
    api, episode = Api(joined), episode_of(joined)
    api.do(f"/episodes/{episode}/silence")
    with closing(Alertmanager(live.url)) as client:
        client.add_silence(
            NewSilence(
                matchers=(Matcher(name="extractor", value="extractor"),),
                starts_at=datetime.now(UTC),
                ends_at=datetime.now(UTC) + timedelta(hours=1),
                created_by="bob",
                comment="the model warms up",
            )
        )
    eventually(lambda: all(len(a["status"]["silencedBy"]) for a in live.alerts()))
    assert api.do(f"/episodes/{episode}/unsilence")["status"] == "silenced"
    (left,) = live.silences()
    assert left["createdBy"] == "bob"


@pytest.mark.parametrize("act", ["acknowledge", "silence", "resolve"])
def test_what_the_audit_can_not_hold_is_not_done(
    joined: Receiver, live: LiveAlertmanager, act: str
) -> None:
    path = f"/episodes/{episode_of(joined)}/{act}"
    with locked(joined.core):
        status, answer = Api(joined).post(path)
    assert status == 503
    assert "nothing was stored" in answer["error"]
    assert live.silences() == []
    assert Api(joined).deeds() == []


def test_what_is_done_but_can_not_be_noted_is_found_by_the_reconciliation(
    joined: Receiver, live: LiveAlertmanager, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("update audit", None, Exception("disk I/O error"))

    api, episode = Api(joined), episode_of(joined)
    with monkeypatch.context() as broken:
        broken.setattr(audit, "complete", away)
        assert api.do(f"/episodes/{episode}/acknowledge")["id"] == live.silences()[0]["id"]
    assert api.read(f"/episodes/{episode}")["status"] == "active"
    assert api.last_deed() == ("ada", "acknowledge", episode, WHY["reason"])
    joined.deliver(*(found | FIRING for found in live.alerts()))
    joined.clock.now += timedelta(seconds=30)  # until then it may be under way
    with closing(Alertmanager(live.url)) as client:
        Reconciler(joined.core, joined.queue, client, None).look()
    assert api.read(f"/episodes/{episode}")["acknowledged_by"] == "ada"


def test_silences_made_elsewhere_and_acknowledgements_are_not_ended_here(
    joined: Receiver, live: LiveAlertmanager
) -> None:
    api, episode = Api(joined), episode_of(joined)
    api.do(f"/episodes/{episode}/acknowledge")
    labels = api.read(f"/episodes/{episode}")["labels"]
    exact = tuple(Matcher(name=name, value=labels[name]) for name in ("alertname", "extractor"))
    everything = (Matcher(name="alertname", value=".+", is_regex=True),)
    with closing(Alertmanager(live.url)) as client:
        for wanted, said in ((exact, "the model warms up"), (everything, f"{SILENCE}not so")):
            client.add_silence(
                NewSilence(
                    matchers=wanted,
                    starts_at=datetime.now(UTC),
                    ends_at=datetime.now(UTC) + timedelta(hours=1),
                    created_by="bob",
                    comment=said,
                )
            )
    status, answer = api.post(f"/episodes/{episode}/unsilence")
    assert status == 409
    assert answer["error"].endswith("end a silence of others in Alertmanager")
    assert len(live.silences()) == 3


def test_what_alertmanager_does_not_know_can_not_be_acknowledged(joined: Receiver) -> None:
    joined.deliver(alert("Elsewhere"))
    (episode,) = [e["id"] for e in joined.episodes() if e["alertname"] == "Elsewhere"]
    for act in ("acknowledge", "silence", "resolve"):
        status, answer = Api(joined).post(f"/episodes/{episode}/{act}")
        assert status == 409
        assert "no such alert fires" in answer["error"]
    assert Api(joined).deeds() == []


def test_an_alertmanager_that_is_away_is_told_of(
    make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    settings["receiver"]["alertmanager_url"] = "http://127.0.0.1:1"
    receiver = make_receiver()
    receiver.deliver(alert())
    status, answer = Api(receiver).post(f"/episodes/{receiver.episodes()[0]['id']}/acknowledge")
    assert status == 502
    assert answer["error"].startswith("Alertmanager at http://127.0.0.1:1 can't be reached")
    assert Api(receiver).deeds() == []


@pytest.mark.parametrize("act", ["acknowledge", "unacknowledge", "resolve", "silence", "unsilence"])
def test_without_an_alertmanager_acts_on_what_fires_are_refused(
    receiver: Receiver, act: str
) -> None:
    receiver.deliver(alert())
    path = f"/episodes/{receiver.episodes()[0]['id']}/{act}"
    assert Api(receiver).post(path) == (409, MUTED)


@pytest.mark.parametrize("act", ["acknowledge", "unacknowledge", "resolve", "silence", "unsilence"])
def test_what_has_ended_is_past_acting_on(receiver: Receiver, act: str) -> None:
    receiver.deliver(alert(end=at(5)))
    path = f"/episodes/{receiver.episodes()[0]['id']}/{act}"
    ended = {"error": "episode: is not open; see /api/v1/alerts"}
    assert Api(receiver).post(path) == (409, ended)
    assert Api(receiver).post(f"/episodes/none/{act}")[0] == 404


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "reason: is missing; see /api/v1/openapi.json"),
        ([], "body: must be an object; see /api/v1/openapi.json"),
        ({"reason": 7}, "reason: must be text; see /api/v1/openapi.json"),
        ({"reason": ""}, "reason: must not be empty; see /api/v1/openapi.json"),
        ({"reason": " \n"}, "reason: must not be blank; see /api/v1/openapi.json"),
        ({"reason": "\x1b[31m"}, "reason: must hold no control characters; see /api/v1/openapi"),
        ({"reason": "\ud800"}, "body: is not JSON; see /api/v1/openapi.json"),
        ({"reason": "x" * 1001}, "reason: is too long; see /api/v1/openapi.json"),
        ({"reason": "x", "user": "eve"}, "user: is unknown; known here: reason, duration"),
        ({"reason": "x", "duration": "0s"}, "duration: must be above 0s and at most 30d; see"),
        ({"reason": "x", "duration": "31d"}, "duration: must be above 0s and at most 30d; see"),
        ({"reason": "x", "duration": "9" * 25 + "d"}, "duration: must be above 0s and at most"),
        ({"reason": "x", "duration": "soon"}, "duration: is not a duration; see /api/v1/openapi"),
    ],
)
def test_a_body_that_is_not_what_the_act_takes_is_refused_in_one_line(
    receiver: Receiver, body: Any, error: str
) -> None:
    receiver.deliver(alert())
    path = f"/episodes/{receiver.episodes()[0]['id']}/acknowledge"
    status, answer = Api(receiver).post(path, body)
    assert status == 400
    assert answer["error"].startswith(error)
    assert "\n" not in answer["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(receiver: Receiver, body: bytes) -> None:
    reply = receiver.client.post(
        "/api/v1/kill-switch/engage",
        headers=Api(receiver)._headers,
        data=body,
        content_type="application/json",
    )
    expected = {"error": "body: is not JSON; see /api/v1/openapi.json"}
    assert (reply.status_code, reply.json) == (400, expected)


def test_each_act_is_a_log_line_too(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="featurewatch_receiver"):
        Api(receiver).do("/kill-switch/engage")
    (record,) = [r for r in caplog.records if r.getMessage() == "act"]
    fields = record.fields  # type: ignore[attr-defined]
    assert (fields["actor"], fields["act"]) == ("ada", "engage_kill_switch")
    assert json.dumps(fields)


# --- leases and the kill switch


def test_ending_a_lease_keeps_its_change(receiver: Receiver) -> None:
    change = {"changed_to": {"replicas": 2}, "back_to": {"replicas": 1}, "steps": 0}
    row = {"id": "e:a:1", "target": "t", "action": "a", "created_at": at(0)} | change
    with receiver.core.writer.begin() as connection:
        connection.execute(insert(schema.leases), row)
    api = Api(receiver)
    assert api.read("/leases", open="true")["leases"][0]["id"] == "e:a:1"
    ended = api.do("/leases/e:a:1/end")
    assert (ended["end_reason"], ended["ended_by"]) == ("cancelled", "ada")
    assert api.last_deed() == ("ada", "end_lease", "e:a:1", WHY["reason"])
    assert api.post("/leases/e:a:1/end") == (409, {"error": "lease: has ended; see /api/v1/leases"})
    assert api.post("/leases/none/end")[0] == 404
    assert api.read("/leases", open="true")["leases"] == []
    assert len(api.read("/leases", open="false")["leases"]) == 1
    assert len(api.deeds()) == 1


def test_the_kill_switch_says_who_turned_it_and_why(receiver: Receiver) -> None:
    api = Api(receiver)
    nobody = {"engaged": False, "changed_at": None, "changed_by": None, "reason": None}
    assert api.read("/kill-switch") == nobody
    engaged = api.do("/kill-switch/engage")
    assert engaged == {
        "engaged": True,
        "changed_at": "2026-01-02T04:00:00.000Z",
        "changed_by": "ada",
        "reason": WHY["reason"],
    }
    receiver.clock.now += timedelta(minutes=1)
    assert api.do("/kill-switch/engage", {"reason": "me too"}) == engaged
    assert api.read("/summary")["kill_switch"] is True
    assert api.do("/kill-switch/release")["engaged"] is False
    acts = [deed["act"] for deed in api.deeds()]
    assert acts == ["release_kill_switch", "engage_kill_switch"]
