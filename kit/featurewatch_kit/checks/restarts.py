"""What a running Prometheus, by its version and flags, does to alerts when it restarts."""

import re
from collections.abc import Iterator

from featurewatch_kit.checks.finding import Finding, listed
from featurewatch_kit.checks.prometheus import Prometheus
from featurewatch_kit.checks.tree import Tree

FLAG = "rules.alert.for-grace-period"
# The first version that goes on with an alert whose `for` is shorter than that (its changelog).
FIXED = (3, 16)
_UNITS = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}


def check_restarts(tree: Tree, prometheus: Prometheus) -> Iterator[Finding]:
    """A note if alerts end for people with a restart; none where a server tells no flags.

    Raises:
        ServerError: it does not answer.

    """
    version = prometheus.status("buildinfo").get("version", "")
    grace = prometheus.status("flags").get(FLAG)
    if grace is None or not _older(version):
        return
    short = [alert.name for alert in tree.alerts if 0 < alert.for_ < _seconds(grace)]
    if short:
        yield Finding(
            prometheus.url,
            f"when Prometheus {version} restarts, people are told that {listed(short)} ended, since"
            f" `for` is shorter than --{FLAG}={grace}; start it with --{FLAG}=0s",
            note=True,
        )


def _older(version: str) -> bool:
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return not numbers or (int(numbers[1]), int(numbers[2])) < FIXED


def _seconds(duration: str) -> float:
    """Seconds of a duration as Prometheus writes its own flags: 10m, 1h30m, 500ms."""
    parts = re.findall(r"(\d+)(ms|[ywdhms])", duration)
    return sum(int(count) * _UNITS[unit] for count, unit in parts)
