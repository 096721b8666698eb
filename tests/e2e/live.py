"""Prometheus and Alertmanager on the generated files, between our extractors and stand-ins."""

import contextlib
import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import requests
import yaml
from waiting import ANSWER_SECONDS, PATIENCE_SECONDS, eventually

from e2e.journal import Journal, WebhookCollector
from e2e.world import SyntheticExtractor, World
from featurewatch_kit import generate, programs
from featurewatch_kit.demo.clients import Prometheus
from featurewatch_kit.demo.mailbox import Mailbox
from featurewatch_kit.demo.processes import Processes, free_port
from featurewatch_kit.demo.stand_ins import PagerDutyStandIn, SlackStandIn
from featurewatch_kit.project import load_config
from featurewatch_receiver.clients.alertmanager import Alertmanager
from featurewatch_receiver.silences.acknowledgement import Acknowledger, Note

HOST = "127.0.0.1"
PAGED = ("on_call_engineer", "engineering_manager")
ROUTING_KEY_LENGTH = 32  # of PagerDuty's integration keys
RESEND_SECONDS = 3

Labels = dict[str, str]


class Children(Processes):
    """Processes that can be killed one by one."""

    def kill(self, name: str) -> None:
        """End one child as a crash would: it gets no chance to write anything."""
        children = dict(self._children)
        os.killpg(children[name].pid, signal.SIGKILL)
        children[name].wait()
        self._children = [child for child in self._children if child[0] != name]


