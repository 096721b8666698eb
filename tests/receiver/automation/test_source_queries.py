"""The generated checks on a real Prometheus: series made beforehand, up to a while from now."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from scrape.running import running_prometheus
from sqlalchemy import update

from featurewatch_kit import generate, programs
from featurewatch_kit.project import load_config
from featurewatch_receiver.automation.source import Source
from featurewatch_receiver.clients.prometheus import Prometheus, expression
from featurewatch_receiver.states import Origin
from featurewatch_receiver.store.schema import remediations
from receiver.flows import Flow
from receiver.payloads import Json, alert

STEP = 5  # seconds between two samples
PAST, FUTURE, CHANGE, OLD = 400, 240, 150, 200
LATENCY, CACHE = "FeatureExtractionLatencyCritical", "FeatureExtractionCacheHitRateLow"
ERRORS, RESOURCES = "FeatureExtractionErrorRateHigh", "FeatureExtractionResourcesCritical"
THRESHOLDS = {LATENCY: 0.15, CACHE: 0.85, ERRORS: 0.001}
#: What each extractor is like before and after the change: well or not; None: without traffic.
STORIES: dict[str, tuple[bool | None, bool | None]] = {
    "cured": (False, True),
    "ill": (False, False),
    "worse": (True, False),
    "idle": (False, None),
    "gone": (False, True),
}
Line = tuple[str, float, float]
#: Alert, extractor, and who wants it: a person may also act on what is well by now.
Verified = Callable[..., Flow]


def series(extractor: str, now: float) -> Iterator[Line]:
    """Every sample of one extractor, from `PAST` seconds ago."""
    story = STORIES[extractor]
    end = -OLD if extractor == "gone" else FUTURE
    total = {"fast": 0, "slow": 0}
    for offset in range(-PAST, end, STEP):
        well = story[offset > -CHANGE]
        if well is not None:
            total["fast" if well else "slow"] += 50
        at = now + offset
        both = total["fast"] + total["slow"]
        own = f'extractor="{extractor}"'
        name = "feature_extraction_"
        for bound, count in (("0.1", total["fast"]), ("0.15", total["fast"]), ("0.25", both)):
            yield f'{name}duration_seconds_bucket{{{own},le="{bound}"}}', count, at
        yield f'{name}duration_seconds_bucket{{{own},le="+Inf"}}', both, at
        yield f"{name}requests_total{{{own}}}", both, at
        yield f'{name}cache_lookups_total{{{own},result="hit"}}', total["fast"], at
        yield f'{name}cache_lookups_total{{{own},result="miss"}}', total["slow"], at
        if total["slow"]:  # the first error makes the series
            yield f'{name}errors_total{{{own},error_type="timeout"}}', total["slow"], at
        if well is not None:
            yield f"{name}cpu_utilization_ratio{{{own}}}", 0.5 if well else 0.97, at
            yield f"{name}memory_utilization_ratio{{{own}}}", 0.4, at
    for offset in range(-PAST, FUTURE, STEP):
        at = now + offset
        for alertname, value in THRESHOLDS.items():
            yield f'featurewatch:threshold{{alert="{alertname}",{own}}}', value, at
        for resource, value in (("cpu", 0.9), ("memory", 0.95)):
            labels = f'alert="{RESOURCES}",{own},resource="{resource}"'
            yield f"featurewatch:threshold{{{labels}}}", value, at
        for alertname in (*THRESHOLDS, RESOURCES):
            labels = f'alertname="{alertname}",alertstate="firing",{own}'
            yield f"ALERTS{{{labels}}}", 1, at


def family(line: Line) -> str:
    return line[0].partition("{")[0]


@pytest.fixture(scope="module")
def prometheus_url(
    root: Path, promtool: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A real Prometheus that scrapes nothing and has it all."""
    folder = tmp_path_factory.mktemp("queries")
    now = time.time()
    lines = sorted((line for name in STORIES for line in series(name, now)), key=family)
    text = "".join(f"{name} {value} {at:.3f}\n" for name, value, at in lines)
    (folder / "series.txt").write_text(text + "# EOF\n")
    (folder / "prometheus.yaml").write_text("scrape_configs: []\n")
    command = ["tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run(
        [promtool, *command, folder / "series.txt", folder / "prometheus-data"],
        check=True,
        capture_output=True,
        cwd=programs.start_folder(promtool, root),
    )
    with running_prometheus(root, folder / "prometheus.yaml", folder) as server:
        yield server.url


