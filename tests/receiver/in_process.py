"""A receiver without a network, for tests in one process, and settings for any receiver."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from waiting import eventually

from featurewatch_receiver.app import build_app
from featurewatch_receiver.config.receiver import Actions
from featurewatch_receiver.core import Core
from featurewatch_receiver.deliveries.processor import Processor
from featurewatch_receiver.store.database import open_writer
from featurewatch_receiver.store.queue import WorkQueue
from featurewatch_receiver.worker import Worker
from receiver.payloads import T0, Json, payload
from receiver.people import VIEWER, write_users

TOKEN = "correct-horse"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = T0 + timedelta(hours=1)

    def __call__(self) -> Any:
        return self.now


@contextlib.contextmanager
def locked(core: Core) -> Iterator[None]:
    """Another process writes to the database, and does not finish."""
    other = open_writer(core.config.receiver.database)
    with other.begin():
        yield
    other.dispose()


class Receiver:
    """A receiver without a network: its application, and its worker when started."""

    def __init__(self, core: Core, clock: Clock) -> None:
        self.core = core
        self.clock = clock
        self.queue = WorkQueue(core.writer)
        self.worker: Worker | None = None
        self.processor = Processor(core, self.queue)
        app = build_app(core, self.queue, lambda: bool(self.worker and self.worker.is_working()))
        self.client: FlaskClient = app.test_client()

    def start(self) -> None:
        self.worker = Worker(self.core, look_again=0.05, verify_again=0.05)
        self.worker.start()

    def stop(self) -> None:
        if self.worker:
            self.worker.stop()
            self.worker = None

    def close(self) -> None:
        self.stop()
        self.queue.close()
        self.core.close()

    def post(self, body: Any, **options: Any) -> Any:
        """Send a delivery; when it was accepted, it has been applied."""
        reply = self.send(body, **options)
        if reply.status_code == 200:
            self.apply()
        return reply

    def send(self, body: Any, **options: Any) -> Any:
        """Send a delivery, and leave it where it is."""
        keywords = {"data": body} if isinstance(body, bytes) else {"json": body}
        keywords |= {"headers": AUTHORIZED, "content_type": "application/json"} | options
        return self.client.post("/api/v1/webhook/alertmanager", **keywords)

    def deliver(self, *alerts: Json) -> None:
        reply = self.post(payload(*alerts))
        assert (reply.status_code, reply.json) == (200, {"accepted": len(alerts)})

    def apply(self) -> None:
        """Apply all deliveries that wait; the worker's own processor does it if there is one."""
        processor = self.worker.processor if self.worker else self.processor
        while processor.step():
            pass

    def episodes(self) -> list[Json]:
        reply = self.client.get("/api/v1/episodes?hours=8000", headers=VIEWER)
        assert reply.status_code == 200
        episodes: list[Json] = reply.json["episodes"]
        return episodes

    def remediations(self) -> list[Json]:
        return [r for episode in self.episodes() for r in episode["remediations"]]

    def finished(self) -> Json:
        """The only remediation, once it has ended; why none came after it is no other one."""
        first: Json = eventually(lambda: [r for r in self.remediations() if r["finished_at"]])[0]
        assert all(r["state"] == "skipped" for r in self.remediations() if r["id"] != first["id"])
        return first

    def metric(self, line: str) -> float:
        text = self.client.get("/metrics").text
        values = [row for row in text.splitlines() if row.startswith(line + " ")]
        assert len(values) == 1, text
        return float(values[0].rsplit(" ", 1)[1])


def plain_settings(tmp_path: Path, target_url: str) -> Json:
    """Settings with every file in this folder, and a target at this address."""
    (tmp_path / "token").write_text(TOKEN + "\n")
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "runbook.md").write_text("# Runbook\n\n## Latency\n\nLook.\n\n## Other\n\nNo.\n")
    off: Json = {
        "mode": "off",
        "cooldown": "5m",
        "attempts": {"episode": 3, "hour": 10, "day": 20},
        "timeout": None,
        "verify": "0s",
    }
    actions = {name: dict(off) for name in Actions.model_fields}
    actions["scale_up_deployment"] |= {"mode": "auto", "scale_amount": 1, "lease": None}
    actions["scale_down_deployment"] |= {"scale_amount": 1}
    actions["clear_cache"] |= {"mode": "auto", "cooldown": "10m"}
    actions["trigger_retraining"] |= {"wait": False}
    actions["optimize_resources"] |= {"factor": 1.5, "lease": None}
    return {
        "receiver": {
            "listen": "127.0.0.1:9099",
            "url": "http://localhost:9099",
            "token_file": str(tmp_path / "token"),
            "database": f"sqlite:///{tmp_path}/receiver.db",
            "runbook_file": str(tmp_path / "runbook.md"),
            "alertmanager_url": None,
            "prometheus_url": None,
        },
        "access": {"users_file": write_users(tmp_path), "proxy": None},
        "links": {"prometheus": None, "alertmanager": None},
        "responses": {
            "enabled": True,
            "dry_run": False,
            "timeout": "60s",
            "hold": "0s",
            "approval_timeout": "30m",
            "metrics_max_age": "2m",
            "storm": {"episodes": 100, "window": "5m"},
            "actions": actions,
        },
        "targets": {
            name: {
                "backend": "feature_server",
                "deployment": name,
                "cache": "feature_cache",
                "model": "cnn_lstm_model",
                "min_replicas": 1,
                "max_replicas": 3,
            }
            for name in ("feature_extractor", "other_extractor")
        },
        "backends": {
            "feature_server": {
                "kind": "http",
                "url": target_url,
                "token_file": None,
                "request_timeout": "20s",
            }
        },
        "history": {"max_days": 30},
        "alerts": {
            "FeatureExtractionLatencyCritical": {
                "responses": ["scale_up_deployment"],
                "decay": "5m",
            },
            "FeatureExtractionLatencyHigh": {"responses": []},
            "FeatureExtractionCacheHitRateLow": {"responses": ["clear_cache"], "decay": "5m"},
            "FeatureExtractionErrorRateHigh": {"responses": ["restart_deployment"], "decay": "5m"},
        },
        "metrics_age": "vector(0)",
    }
