"""The door: who may deliver, and what a delivery must look like."""

import gzip
import json
from typing import Any

import pytest

from featurewatch_receiver.web import webhook
from receiver.in_process import AUTHORIZED, TOKEN, Receiver, locked
from receiver.payloads import alert, payload

UNAUTHORIZED = "Authorization: is missing or wrong; send 'Bearer TOKEN', see receiver.token_file"
PATH = "/api/v1/webhook/alertmanager"


def without(path: str) -> dict[str, Any]:
    """Return a payload that lacks the key at the end of the path."""
    body = payload(alert())
    *way, last = path.split("/")
    inner: Any = body
    for step in way:
        inner = inner[int(step) if step.isdigit() else step]
    del inner[last]
    return body


def faulty(**changes: Any) -> dict[str, Any]:
    """Return a payload whose alert has these fields."""
    return payload(alert() | changes)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer \xe9\xff"},
    ],
)
def test_without_the_token_nothing_is_taken(receiver: Receiver, headers: dict[str, str]) -> None:
    reply = receiver.client.post(PATH, headers=headers, json={})
    assert (reply.status_code, reply.json) == (401, {"error": UNAUTHORIZED})
    assert reply.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "body: is not JSON; send Alertmanager's webhook payload"),
        (b"{'a': 1}", "body: is not JSON; send Alertmanager's webhook payload"),
        (b'{"version": "\xff"}', "body: is not JSON; send Alertmanager's webhook payload"),
        (b"[" * 100_000, "body: is not JSON; send Alertmanager's webhook payload"),
        (b"[]", "body: must be an object; send what Alertmanager sends"),
        (
            payload(alert(), version="5"),
            "version: is not '4', Alertmanager's, nor '1', Grafana's; this receiver reads these",
        ),
        (without("version"), "version: is missing; send webhook version 4, as Alertmanager does"),
        (without("groupKey"), "groupKey: is missing; send webhook version 4, as Alertmanager does"),
        (without("status"), "status: is missing; send webhook version 4, as Alertmanager does"),
        (without("receiver"), "receiver: is missing; send webhook version 4, as Alertmanager does"),
        (without("alerts"), "alerts: is missing; send webhook version 4, as Alertmanager does"),
        *(
            (
                without(f"alerts/0/{key}"),
                f"alerts[0].{key}: is missing; send webhook version 4, as Alertmanager does",
            )
            for key in ("status", "labels", "annotations", "startsAt", "endsAt", "fingerprint")
        ),
        (
            without("alerts/0/labels/alertname"),
            "alerts[0].labels: has no alertname; every alert of Prometheus has one; "
            "send what Alertmanager sends",
        ),
        (
            faulty(status="pending"),
            "alerts[0].status: must be 'firing' or 'resolved'; send what Alertmanager sends",
        ),
        (
            faulty(startsAt="yesterday"),
            "alerts[0].startsAt: is not a time with its zone; send RFC 3339, as Alertmanager does",
        ),
        (
            faulty(endsAt="0001-01-01T00:00:00+10:00"),
            "alerts[0].endsAt: is outside the years 1 to 9999; send what Alertmanager sends",
        ),
        (
            faulty(startsAt="2026-01-02T03:00:00"),
            "alerts[0].startsAt: is not a time with its zone; send RFC 3339, as Alertmanager does",
        ),
        (
            faulty(labels={"alertname": "X", "level\n1": 2}),
            "alerts[0].labels.level 1: must be text; send what Alertmanager sends",
        ),
        (
            payload(alert(), truncatedAlerts=-1, receiver=1),
            "receiver: must be text; send what Alertmanager sends (and 1 more)",
        ),
    ],
)
def test_a_faulty_payload_is_refused_in_one_line(receiver: Receiver, body: Any, error: str) -> None:
    reply = receiver.post(body)
    assert (reply.status_code, reply.json) == (400, {"error": error})
    assert receiver.episodes() == []


def test_five_megabytes_are_refused(receiver: Receiver) -> None:
    reply = receiver.post(b'{"version": "' + b"4" * 5_000_000 + b'"}')
    assert reply.status_code == 413
    assert reply.json == {
        "error": "body: exceeds 2097152 bytes; send smaller groups (max_alerts in Alertmanager)"
    }


