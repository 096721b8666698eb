"""What the console knows of Alertmanager and Prometheus: who mutes, and when they last answered."""

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from waiting import eventually

from featurewatch_receiver.clients.alertmanager import Alertmanager, Matcher, NewSilence
from featurewatch_receiver.history import servers
from featurewatch_receiver.reconciliation.reconcile import Reconciler, reconciling
from featurewatch_receiver.silences.acknowledgement import Acknowledger, Note
from featurewatch_receiver.store import schema
from receiver.console.browsing import Visitor
from receiver.in_process import Receiver
from receiver.live_alertmanager import CACHE, LATENCY, LiveAlertmanager
from receiver.payloads import Json, alert

INCIDENT = "FeatureExtractionLatencyCascade"


def look(receiver: Receiver) -> dict[str, servers.Heard]:
    """Look once, as the worker does, and return what is known of the servers."""
    once = threading.Event()
    once.set()
    loop = reconciling(receiver.core, receiver.queue, once)
    assert loop
    loop.run()
    with receiver.core.reader.begin() as connection:
        return servers.read(connection)


def hear_of_one(live: LiveAlertmanager, receiver: Receiver) -> None:
    """An alert fires now, and the receiver knows of it."""
    live.fire(1)
    live.wait_told(1)
    receiver.clock.now = datetime.now(UTC)
    end = {"status": "firing", "endsAt": "0001-01-01T00:00:00Z"}
    receiver.deliver(*(found | end for found in live.alerts()))


def test_each_look_notes_who_answered(
    live: LiveAlertmanager, make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    settings["receiver"]["alertmanager_url"] = live.url
    settings["receiver"]["prometheus_url"] = "http://127.0.0.1:1"
    receiver = make_receiver()
    first = receiver.clock.now
    found = look(receiver)
    assert (found["alertmanager"].heard_at, found["alertmanager"].problem) == (first, None)
    assert found["prometheus"].heard_at is None
    assert "can't be reached" in (found["prometheus"].problem or "")
    live.stop()
    receiver.clock.now += timedelta(minutes=2)
    found = look(receiver)
    assert found["alertmanager"].heard_at == first
    assert found["alertmanager"].asked_at == receiver.clock.now
    assert found["prometheus"].asked_at == first
    said = Visitor(receiver).read("/")
    assert "Alertmanager is away. What is shown is as last known" in said
    assert "(2 min ago)" in said
    live.start()
    assert look(receiver)["alertmanager"].problem is None
    assert "Alertmanager is away" not in Visitor(receiver).read("/")


def test_with_an_alertmanager_alone_that_one_is_noted(
    live: LiveAlertmanager, make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    settings["receiver"]["alertmanager_url"] = live.url
    found = look(make_receiver())
    assert [(name, server.problem) for name, server in found.items()] == [("alertmanager", None)]


def test_what_an_incident_mutes_names_the_incident(
    live: LiveAlertmanager, receiver: Receiver
) -> None:
    labels = {"category": "correlation", "type": INCIDENT, "extractor": "feature_extractor"}
    live.fire(alertname=INCIDENT, **labels)
    live.fire(**CACHE, extractor="feature_extractor")
    eventually(lambda: [a for a in live.alerts() if a["status"]["inhibitedBy"]])
    receiver.clock.now = datetime.now(UTC)
    with closing(Alertmanager(live.url)) as client:
        Reconciler(receiver.core, receiver.queue, client, None).look()
    with receiver.core.reader.begin() as connection:
        by = connection.scalars(select(schema.episodes.c.inhibited_by)).all()
    assert by == [[{"alertname": INCIDENT, "extractor": "feature_extractor"}]]
    assert f"inhibited by {INCIDENT}" in Visitor(receiver).read("/")


def test_a_silence_made_elsewhere_shows_its_reason_and_its_end(
    live: LiveAlertmanager, receiver: Receiver
) -> None:
    hear_of_one(live, receiver)
    with closing(Alertmanager(live.url)) as client:
        until = receiver.clock.now + timedelta(hours=2)
        quiet = NewSilence(
            matchers=(Matcher(name="extractor", value="extractor"),),
            starts_at=receiver.clock.now,
            ends_at=until,
            created_by="bob",
            comment="the model warms up",
        )
        client.add_silence(quiet)
        Reconciler(receiver.core, receiver.queue, client, None).look()
    shown = until.strftime("%Y-%m-%d %H:%M:%S UTC")
    said = Visitor(receiver).read("/")
    assert f"silenced by bob until {shown} : the model warms up" in said


def test_without_an_alertmanager_nothing_is_said_of_servers(receiver: Receiver) -> None:
    receiver.deliver(alert(LATENCY["alertname"]))
    assert reconciling(receiver.core, receiver.queue, threading.Event()) is None
    assert "is away" not in Visitor(receiver).read("/")


def test_an_acknowledgement_made_elsewhere_shows_by_whom_why_and_until_when(
    live: LiveAlertmanager, receiver: Receiver
) -> None:
    hear_of_one(live, receiver)
    note = Note(user="bob", reason="on it", duration=timedelta(hours=2))
    with closing(Alertmanager(live.url)) as client:
        made = Acknowledger(client).acknowledge({"alertname": LATENCY["alertname"]}, note)
        Reconciler(receiver.core, receiver.queue, client, None).look()
    shown = made.until.strftime("%Y-%m-%d %H:%M:%S UTC")
    ada = Visitor(receiver)
    assert f"acknowledged by bob until {shown} : on it" in ada.read("/")
    episode = receiver.episodes()[0]["id"]
    assert f"Acknowledged by bob elsewhere until {shown} : on it" in ada.read(
        f"/episodes/{episode}"
    )
