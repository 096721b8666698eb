"""Grafana Alerting's own webhook: taken, remembered as Grafana's, and ended by it alone.

The fields are those of Grafana's documentation ("Webhook notifier") and of its notifier.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from featurewatch_receiver.acts.expiry import GONE_SECONDS
from featurewatch_receiver.clients.alertmanager import Alertmanager
from featurewatch_receiver.reconciliation.reconcile import Reconciler
from featurewatch_receiver.store.schema import alerts
from receiver.api import Api
from receiver.in_process import AUTHORIZED, Receiver
from receiver.live_alertmanager import LATENCY, LiveAlertmanager
from receiver.payloads import Json, alert, at

GRAFANA = "https://grafana.example.com"
PATH = "/api/v1/webhook/alertmanager"
#: Of a rule in Grafana, which has no levels.
RULE = {
    "alertname": "Disk of the feature store is full",
    "extractor": "feature_extractor",
    "grafana_folder": "stores",
    "severity": "high",
}


def rule(**changes: Any) -> Json:
    """One alert as Grafana sends it."""
    return {
        "status": "firing",
        "labels": RULE,
        "annotations": {"summary": "97 % of the volume is used"},
        "startsAt": "2026-01-02T04:00:10.5+01:00",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": f"{GRAFANA}/alerting/grafana/cemy1dkfgh2bke/view?orgId=1",
        "fingerprint": "c6eadffa33fcdf37",
        "silenceURL": f"{GRAFANA}/alerting/silence/new?alertmanager=grafana&matcher=a%3Db",
        "dashboardURL": f"{GRAFANA}/d/stores?orgId=1",
        "panelURL": f"{GRAFANA}/d/stores?orgId=1&viewPanel=2",
        "values": {"B": 0.9712345678901234, "C": 1},
        "valueString": "[ var='B' labels={} value=0.97 ], [ var='C' labels={} value=1 ]",
        "imageURL": f"{GRAFANA}/public/img/attachments/xyz.png",
    } | changes


def delivery(*rules: Json, **changes: Any) -> Json:
    """What a contact point posts."""
    firing = [each for each in rules if each["status"] == "firing"]
    return {
        "receiver": "featurewatch",
        "status": "firing" if firing else "resolved",
        "alerts": list(rules),
        "groupLabels": {"alertname": RULE["alertname"], "grafana_folder": "stores"},
        "commonLabels": RULE,
        "commonAnnotations": {"summary": "97 % of the volume is used"},
        "externalURL": f"{GRAFANA}/",
        "version": "1",
        "groupKey": '{}:{alertname="Disk of the feature store is full"}',
        "truncatedAlerts": 0,
        "orgId": 1,
        "title": f"[FIRING:{len(firing)}] Disk of the feature store is full stores",
        "state": "alerting" if firing else "ok",
        "message": "**Firing**\n\nValue: B=0.9712345678901234, C=1\nLabels:\n - severity = high\n",
    } | changes


def over(minutes: float = 7, **changes: Any) -> Json:
    """Its end, as Grafana tells it."""
    return rule(status="resolved", endsAt=at(minutes).isoformat(), values=None, **changes)


@pytest.fixture
def joined(
    live: LiveAlertmanager, make_receiver: Callable[[], Receiver], settings: Json
) -> Receiver:
    """A receiver with an Alertmanager that knows nothing."""
    settings["receiver"]["alertmanager_url"] = live.url
    return make_receiver()


def sends(receiver: Receiver, *rules: Json, **changes: Any) -> Any:
    """Post as Grafana does."""
    headers = AUTHORIZED | {"User-Agent": "Grafana"}
    reply = receiver.client.post(PATH, headers=headers, json=delivery(*rules, **changes))
    receiver.apply()
    return reply


def looked(receiver: Receiver, client: Alertmanager) -> None:
    """Compare with Alertmanager for long enough to end what it does not know."""
    passed = [0.0]
    reconciler = Reconciler(receiver.core, receiver.queue, client, None, lambda: passed[0])
    for seconds in (0.0, GONE_SECONDS, 2 * GONE_SECONDS):
        passed[0] = seconds
        receiver.clock.now = at(60) + timedelta(seconds=seconds)
        reconciler.look()


def senders(receiver: Receiver) -> list[str | None]:
    with receiver.core.reader.begin() as connection:
        return list(connection.scalars(select(alerts.c.sender)))


def test_a_rule_of_grafana_is_an_episode_with_its_sender(receiver: Receiver) -> None:
    assert (sends(receiver, rule()).json, senders(receiver)) == ({"accepted": 1}, ["grafana"])
    [episode] = receiver.episodes()
    assert episode["labels"] == RULE
    assert episode["started_at"] == "2026-01-02T03:00:10.500Z"
    assert [a["sender"] for a in episode["alerts"]] == ["grafana"]


def test_it_ends_when_grafana_says_so(receiver: Receiver) -> None:
    sends(receiver, rule())
    sends(receiver, over())
    [episode] = receiver.episodes()
    assert episode["resolved_at"] == "2026-01-02T03:07:00.000Z"


def test_what_alertmanager_never_knew_it_does_not_end(
    joined: Receiver, client: Alertmanager
) -> None:
    sends(joined, rule())
    joined.deliver(alert("FeatureExtractionErrorRateHigh"))
    looked(joined, client)
    ends = {e["alertname"]: e["resolved_at"] is not None for e in joined.episodes()}
    assert ends == {RULE["alertname"]: False, "FeatureExtractionErrorRateHigh": True}


def test_what_both_send_is_alertmanagers(joined: Receiver, client: Alertmanager) -> None:
    sends(joined, rule())
    joined.deliver(alert() | {"labels": RULE, "fingerprint": rule()["fingerprint"]})
    assert senders(joined) == [None]
    sends(joined, rule())
    assert senders(joined) == [None]
    looked(joined, client)
    assert [e["resolved_at"] is None for e in joined.episodes()] == [False]


def test_it_is_acknowledged_and_silenced_where_it_came_from(joined: Receiver) -> None:
    sends(joined, rule())
    [episode] = joined.episodes()
    why = {
        "error": "episode: Grafana sent it, and Alertmanager does not know it; silence it there,"
        " or resolve it here"
    }
    for verb in ("acknowledge", "silence"):
        assert Api(joined).post(f"/episodes/{episode['id']}/{verb}") == (409, why)
    assert Api(joined).deeds() == []


def test_a_person_ends_what_grafana_does_not(joined: Receiver) -> None:
    """The end was lost, or it was the button "Test". What it repeats of it is old."""
    sends(joined, rule())
    joined.clock.now = at(30)
    [episode] = joined.episodes()
    Api(joined).do(f"/episodes/{episode['id']}/resolve")
    sends(joined, rule())
    [episode] = joined.episodes()
    assert (episode["resolved_at"], episode["resolved_by"]) == ("2026-01-02T03:30:00.000Z", "ada")
    sends(joined, rule(startsAt=at(40).isoformat()))
    assert len(joined.episodes()) == 2


def test_its_watchdog_is_not_that_of_the_chain(receiver: Receiver) -> None:
    labels = {"alertname": "Watchdog", "category": "featurewatch", "severity": "none"}
    before = receiver.client.get("/metrics").text
    sends(receiver, rule(labels=labels))
    heard = "featurewatch_receiver_watchdog_timestamp_seconds "
    told = [
        [line for line in text.splitlines() if line.startswith(heard)]
        for text in (before, receiver.client.get("/metrics").text)
    ]
    assert told[0] == told[1]


@pytest.mark.parametrize("field", ["groupKey", "status", "receiver", "alerts"])
def test_of_grafana_as_well_what_is_missing_is_named(receiver: Receiver, field: str) -> None:
    body = delivery(rule())
    del body[field]
    reply = receiver.client.post(PATH, headers=AUTHORIZED, json=body)
    assert reply.status_code == 400
    assert reply.json["error"].startswith(f"{field}: is missing; ")


def test_levels_and_old_severity_words_are_no_hindrance(receiver: Receiver) -> None:
    """Labels are whatever the rule has; LATENCY is one that Prometheus could have, too."""
    sends(receiver, rule(labels=LATENCY | {"extractor": "feature_extractor"}))
    [episode] = receiver.episodes()
    assert (episode["alertname"], episode["escalation_level"]) == (LATENCY["alertname"], 1)
