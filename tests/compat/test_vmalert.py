"""The generated rules on VictoriaMetrics and vmalert, which evaluate them instead of Prometheus.

Skipped where vmalert is not there; `make test-compat` fetches it.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from waiting import PATIENCE_SECONDS, eventually

from featurewatch_kit import generate, programs
from featurewatch_kit.demo.clients import Client
from featurewatch_kit.demo.processes import Processes, free_port
from featurewatch_kit.project import load_config

EXTRACTOR = "feature_extractor"
CRITICAL, CASCADE = "FeatureExtractionLatencyCritical", "FeatureExtractionLatencyCascade"
LOW = "FeatureExtractionCacheHitRateLow"

Levels = set[tuple[str, str]]


class Service:
    """Metrics of an extractor that is as slow and misses as much as it is told."""

    def __init__(self, port: int):
        own = CollectorRegistry()
        name = "feature_extraction_"
        bounds = (0.1, 0.15, 0.25)
        self._requests = Counter(name + "requests", "-", ["extractor"], registry=own)
        self._lookups = Counter(name + "cache_lookups", "-", ["extractor", "result"], registry=own)
        self._duration = Histogram(
            name + "duration_seconds", "-", ["extractor"], buckets=bounds, registry=own
        )
        self._server, self._thread = start_http_server(port, "127.0.0.1", own)
        self.well = True
        for result in ("hit", "miss"):
            self._lookups.labels(EXTRACTOR, result)

    def work(self) -> None:
        """Serve a few requests."""
        for _ in range(10):
            self._requests.labels(EXTRACTOR).inc()
            self._lookups.labels(EXTRACTOR, "hit" if self.well else "miss").inc()
            self._duration.labels(EXTRACTOR).observe(0.05 if self.well else 0.2)

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class Story:
    """What one incident made vmalert do, and what each alert said before it was over."""

    fired: Levels = field(default_factory=set)
    annotations: dict[str, dict[str, str]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    bounds: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def programs_folder(root: Path) -> Path:
    folder = programs.tools_folder(root) / "usr/bin"
    if not (folder / "vmalert").is_file():
        pytest.skip("vmalert (make test-compat)")
    return folder


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[Service, int]]:
    port = free_port()
    served = Service(port)
    yield served, port
    served.close()


@pytest.fixture(scope="module")
def story(
    root: Path,
    programs_folder: Path,
    service: tuple[Service, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    served, port = service
    folder = tmp_path_factory.mktemp("vmalert")
    settings = [root / "examples/demo.yaml", Path(__file__).with_name("vmalert.yaml")]
    generate.write(generate.generate(load_config(root, settings), root), folder)
    with Processes(folder / "logs") as processes:
        database = _start_victoria(processes, programs_folder, folder, port)
        server = _start_vmalert(processes, programs_folder, folder, database)
        with closing(Client(server)) as vmalert, closing(Client(database)) as victoria:
            told = _incident(served, vmalert)
            told.labels = set(victoria.get("/api/v1/labels")["data"])
            told.bounds = _bounds(victoria)
            yield told


def _start_victoria(processes: Processes, folder: Path, data: Path, port: int) -> str:
    scrape = {
        "job_name": "feature-extraction",
        "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
    }
    file = data / "scrape.yaml"
    file.write_text(
        yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]})
    )
    address = f"127.0.0.1:{free_port()}"
    options = {
        "storageDataPath": data / "data",
        "httpListenAddr": address,
        "promscrape.config": file,
        "search.latencyOffset": "0s",
    }
    processes.start("victoria-metrics", _command(folder / "victoria-metrics", options))
    return _ready(processes, "victoria-metrics", f"http://{address}")


def _start_vmalert(processes: Processes, folder: Path, data: Path, database: str) -> str:
    address = f"127.0.0.1:{free_port()}"
    options = {
        "rule": data / "rules/generated/*.yaml",
        "httpListenAddr": address,
        "datasource.url": database,
        "remoteRead.url": database,
        "remoteWrite.url": database,
        "remoteWrite.flushInterval": "100ms",
        "rule.evalDelay": "0s",
        "notifier.blackhole": "true",
    }
    processes.start("vmalert", _command(folder / "vmalert", options))
    return _ready(processes, "vmalert", f"http://{address}")


def _command(program: Path, options: dict[str, Any]) -> list[str]:
    return [str(program), *(f"-{name}={value}" for name, value in options.items())]


def _ready(processes: Processes, name: str, url: str) -> str:
    with closing(Client(url)) as client:
        processes.wait_until(f"{name} starts", lambda: client.answers("/health"), PATIENCE_SECONDS)
    return url


def _incident(service: Service, vmalert: Client) -> Story:
    """Well, then slow and without a cache until all has fired, then well until all has ended."""
    story = Story()

    def firing() -> Levels:
        service.work()
        alerts = vmalert.get("/api/v1/alerts")["data"]["alerts"]
        alerts = [alert for alert in alerts if alert["state"] == "firing"]
        for alert in alerts:
            if not service.well:
                story.annotations[alert["name"]] = alert["annotations"]
        found = {(a["name"], a["labels"].get("escalation_level", "")) for a in alerts}
        story.fired |= found
        return found

    _until(lambda: firing() == {("Watchdog", "")})
    service.well = False
    _until(lambda: {(CRITICAL, "3"), (CASCADE, "3")} <= firing())
    service.well = True
    _until(lambda: not any(name.startswith("FeatureExtraction") for name, _ in firing()))
    for group in vmalert.get("/api/v1/rules")["data"]["groups"]:
        story.errors |= {r["name"]: r["lastError"] for r in group["rules"] if r.get("lastError")}
    return story


def _bounds(victoria: Client) -> set[str]:
    """Over which windows the lower bound of the slow requests was recorded."""
    bound = f'featurewatch:lower_bound{{alert="{CRITICAL}"}}'
    found = victoria.get("/api/v1/series?" + urlencode({"match[]": bound}))["data"]
    return {series["window"] for series in found}


def _until(condition: Callable[[], bool]) -> None:
    eventually(condition)


@pytest.mark.parametrize("level", ["1", "2", "3"])
def test_an_alert_fires_and_escalates(level: str, story: Story) -> None:
    assert (CRITICAL, level) in story.fired


@pytest.mark.parametrize("level", ["1", "2", "3"])
def test_alerts_of_two_categories_are_one_incident_which_escalates(
    level: str, story: Story
) -> None:
    assert (CASCADE, level) in story.fired


def test_the_message_names_value_and_threshold(story: Story) -> None:
    told = story.annotations[CRITICAL]
    assert told["threshold"] == "150ms"
    assert told["value"] in told["description"]


def test_the_incidents_message_names_its_members(story: Story) -> None:
    told = story.annotations[CASCADE]
    assert CRITICAL in told["value"]
    assert LOW in told["value"]


def test_no_rule_fails(story: Story) -> None:
    assert story.errors == {}


def test_no_label_of_what_a_rule_reads_stays_beside_its_own(story: Story) -> None:
    assert not {label for label in story.labels if label.startswith("exported_")}


def test_the_bound_looks_back_over_all_its_windows(story: Story) -> None:
    assert story.bounds == {"15s", "90s", "6m"}
