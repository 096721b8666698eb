"""The Prometheus of a running demo answers the queries of its dashboards, but for what it lacks."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests
from waiting import ANSWER_SECONDS

from dashboards.asking import Asking, left_of
from dashboards.queries import Json, queries
from featurewatch_kit.demo.clients import Client
from featurewatch_kit.demo.stack import Stack

#: What the demo's service does not measure, and what does not go wrong there. The queries of all of
#: these find data in test_queries.py.
NOT_THERE = {
    # No batches, no GPU, no monitor of the service's own, no featurewatch-exporter.
    "extractor: Batch sizes A",
    "extractor: Batch duration A",
    "extractor: Batch duration B",
    "extractor: Items in a batch A",
    "extractor: Waiting items by instance A",
    "extractor: GPU A",
    "extractor: GPU memory A",
    "extractor: 95th percentile as the service reports it A",
    "extractor: Ratios as the service reports them A",
    "extractor: Ratios as the service reports them B",
    "extractor: Ratios as the service reports them C",
    "extractor: Sources A",
    "extractor: Age of the last sample A",
    "extractor: Unusable A",
    "extractor: Unusable B",
    "extractor: Unusable C",
    "extractor: Unusable E",  # of several processes
    "overview: Waiting items A",
    # Of this machine's limits, which it may not have.
    "extractor: CPU by instance A",
    "extractor: Memory by instance A",
    "extractor: Throttled periods A",
    "extractor: Throttled time A",
    "extractor: OOM kills A",
    "overview: CPU A",
    "overview: Memory A",
    # The measurement is whole, no work is planned, no action fails, and the Watchdog comes.
    "alerts: Monitoring itself A",
    "remediation: Failures A",
    "alerts: Failures C",
}
FAULTS = ("poisoned_cache", "slow_network", "errors")


@pytest.fixture(scope="module")
def demo(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The demo's chain, of which nothing is broken yet."""
    with Stack(root, tmp_path_factory.mktemp("demo")) as stack:
        yield stack


def turn(demo: Stack, *, on: bool) -> None:
    """Break the demo's service, or fix it."""
    with closing(Client(demo.urls.features)) as client:
        for fault in FAULTS:
            client.put(f"/admin/faults/{fault}", {"enabled": on})


def acknowledge(demo: Stack) -> bool:
    """Take every alert that fires; whether there was one."""
    taken = [
        _post(demo, f"/episodes/{one['id']}/acknowledge")
        for one in _firing(demo)
        if one["status"] == "active"
    ]
    return any(taken)


def scale_up(demo: Stack) -> bool:
    """By hand: no guess whether the automation does anything about these faults."""
    wish = {"action": "scale_up_deployment"}
    return any(
        _post(demo, "/remediations", **wish, extractor=one["extractor"], episode_id=one["id"])
        for one in _firing(demo)
        if one["alertname"] == "FeatureExtractionLatencyCritical"
    )


def _firing(demo: Stack) -> list[Json]:
    alerts = requests.get(
        f"{demo.urls.receiver}/api/v1/alerts", headers=_person(demo), timeout=ANSWER_SECONDS
    )
    return list(alerts.json()["alerts"])


def _post(demo: Stack, path: str, **about: str) -> bool:
    url = f"{demo.urls.receiver}/api/v1{path}"
    said = {"reason": "a test", **about}
    return requests.post(url, headers=_person(demo), json=said, timeout=ANSWER_SECONDS).ok


def _person(demo: Stack) -> dict[str, str]:
    return {"Authorization": f"Bearer {demo.person_token}"}


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_every_query_returns_data_of_a_running_demo(demo: Stack) -> None:
    """Each at some moment: while the service is slow and fails, or when that is over."""
    with closing(Client(demo.urls.prometheus)) as client:
        asking = Asking(client, demo.folder)
        asked = [one for dashboard in asking.dashboards for one in queries(dashboard)]
        asked = [one for one in asked if one.place.removeprefix("featurewatch-") not in NOT_THERE]
        assert len(asked) > len(NOT_THERE)

        def unanswered() -> list[str]:
            asked[:] = [one for one in asked if not asking.has(one)]
            return [one.place for one in asked]

        turn(demo, on=True)
        assert left_of(lambda: [] if acknowledge(demo) else ["an alert that fires"]) == []
        assert left_of(lambda: [] if scale_up(demo) else ["an action"]) == []
        left_of(unanswered, 30)
        turn(demo, on=False)
        assert left_of(unanswered) == []


def test_each_that_is_not_there_is_a_query_of_a_dashboard(demo: Stack) -> None:
    with closing(Client(demo.urls.prometheus)) as client:
        dashboards = Asking(client, demo.folder).dashboards
    places = {one.place.removeprefix("featurewatch-") for d in dashboards for one in queries(d)}
    assert NOT_THERE - places == set()
