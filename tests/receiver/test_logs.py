"""The log: one line of JSON for each event, whatever the alerts say."""

import json
import logging
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from featurewatch_receiver import logs
from featurewatch_receiver.access.token_files import tell_readable
from receiver.in_process import AUTHORIZED, Receiver
from receiver.payloads import Json, alert, at, payload

ROOT = Path(__file__).parents[2]
NASTY = (
    '\N{FIRE}a"\n{"event": "alert"}\r\n\x1b[2J\0\x85\u2028\N{RIGHT-TO-LEFT OVERRIDE}\\' + "x" * 5000
)
# What containerd and CRI-O keep of one line, unless they are told otherwise.
LONGEST_LINE = 16_384


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[Json]]:
    """The lines of an event so far; each is one line of plain JSON and not too long."""
    caplog.set_level(logging.INFO)

    def lines_of(event: str) -> list[Json]:
        lines = [
            line
            for record in caplog.records
            if record.name == "featurewatch_receiver"
            for line in logs.JsonLine().format(record).splitlines()
        ]
        for line in lines:
            assert line.isascii()
            assert line.isprintable()
            assert len(line) < LONGEST_LINE
        return [found for line in lines if (found := json.loads(line))["event"] == event]

    return lines_of


def test_a_sender_that_is_not_understood_is_named(
    receiver: Receiver, written: Callable[[str], list[Json]]
) -> None:
    receiver.post({"version": "2"}, headers=AUTHORIZED | {"User-Agent": "Grafana"})
    receiver.post(payload(alert()), headers={"Authorization": "Bearer wrong"})
    [line] = written("delivery not understood")
    assert (line["sender"], line["user_agent"]) == ("127.0.0.1", "Grafana")
    assert line["reason"].startswith("version: is not '4'")


def test_whoever_comes_again_and_again_is_told_once_a_minute(
    written: Callable[[str], list[Json]],
) -> None:
    now = 0.0
    seldom = logs.Seldom("knocked", clock=lambda: now)
    for moment in (0, 1, 59, 60, 61):
        now = moment
        seldom.trouble("10.0.0.1")
    seldom.trouble("10.0.0.2")
    told = [(line["sender"], line.get("more_since_the_last")) for line in written("knocked")]
    assert told == [("10.0.0.1", None), ("10.0.0.1", 2), ("10.0.0.2", None)]


def test_a_secret_that_everybody_can_read_is_told(
    receiver: Receiver, written: Callable[[str], list[Json]]
) -> None:
    config = receiver.core.config
    file = Path(config.receiver.token_file)
    file.chmod(0o640)
    Path(config.access.users_file or "").chmod(0o600)
    tell_readable(config)
    assert written("secret readable by others") == []
    file.chmod(0o644)
    tell_readable(config)
    [line] = written("secret readable by others")
    assert line["reason"].startswith(f"receiver.token_file: everybody can read {file}")


def test_a_wrong_token_is_told_and_none_is_not(
    receiver: Receiver, written: Callable[[str], list[Json]]
) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert receiver.client.get("/api/v1/alerts", headers=headers).status_code == 401
    receiver.post(payload(alert()), headers={"Authorization": "Bearer wrong"})
    assert [line["at"] for line in written("wrong token")] == ["api"]
    counted = "featurewatch_receiver_wrong_tokens_total"
    assert [receiver.metric(f'{counted}{{at="{at}"}}') for at in ("api", "webhook")] == [1, 1]


def test_a_firing_alert_is_one_line_with_all_that_a_log_is_searched_for(
    receiver: Receiver, written: Callable[[str], list[Json]]
) -> None:
    receiver.deliver(alert(level=2, escalation_policy="latency_violation", start=at(5)))
    [line] = written("alert")
    assert datetime.fromisoformat(line.pop("time")).tzinfo
    assert line == {
        "level": "info",
        "event": "alert",
        "episode": receiver.episodes()[0]["id"],
        "outcome": "opened",
        "status": "firing",
        "alertname": "FeatureExtractionLatencyCritical",
        "severity": "critical",
        "extractor": "feature_extractor",
        "escalation_policy": "latency_violation",
        "escalation_level": 2,
        "fingerprint": receiver.episodes()[0]["alerts"][0]["fingerprint"],
        "starts_at": "2026-01-02T03:05:00.000+00:00",
        "ends_at": None,
        "summary": "p95 is 0.2",
    }


def test_the_end_of_an_alert_is_a_line_with_both_times(
    receiver: Receiver, written: Callable[[str], list[Json]]
) -> None:
    receiver.deliver(alert())
    receiver.deliver(alert(end=at(7)))
    line = written("alert")[-1]
    assert (line["outcome"], line["status"]) == ("resolved", "resolved")
    assert line["starts_at"] == "2026-01-02T03:00:00.000+00:00"
    assert line["ends_at"] == "2026-01-02T03:07:00.000+00:00"


def test_what_is_overtaken_belongs_to_no_episode_in_the_log(
    receiver: Receiver, written: Callable[[str], list[Json]]
) -> None:
    receiver.deliver(alert(start=at(5)))
    receiver.deliver(alert(start=at(5), end=at(7)))
    receiver.deliver(alert(start=at(1)))
    lines = written("alert")
    episode = receiver.episodes()[0]["id"]
    assert [(line["outcome"], line["episode"]) for line in lines] == [
        ("opened", episode),
        ("resolved", episode),
        ("stale", None),
    ]


