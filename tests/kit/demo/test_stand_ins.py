import json
import smtplib
import threading
from email.message import EmailMessage

import pytest
import requests
from waiting import ANSWER_SECONDS

from featurewatch_kit.demo.mailbox import Mailbox
from featurewatch_kit.demo.stand_ins import PagerDutyStandIn, SlackStandIn

PAYLOAD = {"summary": "p95 is 0.2 s", "source": "feature_extractor", "severity": "critical"}
TRIGGER = {"routing_key": "k", "event_action": "trigger", "payload": PAYLOAD}


def without(field: str) -> dict[str, object]:
    return {
        **{name: value for name, value in TRIGGER.items() if name != field},
        "payload": {name: value for name, value in PAYLOAD.items() if f"payload.{name}" != field},
    }


@pytest.fixture
def slack():
    with SlackStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def pagerduty():
    with PagerDutyStandIn() as stand_in:
        yield stand_in


@pytest.mark.parametrize(
    "message",
    [
        {"text": "p95 is high"},
        {"attachments": [{"title": "p95 is high", "color": "danger"}]},  # as Alertmanager sends
        {"blocks": [{"type": "divider"}]},
    ],
)
def test_slack_takes_a_message(slack, message):
    answer = requests.post(slack.url, json=message, timeout=ANSWER_SECONDS)
    assert (answer.status_code, answer.text) == (200, "ok")
    assert slack.messages() == [message]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("{", "invalid_payload"),
        ("", "invalid_payload"),
        ('["text"]', "invalid_payload"),
        ("{}", "no_text"),
        ('{"text": ""}', "no_text"),
        ('{"channel": "#alerts"}', "no_text"),
    ],
)
def test_slack_refuses_what_it_cannot_show(slack, body, error):
    answer = requests.post(slack.url, data=body, timeout=ANSWER_SECONDS)
    assert (answer.status_code, answer.text) == (400, error)
    assert slack.messages() == []


def test_another_path_is_not_found(slack):
    assert (
        requests.post(slack.url + "/x", json={"text": "x"}, timeout=ANSWER_SECONDS).status_code
        == 404
    )


@pytest.mark.parametrize("severity", ["critical", "error", "warning", "info"])
def test_pagerduty_takes_an_event_and_names_its_key(pagerduty, severity):
    event = {**TRIGGER, "dedup_key": "d", "payload": {**PAYLOAD, "severity": severity}}
    answer = requests.post(pagerduty.url, json=event, timeout=ANSWER_SECONDS)
    assert answer.status_code == 202
    assert answer.json() == {
        "status": "success",
        "message": "Event processed",
        "dedup_key": "d",
    }
    assert pagerduty.messages() == [event]


def test_pagerduty_makes_a_key_for_an_event_without(pagerduty):
    keys = {
        requests.post(pagerduty.url, json=TRIGGER, timeout=ANSWER_SECONDS).json()["dedup_key"]
        for _ in "ab"
    }
    assert len(keys) == 2


def test_pagerduty_resolves_by_key_alone(pagerduty):
    event = {"routing_key": "k", "event_action": "resolve", "dedup_key": "d"}
    assert requests.post(pagerduty.url, json=event, timeout=ANSWER_SECONDS).status_code == 202


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (without("routing_key"), "'routing_key' is missing or blank"),
        (without("event_action"), "'event_action' is missing or blank"),
        (without("payload.summary"), "'payload.summary' is missing or blank"),
        (without("payload.source"), "'payload.source' is missing or blank"),
        (without("payload.severity"), "'payload.severity' is missing or blank"),
        (
            {**TRIGGER, "payload": {**PAYLOAD, "severity": "high"}},
            "'payload.severity' must be one of critical, error, warning, info",
        ),
        (
            {**TRIGGER, "payload": {**PAYLOAD, "summary": "x" * 1025}},
            "'payload.summary' must be at most 1024 characters long",
        ),
        (
            {**TRIGGER, "event_action": "open"},
            "'event_action' must be one of trigger, acknowledge, resolve",
        ),
        ({**TRIGGER, "payload": "down"}, "'payload' is missing or blank"),
        ({"routing_key": "k", "event_action": "resolve"}, "'dedup_key' is missing or blank"),
        (["event"], "the body must be a JSON object"),
    ],
)
def test_pagerduty_refuses_an_invalid_event(pagerduty, event, error):
    answer = requests.post(pagerduty.url, json=event, timeout=ANSWER_SECONDS)
    assert answer.status_code == 400
    assert answer.json() == {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": [error],
    }
    assert pagerduty.messages() == []


def test_a_mail_arrives_as_it_was_sent():
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "p95 is 200 µs, critical", "a@b.c", "d@e.f"
    mail.set_content("one")
    mail.add_alternative("<p>one</p>", subtype="html")
    with Mailbox() as mailbox:
        host, port = mailbox.address.split(":")
        with smtplib.SMTP(host, int(port), timeout=ANSWER_SECONDS) as client:
            client.send_message(mail)
        (arrived,) = mailbox.messages()
    assert arrived["Subject"] == mail["Subject"]
    assert arrived.get_body(("html",)).get_content().strip() == "<p>one</p>"


def test_listeners_hear_of_each_message_with_its_channel():
    heard: list[tuple[str, object]] = []
    mail = EmailMessage()
    mail["From"], mail["To"] = "a@b.c", "d@e.f"
    with (
        SlackStandIn(on_message=lambda *message: heard.append(message)) as slack,
        PagerDutyStandIn(on_message=lambda *message: heard.append(message)) as pagerduty,
        Mailbox(on_message=lambda *message: heard.append(message)) as mailbox,
    ):
        requests.post(slack.url, json={"text": "x"}, timeout=ANSWER_SECONDS)
        requests.post(pagerduty.url, json=TRIGGER, timeout=ANSWER_SECONDS)
        with smtplib.SMTP(*mailbox.address.split(":"), timeout=ANSWER_SECONDS) as client:
            client.send_message(mail)
    assert [channel for channel, _ in heard] == ["slack", "pagerduty", "email"]
    assert heard[0][1] == {"text": "x"}


@pytest.mark.parametrize("stand_in", [SlackStandIn, PagerDutyStandIn, Mailbox])
def test_closing_frees_the_port_and_ends_the_threads(stand_in):
    threads = set(threading.enumerate())
    first = stand_in()
    address = first.address if stand_in is Mailbox else first.url.split("/")[2]
    port = int(address.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="in use"):
        stand_in(port=port)
    first.close()
    stand_in(port=port).close()
    assert set(threading.enumerate()) <= threads


def test_messages_are_a_snapshot(slack):
    requests.post(slack.url, data=json.dumps({"text": "x"}), timeout=ANSWER_SECONDS)
    slack.messages().clear()
    assert len(slack.messages()) == 1
