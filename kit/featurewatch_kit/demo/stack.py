"""The whole chain on this machine, real but for Slack and PagerDuty."""

import json
import secrets
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from featurewatch_kit import generate, programs
from featurewatch_kit.demo.mailbox import Mailbox
from featurewatch_kit.demo.processes import Processes, free_port
from featurewatch_kit.demo.stand_ins import PagerDutyStandIn, SlackStandIn
from featurewatch_kit.privatefile import write_private
from featurewatch_kit.project import load_config
from featurewatch_receiver.access.users import new_user
from featurewatch_receiver.states import Role

TIMINGS = Path("examples/demo.yaml")
HOST = "127.0.0.1"
MODEL_SECONDS = "0.1"
PAGED = ("on_call_engineer", "engineering_manager")
# The token of whoever watches: reads what the receiver knows, and may act.
PERSON_TOKEN = "person-token"  # noqa: S105  # a file's name
# PagerDuty's integration keys have 32 characters.
ROUTING_KEY_LENGTH = 32


@dataclass(frozen=True, kw_only=True)
class Urls:
    """Where each part answers, without a trailing slash."""

    features: str
    metrics: str
    prometheus: str
    alertmanager: str
    receiver: str


@dataclass
class Stack:
    """Starts and ends every part; a context manager.

    root: the project's folder. folder: where configuration, data and logs go.
    overlays: settings laid over the defaults and the demo's timings.
    on_message: told each notification that arrives, as (channel, message), in a server's thread.
    """

    root: Path
    folder: Path
    overlays: list[Path] = field(default_factory=list)
    on_message: Callable[[str, Any], None] | None = None

    def __enter__(self) -> "Stack":
        self._exit = ExitStack()
        try:
            self._start()
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def _start(self) -> None:
        prometheus = programs.find(programs.PROMETHEUS, self.root)
        alertmanager = programs.find(programs.ALERTMANAGER, self.root)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.mailbox = self._exit.enter_context(Mailbox(on_message=self.on_message))
        self.slack = self._exit.enter_context(SlackStandIn(on_message=self.on_message))
        self.pagerduty = self._exit.enter_context(PagerDutyStandIn(on_message=self.on_message))
        self.processes = self._exit.enter_context(Processes(self.folder / "logs"))
        ready = self._start_feature_server()
        self.urls = Urls(
            features=ready["url"],
            metrics=ready["metrics_url"],
            prometheus=f"http://{HOST}:{free_port()}",
            alertmanager=f"http://{HOST}:{free_port()}",
            receiver=f"http://{HOST}:{free_port()}",
        )
        self._generate()
        self._start_receiver()
        self._start_alertmanager(alertmanager)
        self._start_prometheus(prometheus)
        self._start_load()

    # --- configuration

    def _generate(self) -> None:
        self.token = secrets.token_urlsafe(32)
        self._write_secret("receiver-token", self.token)
        self.person_token, entry = new_user("demo", Role.RESPONDER)
        self._write_secret(PERSON_TOKEN, self.person_token)
        self._write_secret("users.yaml", f"users:\n{entry}\n")
        self._write_secret("slack-url", self.slack.url)
        for name in PAGED:
            self._write_secret(f"pagerduty-{name}", name.ljust(ROUTING_KEY_LENGTH, "-"))
        places = self.folder / "places.yaml"
        places.write_text(yaml.safe_dump(self._places()))
        self.config = load_config(self.root, [self.root / TIMINGS, *self.overlays, places])
        generate.write(generate.generate(self.config, self.root), self.folder)
        (self.folder / "prometheus.yaml").write_text(yaml.safe_dump(self._scrapes()))

    def _write_secret(self, name: str, text: str) -> None:
        write_private(self.folder / name, text)

    def _places(self) -> dict[str, Any]:
        """Settings that are known only now: ports and paths."""
        return {
            "recipients": {
                name: {"pagerduty_routing_key_file": str(self.folder / f"pagerduty-{name}")}
                for name in PAGED
            },
            "channels": {
                "email": {"smarthost": self.mailbox.address, "require_tls": False},
                "slack": {"api_url_file": str(self.folder / "slack-url")},
                "pagerduty": {"url": self.pagerduty.url},
            },
            "links": {
                "runbook": f"{self.urls.receiver}/runbook/",
                "console": self.urls.receiver,
                "prometheus": self.urls.prometheus,
                "alertmanager": self.urls.alertmanager,
            },
            "templates_path": str(self.root / "alertmanager/templates/*.tmpl"),
            "receiver": {
                "listen": _address(self.urls.receiver),
                "url": self.urls.receiver,
                "token_file": str(self.folder / "receiver-token"),
                "database": f"sqlite:///{self.folder / 'receiver.db'}",
                "runbook_file": str(self.root / "docs/runbook.md"),
                "alertmanager_url": self.urls.alertmanager,
                "prometheus_url": self.urls.prometheus,
            },
            "access": {"users_file": str(self.folder / "users.yaml")},
            "backends": {"feature_server": {"url": f"{self.urls.features}/admin"}},
        }

    def _scrapes(self) -> dict[str, Any]:
        interval = self.config.alerting.evaluation_interval
        names = self.config.metrics
        jobs = {
            names.job: self.urls.metrics,
            names.receiver_job: self.urls.receiver,
            "alertmanager": self.urls.alertmanager,
        }
        return {
            "global": {"scrape_interval": interval, "scrape_timeout": interval},
            "rule_files": [str(self.folder / generate.RULES), str(self.folder / generate.ALERTS)],
            "scrape_configs": [
                {"job_name": name, "static_configs": [{"targets": [_address(url)]}]}
                for name, url in jobs.items()
            ],
            "alerting": {
                "alertmanagers": [
                    {"static_configs": [{"targets": [_address(self.urls.alertmanager)]}]}
                ]
            },
        }

    # --- processes

    def _start_feature_server(self) -> dict[str, str]:
        # A model this slow makes misses hurt at once: however early the cache is fixed, latency
        # has been critical before, and every level of the escalation is seen.
        command = ["-m", "feature_server", "--port", "0", "--metrics-port", "0"]
        command += ["--model-time", MODEL_SECONDS]
        self._python("feature-server", [*command, "--exit-with-parent"])
        log = self.processes.log("feature-server")
        self.processes.wait_until("feature server starts", lambda: _ready_line(log) is not None)
        return _ready_line(log) or {}

    def _start_load(self) -> None:
        command = ["-m", "feature_server.load", "--url", self.urls.features, "--exit-with-parent"]
        self._python("load", command)

    def _start_receiver(self) -> None:
        config = str(self.folder / generate.RECEIVER)
        self._python("receiver", ["-m", "featurewatch_receiver", "serve", "--config", config])
        self.processes.wait_for("receiver", self.urls.receiver, "/readyz")

    def _start_alertmanager(self, program: Path) -> None:
        options = {
            "config.file": self.folder / generate.ALERTMANAGER,
            "storage.path": self.folder / "alertmanager-data",
            "web.listen-address": _address(self.urls.alertmanager),
            "web.external-url": self.urls.alertmanager,
            "cluster.listen-address": "",
        }
        self.processes.start_program("alertmanager", program, self.root, options)
        self.processes.wait_for("alertmanager", self.urls.alertmanager, "/-/ready")

    def _start_prometheus(self, program: Path) -> None:
        options = {
            "config.file": self.folder / "prometheus.yaml",
            "storage.tsdb.path": self.folder / "prometheus-data",
            "web.listen-address": _address(self.urls.prometheus),
            "web.external-url": self.urls.prometheus,
            # A resolve that was inhibited when it came is sent again after this time.
            "rules.alert.resend-delay": "5s",
        }
        self.processes.start_program("prometheus", program, self.root, options)
        self.processes.wait_for("prometheus", self.urls.prometheus, "/-/ready")

    def _python(self, name: str, arguments: list[str]) -> None:
        path = str(self.root / "examples")
        self.processes.start(name, [sys.executable, *arguments], PYTHONPATH=path)


def _address(url: str) -> str:
    return url.removeprefix("http://").split("/")[0]


def _ready_line(log: Path) -> dict[str, str] | None:
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith('{"url"'):
            ready: dict[str, str] = json.loads(line)
            return ready
    return None