def test_each_alert_of_a_delivery_has_a_line_and_each_delivery_again(
    receiver: Receiver, written: Callable[[str], list[Json]]
) -> None:
    both = (alert(), alert("FeatureExtractionCacheHitRateLow"))
    receiver.deliver(*both)
    receiver.deliver(*both)
    assert [(line["alertname"], line["outcome"]) for line in written("alert")] == [
        ("FeatureExtractionLatencyCritical", "opened"),
        ("FeatureExtractionCacheHitRateLow", "opened"),
        ("FeatureExtractionLatencyCritical", "repeated"),
        ("FeatureExtractionCacheHitRateLow", "repeated"),
    ]


def test_a_hostile_alert_is_one_line_whose_values_are_short_and_harmless(
    receiver: Receiver, written: Callable[[str], list[Json]]
) -> None:
    labels = {"extractor": NASTY, "severity": NASTY, "escalation_policy": NASTY}
    hostile = alert(NASTY, **labels) | {"annotations": {"summary": NASTY}, "fingerprint": NASTY}
    receiver.deliver(hostile)
    [line] = written("alert")
    for name in ("alertname", "severity", "extractor", "escalation_policy", "summary"):
        assert line[name].startswith('\N{FIRE}a" {"event": "alert"} \\x1b[2J')
        assert line[name].isprintable()
        assert len(line[name]) == 200


def test_astral_characters_everywhere_keep_the_line_short_enough(
    receiver: Receiver, written: Callable[[str], list[Json]]
) -> None:
    """Each is twelve characters of JSON."""
    long = "\N{FIRE}" * 1000
    labels = {"extractor": long, "severity": long, "escalation_policy": long}
    texts = {"annotations": {"summary": long}, "fingerprint": long}
    receiver.deliver(alert(long, **labels) | texts)
    assert len(written("alert")) == 1


def test_what_a_remediation_is_about_is_as_harmless(
    receiver: Receiver, written: Callable[[str], list[Json]]
) -> None:
    name = "FeatureExtractionCacheHitRateLow"
    receiver.deliver(alert(name, extractor=NASTY))
    [line] = written("remediation")
    assert (line["alertname"], line["reason"]) == (name, "target_not_allowed")


def test_a_faulty_delivery_and_a_left_out_alert_forge_no_line(
    receiver: Receiver, written: Callable[[str], list[Json]]
) -> None:
    receiver.post(payload(alert(), truncatedAlerts=2, groupKey=NASTY))
    [line] = written("alerts truncated")
    assert line["count"] == 2
    assert line["group"].isprintable()


def test_every_event_and_every_field_of_an_alert_is_documented(
    receiver: Receiver, written: Callable[[str], list[Json]]
) -> None:
    section = (ROOT / "docs/operations.md").read_text(encoding="utf-8").split("\n## Logs\n")[1]
    explained = {
        name
        for row in re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", row)
    }
    sources = (ROOT / "receivers/featurewatch_receiver").rglob("*.py")
    call = re.compile(r'logs\.(?:events?|trouble|Seldom)\(\s*"([^"]+)"')
    events = {name for file in sources for name in call.findall(file.read_text(encoding="utf-8"))}
    receiver.deliver(alert())
    receiver.send(payload(alert("Other"), version="1"))
    receiver.apply()
    fields = {name for line in written("alert") for name in line}
    assert events >= {"alert", "remediation", "listening"}
    assert explained == events | fields - {"time", "level", "event"}


def test_a_library_is_heard_in_one_line_without_sql_and_what_it_wrote() -> None:
    said = """Retrying after an error:
Traceback (most recent call last):
sqlite3.OperationalError: database is locked
[SQL: UPDATE workflow_status SET inputs=?]
[parameters: ('secret-of-an-input',)]"""
    cause = ValueError(
        "(sqlite3.OperationalError) database is locked\n[SQL: x]\n[parameters: secret]"
    )
    record = logging.LogRecord("dbos", logging.WARNING, "", 1, said, (), (None, cause, None))
    line = json.loads(logs.JsonLine().format(record))
    assert line["event"] == "Retrying after an error:"
    assert line["error"] == "ValueError('(sqlite3.OperationalError) database is locked"
    one = logging.LogRecord("dbos", logging.WARNING, "", 1, "x [SQL: y] [parameters: z]", (), None)
    assert json.loads(logs.JsonLine().format(one))["event"] == "x"


def test_what_the_engine_says_of_work_that_it_leaves_behind_is_no_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop in mid-action: the next start takes it up."""
    engine = logging.getLogger("dbos")
    for name in ("handlers", "filters", "propagate", "level"):
        monkeypatch.setattr(engine, name, getattr(engine, name))
    handler = logging.StreamHandler()
    logs.configure()
    engine.handlers = [handler]
    logs.engine_stops(False)
    engine.error("Exception encountered in background workflow: 1")
    logs.engine_stops()
    engine.error("Exception encountered in background workflow: 2")
    logs.engine_stops(False)
    assert capsys.readouterr().err == "Exception encountered in background workflow: 1\n"
