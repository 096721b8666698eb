"""Three real Alertmanagers that gossip, on the generated configuration, telling every receiver."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import psutil
import requests
import yaml
from receiver.live_alertmanager import LATENCY
from receiver.payloads import Json
from waiting import ANSWER_SECONDS, PATIENCE_SECONDS

from featurewatch_kit import programs
from featurewatch_kit.demo.processes import Processes, free_port
from featurewatch_kit.generate import ALERTMANAGER, generate
from featurewatch_kit.project import load_config

ROOT = Path(__file__).parents[2]
SIZE = 3
# Of Alertmanager's flags; the second peer waits for so long for word of the first, the third twice.
PEER_TIMEOUT = "2s"


class Cluster:
    """A context manager; `fire` says to each of them what Prometheus would."""

    def __init__(self, folder: Path, receivers: Sequence[str], token_file: Path) -> None:
        self._folder = folder
        self._config = self._generate(receivers, token_file)
        self._ports = [(free_port(), free_port()) for _ in range(SIZE)]
        self._members: list[Processes | None] = [None] * SIZE
        self._firing: list[Json] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.close)
            for number in range(SIZE):
                self._begin(number)
            for number in range(SIZE):
                self.wait_for(number)
            stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for number in range(SIZE):
            self.end(number)

    def _begin(self, number: int) -> None:
        port, gossip = self._ports[number]
        options = {
            "config.file": self._config,
            "storage.path": self._folder / f"data-{number}",
            "web.listen-address": f"127.0.0.1:{port}",
            "cluster.listen-address": f"127.0.0.1:{gossip}",
            "cluster.peer-timeout": PEER_TIMEOUT,
            "cluster.gossip-interval": "50ms",
            "cluster.pushpull-interval": "500ms",
            "cluster.settle-timeout": "10s",
        }
        program = programs.find(programs.ALERTMANAGER, ROOT)
        member = Processes(self._folder / f"logs-{number}")
        self._members[number] = member
        # The flag may be given more than once, which a mapping can't.
        peers = [f"--cluster.peer=127.0.0.1:{other}" for _, other in self._ports if other != gossip]
        words = [f"--{name}={value}" for name, value in options.items()]
        member.start(
            f"alertmanager-{number}",
            [str(program), *words, *peers],
            folder=programs.start_folder(program, ROOT),
        )

    def start(self, number: int) -> None:
        """Start one that was ended; like Prometheus, tell it what fires."""
        self._begin(number)
        self.wait_for(number)
        self._send(number, self._firing)

    def end(self, number: int) -> None:
        if member := self._members[number]:
            member.close()
        self._members[number] = None

    def kill(self, number: int) -> None:
        """kill -9: what it has not gossiped is gone."""
        data = f"--storage.path={self._folder / f'data-{number}'}"
        for child in psutil.Process().children():
            if data in child.cmdline():
                child.kill()
        self.end(number)

    def wait_for(self, number: int) -> None:
        """Wait until it has settled in the cluster."""
        if member := self._members[number]:
            member.wait_until(
                "alertmanager settles", lambda: self._is_ready(number), PATIENCE_SECONDS
            )

    def fire(self, extractor: str, level: int = 1) -> None:
        """Prometheus sends each alert to every Alertmanager."""
        now = datetime.now(UTC)
        labels = LATENCY | {"extractor": extractor, "escalation_level": str(level)}
        times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat()}
        self._firing.append({"labels": labels} | times)
        for number, member in enumerate(self._members):
            if member:
                self._send(number, [self._firing[-1]])

    def peers(self, number: int) -> int:
        """How many members it sees, itself among them."""
        answer = requests.get(f"{self._url(number)}/api/v2/status", timeout=ANSWER_SECONDS)
        return len(answer.json()["cluster"].get("peers", []))

    def notifications(self) -> float:
        """How often those that live have told a webhook of something."""
        return sum(self._told(n) for n, member in enumerate(self._members) if member)

    def _told(self, number: int) -> float:
        text = requests.get(f"{self._url(number)}/metrics", timeout=ANSWER_SECONDS).text
        wanted = 'alertmanager_notifications_total{integration="webhook"'
        return sum(float(x.rsplit(" ", 1)[1]) for x in text.splitlines() if x.startswith(wanted))

    def _send(self, number: int, alerts: list[Json]) -> None:
        url = f"{self._url(number)}/api/v2/alerts"
        requests.post(url, json=alerts, timeout=ANSWER_SECONDS).raise_for_status()

    def _url(self, number: int) -> str:
        return f"http://127.0.0.1:{self._ports[number][0]}"

    def _is_ready(self, number: int) -> bool:
        """It sees every other one that lives."""
        try:
            living = sum(member is not None for member in self._members)
            status = requests.get(
                f"{self._url(number)}/api/v2/status", timeout=ANSWER_SECONDS
            ).json()
        except requests.ConnectionError:
            return False
        return status["cluster"]["status"] == "ready" and self.peers(number) >= living

    def _generate(self, receivers: Sequence[str], token_file: Path) -> Path:
        """The project's configuration, in a hurry and telling nobody but the receivers."""
        fast = {"group_wait": "0s", "group_interval": "1s", "repeat_interval": "3s"}
        overlay = self._folder / "overlay.yaml"
        settings = {
            "channels": {name: {"enabled": False} for name in ("email", "slack", "pagerduty")},
            "routing": {"receiver": fast},
            "receiver": {"url": receivers[0], "token_file": str(token_file)},
            "templates_path": str(self._folder / "no-templates/*.tmpl"),
        }
        overlay.write_text(yaml.safe_dump(settings))
        text = generate(load_config(ROOT, [overlay]), ROOT)[ALERTMANAGER]
        config = yaml.safe_load(text)
        for entry in config["receivers"]:
            hooks = entry.get("webhook_configs", [])
            entry["webhook_configs"] = [
                hook | {"url": hook["url"].replace(receivers[0], url)}
                for hook in hooks
                for url in receivers
            ]
        file = self._folder / "alertmanager.yaml"
        file.write_text(yaml.safe_dump(config))
        return file
