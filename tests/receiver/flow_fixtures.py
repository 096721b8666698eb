"""Fixtures of receivers whose work is done step by step; conftest.py hands them on."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from receiver.flows import Flow, Platform, hurry
from receiver.payloads import Json
from receiver.stand_in_prometheus import StandInPrometheus


@pytest.fixture
def platform() -> Platform:
    """What every backend of `make_flow` leads to."""
    return Platform()


@pytest.fixture
def make_flow(
    make_receiver: Callable[[], Any], platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Flow]:
    """Build a receiver from the settings as they are now, whose time is its clock's alone."""

    def make() -> Flow:
        made = make_receiver()
        hurry(made.core)
        beginning = made.clock.now

        def monotonic() -> float:
            return float((made.clock.now - beginning).total_seconds())

        still = SimpleNamespace(monotonic=monotonic)
        monkeypatch.setattr("featurewatch_receiver.clock.time", still)
        opened = "featurewatch_receiver.automation.prepare.open_backend"
        monkeypatch.setattr(opened, lambda *_: platform)
        return Flow(made.core, made.queue, made.clock, platform)

    return make


@pytest.fixture
def flow(make_flow: Callable[[], Flow]) -> Flow:
    """A receiver whose work is done when a test says so."""
    return make_flow()


@pytest.fixture
def prometheus(settings: Json) -> Iterator[StandInPrometheus]:
    """The Prometheus of the settings: LatencyCritical fires, was measured now, and is too slow."""
    server = StandInPrometheus()
    server.values |= {"FeaturewatchMaintenance": [], "ALERTS{": [1]}
    server.values |= {"time()": [3], "p95": [0.3], "threshold": [0.15]}
    settings["receiver"]["prometheus_url"] = server.url
    settings["metrics_age"] = "time() - last{extractor=$extractor}"
    settings["alerts"]["FeatureExtractionLatencyCritical"] |= {
        "checks": {
            "p95_seconds": {
                "value": "p95{extractor=$extractor}[$window]",
                "threshold": "threshold{extractor=$extractor}",
                "breach": "above",
            }
        },
        "min_window": "1m",
        "window": "5m",
    }
    settings["responses"]["actions"]["scale_up_deployment"]["verify"] = "3m"
    yield server
    server.close()