def test_a_form_is_refused(receiver: Receiver) -> None:
    reply = receiver.post(b"a=1", content_type="application/x-www-form-urlencoded")
    assert reply.status_code == 415
    assert reply.json == {
        "error": "Content-Type: is not application/json; send JSON, as Alertmanager does"
    }


def test_a_compressed_body_is_refused(receiver: Receiver) -> None:
    headers = AUTHORIZED | {"Content-Encoding": "gzip"}
    reply = receiver.post(gzip.compress(b"{}"), headers=headers)
    assert reply.status_code == 415
    assert reply.json == {
        "error": "Content-Encoding: is not identity; send it as it is, as Alertmanager does"
    }


def test_as_many_alerts_as_fit_are_stored(receiver: Receiver) -> None:
    body = payload(*(tiny(number) for number in range(9_000)))
    reply = receiver.post(json.dumps(body, separators=(",", ":")).encode())
    assert (reply.status_code, reply.json) == (200, {"accepted": 9_000})
    assert receiver.metric("featurewatch_receiver_open_episodes") == 9_000


def test_an_alert_of_very_many_labels_is_stored(receiver: Receiver) -> None:
    receiver.deliver(alert(**{f"label_{number}": "x" for number in range(50_000)}))
    kept = receiver.episodes()[0]["labels"]
    assert 1_000 < len(kept) < 10_000  # no more than a page can bear
    assert kept["extractor"] == "feature_extractor"


def tiny(number: int) -> dict[str, Any]:
    """Return an alert that needs little room."""
    small = alert() | {"annotations": {}, "generatorURL": "", "fingerprint": str(number)}
    return small | {"labels": {"alertname": "X", "n": str(number)}}


@pytest.mark.parametrize(
    ("method", "path", "code"), [("GET", PATH, 405), ("POST", "/api/v2/alerts", 404)]
)
def test_every_error_has_the_same_shape(
    receiver: Receiver, method: str, path: str, code: int
) -> None:
    reply = receiver.client.open(path, method=method, headers=AUTHORIZED)
    assert reply.status_code == code
    assert list(reply.json or {}) == ["error"]
    assert code != 405 or "POST" in reply.headers["Allow"]


def test_our_own_fault_is_not_counted_as_an_invalid_delivery(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(webhook, "parse", broken)
    assert receiver.post(payload(alert())).status_code == 500
    name = "featurewatch_receiver_deliveries_total"
    assert receiver.metric(f'{name}{{result="failed"}}') == 1
    assert receiver.metric(f'{name}{{result="invalid"}}') == 0


def test_fields_of_newer_alertmanagers_are_ignored(receiver: Receiver) -> None:
    body = payload(alert() | {"new": 1}, notification_reason="repeat", truncatedAlerts=3)
    assert receiver.post(body).json == {"accepted": 1}
    assert receiver.metric("featurewatch_receiver_truncated_alerts_total") == 3


def test_times_with_nanoseconds_and_other_zones_are_read(receiver: Receiver) -> None:
    body = payload(alert() | {"startsAt": "2026-01-02T05:00:00.123456789+02:00"})
    assert receiver.post(body).status_code == 200
    assert receiver.episodes()[0]["started_at"] == "2026-01-02T03:00:00.123Z"


def test_nothing_is_accepted_that_could_not_be_stored(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with locked(receiver.core):
        reply = receiver.post(payload(alert()))
    assert reply.status_code == 503
    assert reply.headers["Retry-After"] == "5"
    assert reply.json == {
        "error": "database: is not available; the delivery was not stored, repeat it"
    }
    assert "database unavailable" in caplog.text
    assert receiver.episodes() == []
    assert receiver.post(payload(alert())).status_code == 200
    results = {
        result: receiver.metric(f'featurewatch_receiver_deliveries_total{{result="{result}"}}')
        for result in ("accepted", "unavailable")
    }
    assert results == {"accepted": 1, "unavailable": 1}
