"""How Prometheus, Alertmanager and the receiver are started on what was generated."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from featurewatch_kit import generate
from featurewatch_kit.config.model import Config
from featurewatch_kit.errors import ArgumentError

Options = dict[str, object]
#: Alertmanager has a flag of its own for waiting after a start from here on.
START_DELAY = (0, 30)
FOR_GRACE_PERIOD_IN_FILE = (3, 16)


def prometheus(config: Config, generated: Path, data: Path, version: tuple[int, int]) -> Options:
    """Flags of Prometheus (docs/operations.md has the reasons)."""
    options: Options = {
        "config.file": generated / generate.PROMETHEUS / "prometheus.yaml",
        "storage.tsdb.path": data / "prometheus",
        "web.listen-address": address("receiver.prometheus_url", config.receiver.prometheus_url),
    }
    if version < FOR_GRACE_PERIOD_IN_FILE:
        options["rules.alert.for-grace-period"] = "0s"
    return options


def alertmanager(generated: Path, data: Path, listen: str, lasting: Options) -> Options:
    """Flags of Alertmanager; `lasting`: those that let what it knows outlast a restart."""
    return {
        "config.file": generated / generate.ALERTMANAGER,
        "storage.path": data / "alertmanager",
        "web.listen-address": listen,
        "data.maintenance-interval": "30s",
        **lasting,
    }


def lasting(version: tuple[int, int]) -> Options:
    """Flags by which Alertmanager waits after a start until all alerts have arrived again."""
    if version >= START_DELAY:
        return {"cluster.listen-address": "", "dispatch.start-delay": "90s"}
    return {
        "cluster.listen-address": "127.0.0.1:9094",
        "cluster.gossip-interval": "2s",
        "cluster.settle-timeout": "2m",
    }


def alertmanager_address(config: Config) -> str:
    """Where Alertmanager listens: as the receiver reaches it."""
    return address("receiver.alertmanager_url", config.receiver.alertmanager_url)


def receiver(generated: Path) -> list[str]:
    """Command of the receiver, by this Python."""
    file = generated / generate.RECEIVER
    return [sys.executable, "-m", "featurewatch_receiver", "serve", "--config", str(file)]


def address(key: str, url: str | None) -> str:
    """Host and port that a server is reached at.

    Raises:
        ArgumentError: the setting names no port of a server on this machine.

    """
    found = urlsplit(url or "")
    if found.hostname not in ("localhost", "127.0.0.1") or not found.port:
        raise ArgumentError(
            f"{key}: {url or 'null'} is no server here; write http://localhost:PORT"
        )
    return f"127.0.0.1:{found.port}"