@pytest.fixture
def verified(
    make_flow: Callable[[], Flow], settings: Json, root: Path, prometheus_url: str
) -> Verified:
    """Carry out and verify the response to an alert of an extractor."""
    generated = yaml.safe_load((root / "receivers/generated/receiver.yaml").read_text())
    settings["alerts"] = generated["alerts"]
    settings["metrics_age"] = generated["metrics_age"]
    settings["receiver"]["prometheus_url"] = prometheus_url
    bounds = settings["targets"]["feature_extractor"]
    settings["targets"] = dict.fromkeys(STORIES, bounds)
    for name in (LATENCY, CACHE, ERRORS, RESOURCES):
        settings["alerts"][name]["responses"] = ["scale_up_deployment"]
    settings["responses"]["actions"]["scale_up_deployment"]["verify"] = "3m"

    def run(name: str, extractor: str, origin: Origin = Origin.ALERT) -> Flow:
        flow = make_flow()
        flow.clock.now = datetime.now(UTC)
        flow.deliver(alert(name, extractor=extractor, start=flow.clock.now))
        with flow.core.writer.begin() as connection:
            connection.execute(update(remediations).values(origin=origin))
        flow.run(flow.only().id)
        return flow

    return run


@pytest.mark.parametrize("name", [LATENCY, CACHE, ERRORS, RESOURCES])
@pytest.mark.parametrize(
    ("extractor", "origin", "state"),
    [
        ("cured", Origin.PERSON, "effective"),
        ("ill", Origin.ALERT, "ineffective"),
        ("worse", Origin.ALERT, "ineffective"),
    ],
)
def test_the_generated_checks_see_whether_it_helped(
    verified: Verified, name: str, extractor: str, origin: Origin, state: str
) -> None:
    flow = verified(name, extractor, origin)
    row = flow.rows()[0]
    assert (row.state, bool(row.values_before)) == (state, True), flow.detail(row.id)


@pytest.mark.parametrize("name", [LATENCY, CACHE, ERRORS])
def test_without_traffic_nobody_can_tell(verified: Verified, name: str) -> None:
    flow = verified(name, "idle")
    assert (flow.rows()[0].state, flow.rows()[0].values_after) == ("inconclusive", None)


def test_the_checks_of_an_alert_are_about_its_cluster(root: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("metrics: {identity: [extractor, cluster]}\n")
    made = generate.generate(load_config(root, [overlay]), root)[generate.RECEIVER]
    generated = yaml.safe_load(made)
    checks = (c for alert in generated["alerts"].values() for c in alert["checks"].values())
    texts = [text for check in checks for text in (check["value"], check["threshold"])]
    for text in [*texts, generated["metrics_age"]]:
        assert text.count("extractor=$extractor") == text.count("cluster=~$labels.cluster") > 0


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        # The bounds stand for clusters.
        ({"le": "0.1"}, 1),
        ({"le": "0."}, 0),
        ({}, 4),
        # External labels are on alerts only.
        ({"le": "0.1", "cluster": "eu"}, 1),
    ],
)
def test_a_query_finds_the_series_of_one_cluster_or_of_none(
    prometheus_url: str, labels: dict[str, str], found: int
) -> None:
    place = "extractor=$extractor, le=~$labels.le, cluster=~$labels.cluster"
    text = f"feature_extraction_duration_seconds_bucket{{{place}}}"
    with closing(Prometheus(prometheus_url)) as prometheus:
        assert len(prometheus.values(expression(text, "ill", labels, "1m"))) == found


def test_what_is_well_by_now_is_left_alone(verified: Verified) -> None:
    flow = verified(LATENCY, "cured")
    assert flow.became() == [("scale_up_deployment", "skipped", "already_well")]
    assert flow.platform.effects == []


def test_metrics_that_ended_a_while_ago_are_too_old(verified: Verified) -> None:
    flow = verified(LATENCY, "gone")
    assert flow.became() == [("scale_up_deployment", "skipped", "metrics_too_old")]
    assert flow.platform.effects == []


def test_the_alerts_own_window_would_still_see_what_was_before(
    verified: Verified,
) -> None:
    flow = verified(LATENCY, "cured", Origin.PERSON)
    source = Source(flow.core.config)
    short, long = (
        source.readings(flow.rows()[0], timedelta(minutes=minutes))["p95_seconds"]
        for minutes in (1, 5)
    )
    source.close()
    assert (short.violated, long.violated) == (False, True)
    assert (short.threshold, long.threshold) == (0.15, 0.15)
