"""Health, metrics, runbook, history, and what is forgotten."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from waiting import eventually

from featurewatch_receiver.clock import utc_now
from featurewatch_receiver.history.changes import write
from featurewatch_receiver.history.retention import delete_old
from featurewatch_receiver.states import What
from featurewatch_receiver.store import schema
from featurewatch_receiver.store.queue import Workflows
from receiver.in_process import Receiver, locked
from receiver.payloads import Json, alert, at
from receiver.people import VIEWER
from receiver.target import Target

CACHE = "FeatureExtractionCacheHitRateLow"


def test_a_live_process_says_so(receiver: Receiver) -> None:
    reply = receiver.client.get("/healthz")
    assert (reply.status_code, reply.json) == (200, {"status": "ok"})


def test_it_is_ready_while_its_worker_runs(receiver: Receiver) -> None:
    stopped = {"error": "worker: is not running; restart the receiver"}
    reply = receiver.client.get("/readyz")
    assert (reply.status_code, reply.json) == (503, stopped)
    receiver.start()
    eventually(lambda: receiver.client.get("/readyz").status_code == 200)
    receiver.stop()
    assert receiver.client.get("/readyz").status_code == 503


def test_it_is_not_ready_while_the_database_cannot_be_written(working: Receiver) -> None:
    eventually(lambda: working.client.get("/readyz").status_code == 200)
    with locked(working.core):
        reply = working.client.get("/readyz")
    expected = {"error": "database: can't be written; see the receiver's log"}
    assert (reply.status_code, reply.json) == (503, expected)


def test_metrics_count_deliveries_alerts_and_open_episodes(receiver: Receiver) -> None:
    receiver.deliver(alert(), alert(CACHE, end=at(1)))
    receiver.post(b"")
    receiver.client.post("/api/v1/webhook/alertmanager")
    prefix = "featurewatch_receiver"
    expected = {
        'deliveries_total{result="accepted"}': 1,
        'deliveries_total{result="invalid"}': 1,
        'deliveries_total{result="unauthorized"}': 1,
        'deliveries_total{result="too_large"}': 0,
        'alerts_total{status="firing"}': 1,
        'alerts_total{status="resolved"}': 1,
        "open_episodes": 1,
        'remediations_total{action="clear_cache",extractor="feature_extractor",'
        'outcome="failed"}': 0,
    }
    assert {line: receiver.metric(f"{prefix}_{line}") for line in expected} == expected


def test_history_tells_everything_newest_first(receiver: Receiver) -> None:
    receiver.deliver(alert(CACHE, start=at(1)))
    receiver.deliver(alert(level=2))
    newest, oldest = receiver.episodes()
    assert (newest["alertname"], oldest["alertname"]) == (CACHE, "FeatureExtractionLatencyCritical")
    assert {level["level"] for level in oldest["alerts"]} == {2}
    (skipped,) = oldest["remediations"]
    assert skipped["steps"] == [
        {
            "at": "2026-01-02T04:00:00.000Z",
            "actor": "policy",
            "state": "skipped",
            "reason": "target_busy",
            "detail": None,
        }
    ]


def test_history_holds_what_was_open_within_the_hours(receiver: Receiver) -> None:
    receiver.deliver(alert(), alert(CACHE, end=at(59)))

    def names(query: str) -> list[str]:
        reply = receiver.client.get(f"/api/v1/episodes?{query}", headers=VIEWER)
        return [episode["alertname"] for episode in (reply.json or {})["episodes"]]

    assert len(names("hours=1")) == 2
    assert len(names("hours=1&limit=1")) == 1
    receiver.clock.now = at(180)
    assert names("hours=1") == ["FeatureExtractionLatencyCritical"]


@pytest.mark.parametrize("hours", ["0", "-1", "1.5", "nan", "", "²", "1e3", "99999", "9" * 5000])
def test_hours_that_are_none_are_refused(receiver: Receiver, hours: str) -> None:
    reply = receiver.client.get(f"/api/v1/episodes?hours={hours}", headers=VIEWER)
    expected = {"error": "hours: is not a whole number from 1 to 8784; write ?hours=24"}
    assert (reply.status_code, reply.json) == (400, expected)


def test_old_episodes_are_forgotten_with_their_workflows_and_open_ones_stay(
    working: Receiver, target: Target
) -> None:
    working.deliver(alert(CACHE))
    working.finished()
    working.deliver(alert(CACHE, end=at(30)), alert("Watchdog"))
    workflows = Workflows(working.core.writer)
    eventually(lambda: not workflows.executors())  # the engine, too, has noted the end
    with working.core.writer.begin() as connection:
        for row in connection.execute(select(schema.episodes.c.id)).all():
            write(connection, [{"episode_id": row.id, "at": at(1), "what": What.SILENCED}])
    # 30 days after its end it stays, and a moment later it goes.
    working.clock.now = at(30) + timedelta(days=30)
    assert delete_old(working.core, workflows) == 0
    working.clock.now += timedelta(seconds=1)
    assert delete_old(working.core, workflows) == 1
    working.clock.now = utc_now() + timedelta(days=31)  # the engine has a clock of its own
    assert delete_old(working.core, workflows) == 0
    counted = (schema.episodes, schema.alerts, schema.changes)
    counted += (schema.remediations, schema.remediation_steps)
    with working.core.reader.begin() as connection:
        left = [connection.scalar(select(func.count()).select_from(table)) for table in counted]
        remembered = connection.scalar(text("SELECT count(*) FROM workflow_status"))
    assert (left, remembered) == ([1, 1, 1, 0, 0], 0)
    assert target.effects == ["clear"]


def test_an_episode_whose_action_has_not_ended_stays_however_old(receiver: Receiver) -> None:
    receiver.deliver(alert(CACHE))
    receiver.deliver(alert(CACHE, end=at(30)))
    receiver.clock.now = at(30) + timedelta(days=31)
    assert delete_old(receiver.core, Workflows(receiver.core.writer)) == 0


def test_the_backend_token_is_sent_to_the_backend_alone(
    make_receiver: Callable[[], Receiver],
    settings: Json,
    tmp_path: Path,
    target: Target,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "admin").write_text("battery-staple\n")
    settings["backends"]["feature_server"]["token_file"] = str(tmp_path / "admin")
    receiver = make_receiver()
    receiver.start()
    receiver.deliver(alert(CACHE))
    receiver.finished()
    assert target.requests[0][3]["Authorization"] == "Bearer battery-staple"
    assert "battery-staple" not in repr(receiver.core) + repr(receiver.episodes())
    assert "battery-staple" not in "".join(capsys.readouterr())
