"""Alerts that don't resolve by themselves, and those that are no trouble at all."""

from collections.abc import Callable
from typing import Any

import pytest

from receiver.in_process import Receiver
from receiver.live_alertmanager import LATENCY, LiveAlertmanager
from receiver.payloads import Json, alert, at
from receiver.people import RESPONDER

SAID = {"reason": "looked at the dumps"}


def unresolved(**times: Any) -> Json:
    """Return an alert with `auto_resolve: false`."""
    return alert(auto_resolve="false", **times)


def resolve(receiver: Receiver, body: object = SAID) -> tuple[int, Any]:
    """Resolve the newest episode as a person would; status and answer."""
    path = f"/api/v1/episodes/{receiver.episodes()[0]['id']}/resolve"
    reply = receiver.client.post(path, headers=RESPONDER, json=body)
    return reply.status_code, reply.json


def ends(receiver: Receiver) -> list[bool]:
    """Whether each episode has ended, newest first."""
    return [episode["resolved_at"] is not None for episode in receiver.episodes()]


def test_the_episode_stays_open_when_its_alert_ends(receiver: Receiver) -> None:
    receiver.deliver(unresolved())
    receiver.deliver(unresolved(end=at(5)))
    assert ends(receiver) == [False]


def test_what_fires_again_is_still_the_same_episode(receiver: Receiver) -> None:
    receiver.deliver(unresolved())
    receiver.deliver(unresolved(end=at(5)))
    receiver.deliver(unresolved(start=at(90)))
    assert ends(receiver) == [False]


def test_a_person_resolves_it(receiver: Receiver) -> None:
    receiver.deliver(unresolved())
    receiver.deliver(unresolved(end=at(5)))
    assert resolve(receiver)[0] == 200
    assert ends(receiver) == [True]
    receiver.deliver(unresolved(end=at(5)))
    assert ends(receiver) == [True]


def test_what_has_been_resolved_can_not_be_resolved_again(receiver: Receiver) -> None:
    receiver.deliver(unresolved())
    receiver.deliver(unresolved(end=at(5)))
    assert resolve(receiver)[0] == 200
    assert resolve(receiver) == (409, {"error": "episode: is not open; see /api/v1/alerts"})


def test_what_was_resolved_while_it_fired_ends_with_its_alert(
    live: LiveAlertmanager, make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    settings["receiver"]["alertmanager_url"] = live.url
    receiver = make_receiver()
    labels = {"extractor": "extractor", "auto_resolve": "false"}
    live.fire(1, **labels)
    live.wait_told(1)
    name = LATENCY["alertname"]
    labels = LATENCY | labels
    del labels["alertname"]
    receiver.deliver(alert(name, **labels))
    assert resolve(receiver)[0] == 200
    assert ends(receiver) == [False]
    receiver.deliver(alert(name, end=at(5), **labels))
    (episode,) = receiver.episodes()
    assert (episode["status"], episode["resolved_by"]) == ("resolved", "ada")


def test_who_resolved_it_and_why_is_kept(receiver: Receiver) -> None:
    receiver.deliver(unresolved())
    receiver.deliver(unresolved(end=at(5)))
    resolve(receiver)
    (episode,) = receiver.episodes()
    assert (episode["resolved_by"], episode["resolved_reason"]) == ("ada", SAID["reason"])
    assert (
        receiver.metric('featurewatch_receiver_time_to_resolve_seconds_count{severity="critical"}')
        == 1
    )


def test_an_episode_that_only_waits_for_a_person_is_not_remediated(receiver: Receiver) -> None:
    receiver.deliver(unresolved(end=at(5)))
    receiver.deliver(unresolved(end=at(5)))
    assert receiver.remediations() == []


@pytest.mark.parametrize("name", ["Watchdog", "FeaturewatchMaintenance"])
def test_signals_are_no_episodes(receiver: Receiver, name: str) -> None:
    receiver.deliver(alert(name, level=None, severity="none"))
    assert receiver.episodes() == []


def watchdog(**labels: str) -> Json:
    """Return the alert that always fires, ours or another's."""
    return alert("Watchdog", level=None, severity="none", **labels)


def test_our_watchdog_leaves_the_time_when_it_arrived(receiver: Receiver) -> None:
    series = "featurewatch_receiver_watchdog_timestamp_seconds"
    receiver.deliver(watchdog(category="other"), watchdog())
    assert f"{series} 0.0" in receiver.client.get("/metrics").text
    receiver.deliver(watchdog(category="featurewatch"))
    assert f"{series} 0.0" not in receiver.client.get("/metrics").text
