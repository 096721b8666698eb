"""A real Prometheus, fed with everything that there is, answers each query of each dashboard."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from scrape.running import HOST, running_prometheus, write_configuration

from dashboards import sources
from dashboards.asking import Asking, left_of
from dashboards.queries import UIDS, filled, panels, queries
from featurewatch_kit import generate, programs
from featurewatch_kit.demo.processes import free_port

Json = dict[str, Any]

# Short times, so that every alert reaches its last level at once. Whom it tells is not there.
WINDOWED = [
    "FeatureExtractionLatencyCritical",
    "FeatureExtractionLatencyHigh",
    "FeatureExtractionCacheHitRateLow",
    "FeatureExtractionResourcesCritical",
    "FeatureExtractionErrorRateHigh",
    "FeatureExtractionFallbackUsageHigh",
    "FeatureExtractionBatchBacklog",
]
LEVEL = {"recipients": ["on_call_engineer"], "response_time": "immediate"}
LEVELS = [
    {"delay": "0s", "channels": ["email"], **LEVEL},
    {"delay": "4s", "channels": ["email", "pagerduty"], **LEVEL},
]
SHORT: Json = {
    "alerts": {name: {"window": "5s"} for name in WINDOWED},
    "escalation": {
        "policies": {
            name: {"levels": LEVELS} for name in ("latency_violation", "resource_critical")
        }
    },
    "routing": {
        "people": {"group_wait": "3s", "group_interval": "1s"},
        "severities": {"critical": {"group_interval": "1s"}},
        "receiver": {"group_interval": "1s", "repeat_interval": "1s"},
    },
    "maintenance": [{"name": "now", "from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z"}],
}
PEOPLE = {
    "channels": {
        "email": {"smarthost": f"{HOST}:9"},
        "slack": {"enabled": False},
        "pagerduty": {"url": f"http://{HOST}:9"},
    }
}
IDENTITIES = [["extractor"], ["cluster", "extractor"]]


class Fed(Asking):
    """That Prometheus."""

    def shows(self, place: str, expected: float, **labels: str) -> bool:
        """Whether a panel shows this number for the one series with these labels."""
        asked = (one for dashboard in self.dashboards for one in queries(dashboard))
        (expr,) = (one.expr for one in asked if one.place == f"featurewatch-{place}")
        values = [v for found, v in self.now(expr) if labels.items() <= found.items()]
        return values == [pytest.approx(expected, rel=5e-4)]


@pytest.fixture(scope="module", params=IDENTITIES, ids="+".join)
def fed(
    request: pytest.FixtureRequest, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fed]:
    """Prometheus and Alertmanager, which scrape and tell each other, with that identity."""
    folder = tmp_path_factory.mktemp("fed")
    alertmanager = f"{HOST}:{free_port()}"

    def change(config: Json) -> None:
        jobs = config["scrape_configs"]
        jobs[0]["static_configs"][0]["labels"] = {"cluster": "one"}

    with ExitStack() as stack:
        service = stack.enter_context(sources.extractors())
        receiver = stack.enter_context(sources.receiver())
        overlay = (
            SHORT
            | PEOPLE
            | {
                "metrics": {"identity": request.param},
                "scrape": {"targets": [service], "alertmanagers": [alertmanager]},
                "receiver": {"url": f"http://{receiver}", "token_file": str(_token(folder))},
                "templates_path": str(root / "alertmanager/templates/*.tmpl"),
            }
        )
        config = write_configuration(root, folder, overlay, change)
        scraper = stack.enter_context(running_prometheus(root, config, folder))
        options = {
            "config.file": folder / generate.ALERTMANAGER,
            "storage.path": folder / "alertmanager-data",
            "web.listen-address": alertmanager,
            "cluster.listen-address": "",
        }
        path = programs.find(programs.ALERTMANAGER, root)
        scraper.processes.start_program("alertmanager", path, root, options)
        yield Fed(scraper.client, folder)


def _token(folder: Path) -> Path:
    file = folder / "receiver-token"
    file.write_text("correct-horse\n")
    return file


def test_every_query_returns_data(fed: Fed) -> None:
    asked = [one for dashboard in fed.dashboards for one in queries(dashboard)]
    assert len({one.place.partition(":")[0] for one in asked}) == len(UIDS)

    def unanswered() -> list[str]:
        asked[:] = [one for one in asked if not fed.has(one)]
        return [one.place for one in asked]

    assert left_of(unanswered) == []


def test_every_variable_has_something_to_choose_from(fed: Fed) -> None:
    variables = [
        (f"{dashboard['uid']}: {variable['name']}", variable)
        for dashboard in fed.dashboards
        for variable in dashboard["templating"]["list"]
        if variable["type"] == "query"
    ]
    assert len(variables) >= len(UIDS)
    assert left_of(lambda: [place for place, v in variables if not fed.offers(v)]) == []


CRITICAL = {"alertname": "FeatureExtractionLatencyCritical"}
#: What is always the same about the sources: half of the lookups hit, all else fails.
EXPECTED: list[tuple[str, float, dict[str, str]]] = [
    # All of the requests fail, and one in a thousand may: 1 - 1 / 0.001.
    ("overview: Error budget left A", -999, {}),
    ("overview: Error budget burn rate A", 1000, {}),
    ("overview: Cache hit ratio A", 0.5, {}),
    ("overview: Instances A", 1, {}),
    ("alerts: Firing alerts A", 2, CRITICAL),
    ("alerts: Highest level A", 2, {}),
    ("alerts: Alerts per week A", 1, CRITICAL),
    ("alerts: Pages a week A", 1, CRITICAL),
    ("alerts: Time to acknowledge A", 90, {"severity": "high"}),
    ("alerts: Time to resolve A", 90, {"severity": "critical"}),
    # As many effective as ineffective; the inconclusive do not count.
    ("remediation: Effective A", 1 / 2, {}),
    ("remediation: Effectiveness A", 1 / 2, {"action": "clear_cache"}),
    # Planned, running, verifying.
    ("remediation: Under way A", 3, {}),
    ("remediation: Kill switch A", 1, {}),
]


def test_numbers_are_those_of_the_sources(fed: Fed) -> None:
    """All at one moment, when every level fires: a number that only rises passes its own once."""

    def others() -> list[str]:
        return [
            place
            for place, expected, labels in EXPECTED
            if not fed.shows(place, expected, **labels)
        ]

    assert left_of(others) == []


def test_while_something_fires_no_severity_is_called_none(fed: Fed) -> None:
    (dashboard,) = (d for d in fed.dashboards if d["uid"] == "featurewatch-overview")
    (panel,) = (panel for panel in panels(dashboard) if panel["title"] == "Firing alerts")
    (target,) = panel["targets"]

    def others() -> list[str]:
        shown = {labels["severity"] for labels, _ in fed.now(target["expr"])}
        return [] if {"critical", "high", "medium"} <= shown and "none" not in shown else [*shown]

    assert left_of(others) == []
    of_nobody = fed.now(filled(target["expr"], extractor="nobody"))
    assert [(labels["severity"], value) for labels, value in of_nobody] == [("none", 0)]


def test_every_firing_alert_is_one_line_with_its_level_and_its_beginning(fed: Fed) -> None:
    """Both columns have the same labels, by which Grafana makes lines of them."""
    (dashboard,) = (d for d in fed.dashboards if d["uid"] == "featurewatch-alerts")
    (table,) = (panel for panel in panels(dashboard) if panel["title"] == "Firing alerts")

    def differing() -> list[str]:
        level, since = (fed.now(target["expr"]) for target in table["targets"])
        lines = [sorted(labels.items()) for labels, _ in level]
        began = [value / 1000 for _, value in since]
        faults = {
            "lines are missing": len(lines) <= len(SHORT["alerts"]),
            "labels differ": sorted(lines) != sorted(sorted(labels.items()) for labels, _ in since),
            "began another time": any(abs(time.time() - moment) > 300 for moment in began),
        }
        return [fault for fault, holds in faults.items() if holds]

    assert left_of(differing) == []


@pytest.mark.parametrize("name", ["overview", "extractor"])
def test_an_extractor_that_is_not_there_shows_nothing(name: str, fed: Fed) -> None:
    """But for what is of no extractor: none fires, and how many instances are scraped."""
    (dashboard,) = (d for d in fed.dashboards if d["uid"] == f"featurewatch-{name}")
    of_nobody = [
        asked._replace(expr=filled(asked.expr, extractor="nobody")) for asked in queries(dashboard)
    ]
    shown = {asked.place.partition(": ")[2] for asked in of_nobody if fed.has(asked)}
    assert shown <= {"Firing alerts A", "Error budget burn rate B", "Instances over time B"}