@dataclass
class Live:
    """Starts and ends every part; a context manager.

    overlay: settings laid over the defaults and the short times.
    alertmanager_options: options of its command line beyond those that it can't do without.
    resend_seconds: Prometheus sends an alert again after that, and Alertmanager takes it as ended
        after four times that.
    """

    root: Path
    folder: Path
    overlay: dict[str, Any] = field(default_factory=dict)
    alertmanager_options: dict[str, Any] = field(
        default_factory=lambda: {"cluster.listen-address": ""}
    )
    resend_seconds: int = RESEND_SECONDS

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def _start(self, stack: ExitStack) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.journal = Journal()
        self.world = stack.enter_context(World())
        self._mailbox = stack.enter_context(Mailbox(on_message=self.journal.add))
        self._slack = stack.enter_context(SlackStandIn(on_message=self.journal.add))
        self._pagerduty = stack.enter_context(PagerDutyStandIn(on_message=self.journal.add))
        self._webhook = stack.enter_context(WebhookCollector(on_message=self.journal.add))
        self._ports = {"prometheus": free_port(), "alertmanager": free_port()}
        self._generate()
        self._processes = stack.enter_context(Children(self.folder / "logs"))
        self._prometheus = Prometheus(self._url("prometheus"))
        stack.callback(self._prometheus.close)
        self._http = stack.enter_context(requests.Session())
        self._http.trust_env = False
        self.start_alertmanager()
        self.start_prometheus()

    # --- configuration

    def _generate(self) -> None:
        self._write("slack-url", self._slack.url)
        self._write("receiver-token", "a token of the tests")
        for name in PAGED:
            self._write(f"pagerduty-{name}", name.ljust(ROUTING_KEY_LENGTH, "-"))
        self._write("overlay.yaml", yaml.safe_dump(self.overlay))
        self._write("places.yaml", yaml.safe_dump(self._places()))
        overlays = [Path(__file__).with_name("short_times.yaml")]
        overlays += [self.folder / "overlay.yaml", self.folder / "places.yaml"]
        self.config = load_config(self.root, overlays)
        generate.write(generate.generate(self.config, self.root), self.folder)
        self._write("prometheus.yaml", yaml.safe_dump(self._scrapes()))

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def _places(self) -> dict[str, Any]:
        """Settings that are known only now: ports and paths."""
        webhook = self._webhook.url.removesuffix(WebhookCollector.path)
        return {
            "recipients": {
                name: {"pagerduty_routing_key_file": str(self.folder / f"pagerduty-{name}")}
                for name in PAGED
            },
            "channels": {
                "email": {"smarthost": self._mailbox.address, "require_tls": False},
                "slack": {"api_url_file": str(self.folder / "slack-url")},
                "pagerduty": {"url": self._pagerduty.url},
            },
            "templates_path": str(self.root / "alertmanager/templates/*.tmpl"),
            "receiver": {"url": webhook, "token_file": str(self.folder / "receiver-token")},
        }

    def _scrapes(self) -> dict[str, Any]:
        interval = self.config.alerting.evaluation_interval
        alertmanager = f"{HOST}:{self._ports['alertmanager']}"
        return {
            "global": {"scrape_interval": interval, "scrape_timeout": interval},
            "rule_files": [str(self.folder / generate.RULES), str(self.folder / generate.ALERTS)],
            "scrape_configs": [
                {
                    "job_name": self.config.metrics.job,
                    "static_configs": [{"targets": [self.world.address]}],
                }
            ],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        }

    # --- processes

    def start_prometheus(self) -> None:
        """Start it, on the data of the one before if there was one."""
        options = {
            "config.file": self.folder / "prometheus.yaml",
            "storage.tsdb.path": self.folder / "prometheus-data",
            "rules.alert.resend-delay": f"{self.resend_seconds}s",
        }
        self._start_program("prometheus", programs.PROMETHEUS, options)

    def start_alertmanager(self) -> None:
        """Start it, on the data of the one before if there was one."""
        options = {
            "config.file": self.folder / generate.ALERTMANAGER,
            "storage.path": self.folder / "alertmanager-data",
        }
        options |= self.alertmanager_options
        self._start_program("alertmanager", programs.ALERTMANAGER, options)

    def settled(self) -> bool:
        """Whether Alertmanager has begun to notify."""
        answer = self._http.get(self._alertmanager("status"), timeout=ANSWER_SECONDS)
        return bool(answer.json()["cluster"]["status"] in {"ready", "disabled"})

    def _start_program(self, name: str, program: programs.Program, options: dict[str, Any]) -> None:
        path = programs.find(program, self.root)
        options |= {"web.listen-address": f"{HOST}:{self._ports[name]}"}
        self._processes.start_program(name, path, self.root, options)
        self._processes.wait_until(f"{name} starts", lambda: self._ready(name), PATIENCE_SECONDS)

    def _ready(self, name: str) -> bool:
        with contextlib.suppress(requests.RequestException):
            return self._http.get(f"{self._url(name)}/-/ready", timeout=ANSWER_SECONDS).ok
        return False

    def kill(self, name: str) -> None:
        """Kill `prometheus` or `alertmanager`: -9, no farewell."""
        self._processes.kill(name)

    # --- what tests do

    def extractor(self, name: str) -> SyntheticExtractor:
        """A healthy extractor of that name, whose traffic Prometheus has seen for a while."""
        extractor = self.world.extractor(name)
        requests_seen = f'increase(feature_extraction_requests_total{{extractor="{name}"}}[4s])'
        self.until(lambda: (self._prometheus.value(requests_seen) or 0) > 100, f"{name} is seen")
        return extractor

    def silence(self, **matchers: str) -> None:
        """Silence what matches these regular expressions."""
        now = datetime.now(UTC)
        self._post(
            "silences",
            {
                "matchers": [
                    {"name": name, "value": value, "isRegex": True}
                    for name, value in matchers.items()
                ],
                "startsAt": now.isoformat(),
                "endsAt": (now + timedelta(hours=1)).isoformat(),
                "createdBy": "a test",
                "comment": "a test",
            },
        )

    def acknowledge(self, alert: str, extractor: str) -> None:
        """Acknowledge what fires, as `featurewatch ack` does."""
        with contextlib.closing(Alertmanager(self._url("alertmanager"))) as client:
            Acknowledger(client).acknowledge(
                {"alertname": alert, "extractor": extractor},
                Note(user="a test", reason="to see it stop"),
            )

    def post_alert(self, labels: Labels) -> None:
        """Send Alertmanager an alert past Prometheus."""
        self._post("alerts", [{"labels": labels, "annotations": {"summary": "from elsewhere"}}])

    def _post(self, path: str, body: object) -> None:
        self._http.post(
            self._alertmanager(path), json=body, timeout=ANSWER_SECONDS
        ).raise_for_status()

    def _alertmanager(self, path: str) -> str:
        return f"{self._url('alertmanager')}/api/v2/{path}"

    def _url(self, name: str) -> str:
        return f"http://{HOST}:{self._ports[name]}"

    # --- what tests see

    def alerts(self, extractor: str) -> list[dict[str, Any]]:
        """Alerts of one extractor that fire at Alertmanager, muted ones included."""
        matcher = {"filter": f'extractor="{extractor}"'}
        answer = self._http.get(
            self._alertmanager("alerts"), params=matcher, timeout=ANSWER_SECONDS
        )
        answer.raise_for_status()
        alerts: list[dict[str, Any]] = answer.json()
        return alerts

    def fires(self, extractor: str, alert: str, level: str) -> bool:
        """Whether that level of an alert fires at Alertmanager, muted or not."""
        wanted = {"alertname": alert, "escalation_level": level}
        return any(wanted.items() <= one["labels"].items() for one in self.alerts(extractor))

    def levels(self, extractor: str) -> set[str]:
        """Levels of the extractor's alerts that fire at Prometheus."""
        return {
            labels.get("escalation_level", "")
            for labels in self._prometheus.firing()
            if labels.get("extractor") == extractor
        }

    def resolved(self, extractor: str) -> bool:
        """Whether the receiver's last word of the extractor is that all is over."""
        last = {tuple(sorted(d.labels.items())): d for d in self.journal.deliveries(extractor)}
        return bool(last) and all(d.status == "resolved" for d in last.values())

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition, and fail when it does not come true in time."""
        eventually(condition, what=what)

    def until_told(self, extractor: str, *, level: str = "1", alert: str = "") -> None:
        """Wait until people are told of that level, of one alert if it is named."""
        self.until(
            lambda: any(
                notice.level == level and alert in {"", notice.alert}
                for notice in self.journal.firing(extractor)
            ),
            f"{extractor}: level {level} {alert}",
        )

    def until_over(self, extractor: str) -> None:
        """Wait until the extractor has no alert and everyone who was told knows that it ended."""
        self.until(
            lambda: self.journal.ended(extractor) and not self.alerts(extractor),
            f"{extractor}: the end",
        )
