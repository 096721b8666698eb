"""The real Alertmanager on the configuration that this project generates, and who it tells."""

import json
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import requests
import yaml
from waiting import ANSWER_SECONDS, PATIENCE_SECONDS, eventually

from featurewatch_kit import programs
from featurewatch_kit.demo.processes import Processes, free_port
from featurewatch_kit.demo.stand_ins import Answer, StandIn
from featurewatch_kit.generate import ALERTMANAGER, generate
from featurewatch_kit.project import load_config
from receiver.payloads import Json

ROOT = Path(__file__).parents[2]
LATENCY = {
    "alertname": "FeatureExtractionLatencyCritical",
    "category": "performance",
    "type": "latency",
    "severity": "critical",
    "escalation_policy": "latency_violation",
}
CACHE = {
    "alertname": "FeatureExtractionCacheHitRateLow",
    "category": "cache",
    "type": "performance",
    "severity": "medium",
    "escalation_policy": "default",
}


# What `fire` reports, as its users name it; the marks of `flush` are other alerts.
ALERT = {"alertname": LATENCY["alertname"], "extractor": "extractor", "mark": ""}


class Webhook(StandIn):
    """Takes what Alertmanager sends to the receiver."""

    channel = "webhook"
    path = "/api/v1/webhook/alertmanager"

    def answer(self, body: bytes) -> Answer:
        self.accept(json.loads(body))
        return Answer(status=200, body="ok")


# They stand in the generated configuration for what each Alertmanager has of its own.
ANY_FOLDER, ANY_URL = "/any/folder", "http://any-receiver.example.com"


@cache
def _generated() -> str:
    """The project's configuration, in a hurry and telling nobody but the webhook."""
    fast = {"group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"}
    # Each level tells somebody else by mail, so that each has a receiver of its own.
    whom = ("monitoring_team", "on_call_engineer", "engineering_manager")
    mail = {"channels": ["email"], "response_time": "immediate"}
    levels = [mail | {"recipients": [name]} for name in whom]
    settings = {
        "channels": {name: {"enabled": False} for name in ("slack", "pagerduty")},
        "escalation": {"policies": {"latency_violation": {"levels": levels}}},
        "routing": {"receiver": fast},
        "receiver": {"url": ANY_URL, "token_file": f"{ANY_FOLDER}/token"},
        "templates_path": f"{ANY_FOLDER}/no-templates/*.tmpl",
    }
    with TemporaryDirectory() as folder:
        overlay = Path(folder) / "overlay.yaml"
        overlay.write_text(yaml.safe_dump(settings))
        config = yaml.safe_load(generate(load_config(ROOT, [overlay]), ROOT)[ALERTMANAGER])
    for receiver in config["receivers"]:
        receiver.pop("email_configs", None)
    return yaml.safe_dump(config, sort_keys=False)


class LiveAlertmanager:
    """A context manager; `fire` and `end` say what Prometheus would."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._alerts: dict[str, Json] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._webhook = stack.enter_context(Webhook())
            self._config = self._generate()
            self.processes = stack.enter_context(Processes(self._folder / "logs"))
            self.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> None:
        program = programs.find(programs.ALERTMANAGER, ROOT)
        options = {
            "config.file": self._config,
            "storage.path": self._folder / "data",
            "web.listen-address": f"127.0.0.1:{self._port}",
            "cluster.listen-address": "",
        }
        self.processes.start_program("alertmanager", program, ROOT, options)
        self.processes.wait_until("alertmanager starts", self._is_ready, PATIENCE_SECONDS)

    def stop(self) -> None:
        """It writes its silences down and forgets its alerts."""
        self.processes.close()

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/-/ready", timeout=ANSWER_SECONDS).ok
        except requests.ConnectionError:
            return False

    def _generate(self) -> Path:
        """The project's configuration, in a hurry and telling nobody but the webhook."""
        (self._folder / "token").write_text("token")
        config = self._folder / "alertmanager.yaml"
        text = _generated().replace(ANY_FOLDER, str(self._folder))
        config.write_text(text.replace(ANY_URL, self._webhook.url.removesuffix(Webhook.path)))
        return config

    # --- what Prometheus says

    def fire(self, level: int = 1, **labels: str) -> None:
        """Report one level of an alert; without labels of LatencyCritical of `extractor`."""
        labels = LATENCY | {"extractor": "extractor", "escalation_level": str(level)} | labels
        now = datetime.now(UTC)
        alert = {
            "labels": labels,
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
        }
        self._alerts[repr(sorted(labels.items()))] = alert
        self._send([alert])

    def end(self, **labels: str) -> None:
        """Every alert with these labels ends."""
        now = datetime.now(UTC).isoformat()
        over = {k: a for k, a in self._alerts.items() if a["labels"].items() >= labels.items()}
        self._send([alert | {"endsAt": now} for alert in over.values()])
        self._alerts = {k: a for k, a in self._alerts.items() if k not in over}
        eventually(lambda: len(self._get("alerts")) == len(self._alerts))

    def forget(self, **labels: str) -> None:
        """Prometheus has no alert with these labels any more, and Alertmanager is not told."""
        self._alerts = {
            k: a for k, a in self._alerts.items() if not a["labels"].items() >= labels.items()
        }

    def send_again(self) -> None:
        """Report what fires, as after Alertmanager's restart."""
        self._send(list(self._alerts.values()))

    def _send(self, alerts: list[Json]) -> None:
        requests.post(
            f"{self.url}/api/v2/alerts", json=alerts, timeout=ANSWER_SECONDS
        ).raise_for_status()

    # --- what Alertmanager says

    def told(self, status: str = "firing") -> set[tuple[str, str, str]]:
        """Extractor, severity and level of every alert that was notified of."""
        return {
            (labels.get("extractor", ""), labels["severity"], labels["escalation_level"])
            for message in self._webhook.messages()
            for alert in message["alerts"]
            if alert["status"] == status
            for labels in [alert["labels"]]
        }

    def wait_told(
        self,
        level: int,
        *,
        extractor: str = "extractor",
        severity: str = "critical",
        status: str = "firing",
    ) -> None:
        wanted = (extractor, severity, str(level))
        eventually(lambda: wanted in self.told(status))

    def flush(self, name: str = LATENCY["alertname"], extractor: str = "extractor") -> None:
        """Wait until the group of that alert is sent once more: with whatever it may tell of."""
        mark = f"mark {time.monotonic_ns()}"
        self.fire(alertname=name, extractor=extractor, severity="low", mark=mark)
        eventually(lambda: mark in self._marks())

    def _marks(self) -> set[str | None]:
        alerts = [a for message in self._webhook.messages() for a in message["alerts"]]
        return {alert["labels"].get("mark") for alert in alerts}

    def alerts(self) -> list[Json]:
        """Those that fire, muted ones too."""
        return self._get("alerts")

    def silences(self) -> list[Json]:
        """Those in effect."""
        return [s for s in self._get("silences") if s["status"]["state"] != "expired"]

    def _get(self, what: str) -> list[Json]:
        answer = requests.get(f"{self.url}/api/v2/{what}", timeout=ANSWER_SECONDS)
        answer.raise_for_status()
        found: list[Json] = answer.json()
        return found
