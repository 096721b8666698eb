"""A real Prometheus on a generated configuration."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from waiting import PATIENCE_SECONDS

from featurewatch_kit import generate, programs
from featurewatch_kit.demo.clients import Prometheus
from featurewatch_kit.demo.processes import Processes, free_port
from featurewatch_kit.errors import DemoError
from featurewatch_kit.project import load_config

HOST = "127.0.0.1"
CONFIG = f"{generate.PROMETHEUS}/prometheus.yaml"
# Scrapes every second; nobody is told of anything here.
PACE = {"alerting": {"evaluation_interval": "1s"}, "responses": {"enabled": False}}


@dataclass
class Scraper:
    """What Prometheus answers."""

    client: Prometheus
    processes: Processes
    url: str

    def value(self, expression: str) -> float | None:
        """The one value of an expression, or None."""
        return self.client.value(expression)

    def series(self, expression: str) -> list[dict[str, str]]:
        """The labels of every series of an expression."""
        answer = self.client.get("/api/v1/query", query=expression)
        return [result["metric"] for result in answer["data"]["result"]]

    def targets(self) -> dict[str, Any]:
        """Active and dropped targets."""
        targets: dict[str, Any] = self.client.get("/api/v1/targets")["data"]
        return targets

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition; the test fails when the deadline is over."""
        try:
            self.processes.wait_until(what, condition, PATIENCE_SECONDS)
        except DemoError as error:
            raise AssertionError(f"{error}; targets: {self.targets()}") from error


def write_configuration(
    root: Path, folder: Path, overlay: dict[str, Any], change: Callable[[dict[str, Any]], None]
) -> Path:
    """Generate below `folder`, and `change` the Prometheus configuration before it is written."""
    file = folder / "overlay.yaml"
    scrape = overlay.get("scrape", {})
    scrape = {"alertmanagers": [], "rule_files": [str(folder / "rules/generated/*.yaml")]} | scrape
    file.write_text(yaml.safe_dump(PACE | overlay | {"scrape": scrape}))
    generate.write(generate.generate(load_config(root, [file]), root), folder)
    config = yaml.safe_load((folder / CONFIG).read_text())
    change(config)
    (folder / CONFIG).write_text(yaml.safe_dump(config))
    return folder / CONFIG


@contextmanager
def running_prometheus(root: Path, config: Path, folder: Path) -> Iterator[Scraper]:
    """Start Prometheus and end it."""
    path = programs.find(programs.PROMETHEUS, root)
    port = free_port()
    options = {
        "config.file": config,
        "storage.tsdb.path": folder / "prometheus-data",
        "web.listen-address": f"{HOST}:{port}",
    }
    url = f"http://{HOST}:{port}"
    with closing(Prometheus(url)) as client, Processes(folder / "logs") as all_:
        all_.start_program("prometheus", path, root, options)
        all_.wait_until("prometheus starts", lambda: client.answers("/-/ready"), PATIENCE_SECONDS)
        yield Scraper(client, all_, url)
