"""The clients of statsd that are run, and the map that each of them needs."""

import json
import re
import shutil
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).with_name("programs")
#: Where scripts/make-clients.sh puts those that are not of Python.
BUILT = Path(__file__).parents[2] / ".tools-clients"

TIME = {"metric": "duration_seconds"}
HIT = {"metric": "cache_lookups_total", "labels": {"result": "hit"}}
MISS = {"metric": "cache_lookups_total", "labels": {"result": "miss"}}
ERROR = {"metric": "errors_total", "label": "error_type"}
QUEUE = {"metric": "queue_depth"}

USUAL = {
    "features.time": TIME,
    "features.cache.hit": HIT,
    "features.cache.miss": MISS,
    "features.errors.*": ERROR,
    "features.queue": QUEUE,
}
IN_SECONDS = {**USUAL, "features.time": {**TIME, "unit": "seconds"}}
ERROR_BY_TAG = {**ERROR, "tag": "error"}
#: Micrometer changes names by its flavour.
DOTTED = {**USUAL, "features.errors": ERROR_BY_TAG}
SNAKE = {
    "features_time": TIME,
    "features_cache_hit": HIT,
    "features_cache_miss": MISS,
    "features_errors": ERROR_BY_TAG,
    "features_queue": QUEUE,
}
CAMEL = {
    "featuresTime": TIME,
    "featuresCacheHit.statistic.count": HIT,
    "featuresCacheMiss.statistic.count": MISS,
    "featuresErrorsTimeoutError.statistic.count": {
        "metric": "errors_total",
        "labels": {"error_type": "TimeoutError"},
    },
    "featuresErrorsKeyError.statistic.count": {
        "metric": "errors_total",
        "labels": {"error_type": "KeyError"},
    },
    "featuresQueue.statistic.value": QUEUE,
}


@dataclass(frozen=True)
class Client:
    """One client in one of its modes."""

    name: str
    language: str
    mode: str
    rules: dict[str, Any] = field(default_factory=lambda: USUAL)
    transport: str = "udp"

    def __str__(self) -> str:
        return f"{self.name}, {self.mode}"

    @property
    def version(self) -> str:
        """The version that is pinned, and for Python the one that is installed."""
        return _VERSIONS[self.language](self.name)

    def command(self, address: str) -> list[str]:
        """Return the command that sends the work to *address*."""
        return [*_COMMANDS[self.language](), self.name, self.mode, address]


def _of_node(name: str) -> str:
    manifest = json.loads((PROGRAMS / "node/package.json").read_text())
    return str(manifest["dependencies"][name])


def _of_go(name: str) -> str:
    found = re.search(rf"/{name}(?:/v\d+)? v(\S+)$", (PROGRAMS / "go/go.mod").read_text(), re.M)
    return found[1] if found else ""


def _of_java(name: str) -> str:
    pom = (PROGRAMS / "java/pom.xml").read_text()
    found = re.search(rf"<artifactId>{name}</artifactId>\s*<version>([^<]+)<", pom)
    return found[1] if found else ""


_VERSIONS = {"Python": metadata.version, "Node.js": _of_node, "Go": _of_go, "Java": _of_java}
_COMMANDS = {
    "Python": lambda: [sys.executable, str(PROGRAMS / "python/client.py")],
    "Node.js": lambda: [shutil.which("node"), str(PROGRAMS / "node/client.js")],
    "Go": lambda: [str(BUILT / "go/client")],
    "Java": lambda: [
        shutil.which("java"),
        "-cp",
        str(BUILT / "java/*"),
        str(PROGRAMS / "java/Clients.java"),
    ],
}
ENVIRONMENT = {"NODE_PATH": str(BUILT / "node/node_modules")}

CLIENTS = (
    Client("datadog", "Python", "plain"),
    Client("datadog", "Python", "buffered"),
    Client("datadog", "Python", "aggregated"),
    Client("datadog", "Python", "aggregated, packed values"),
    Client("datadog", "Python", "unix socket", transport="unix"),
    Client("datadog", "Python", "timed(), in seconds", IN_SECONDS),
    Client("statsd", "Python", "plain"),
    Client("statsd", "Python", "pipeline"),
    Client("statsd", "Python", "TCP", transport="tcp"),
    Client("hot-shots", "Node.js", "plain"),
    Client("hot-shots", "Node.js", "buffered"),
    Client("hot-shots", "Node.js", "aggregated"),
    Client("hot-shots", "Node.js", "InfluxDB tags"),
    Client("hot-shots", "Node.js", "TCP", transport="tcp"),
    Client("datadog-go", "Go", "not aggregated"),
    Client("datadog-go", "Go", "aggregated"),
    Client("datadog-go", "Go", "aggregated, packed values"),
    Client("datadog-go", "Go", "unix socket", transport="unix"),
    Client("cactus/go-statsd-client", "Go", "DogStatsD tags"),
    Client("cactus/go-statsd-client", "Go", "InfluxDB tags"),
    Client("cactus/go-statsd-client", "Go", "Graphite tags"),
    Client("hashicorp/go-metrics", "Go", "plain"),
    Client("java-dogstatsd-client", "Java", "not aggregated"),
    Client("java-dogstatsd-client", "Java", "aggregated"),
    Client("micrometer-registry-statsd", "Java", "ETSY", CAMEL),
    Client("micrometer-registry-statsd", "Java", "DATADOG", DOTTED),
    Client("micrometer-registry-statsd", "Java", "TELEGRAF", SNAKE),
    Client("micrometer-registry-statsd", "Java", "SYSDIG", DOTTED),
)
