"""What two replicas of a real Ray Serve measure arrives in Prometheus, exactly."""

import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from scrape.running import running_prometheus, write_configuration

from featurewatch_kit import programs
from featurewatch_kit.demo.processes import free_port
from ray_serve.on_ray import can_run, running

pytestmark = pytest.mark.ray

APP = Path(__file__).with_name("serve_app.py")
LIST = "prom_metrics_service_discovery.json"
ON_RAY = '{extractor="on_ray"}'
REQUESTS = f"feature_extraction_requests_total{ON_RAY}"
BEGUN = f"feature_extraction_fallbacks_total{ON_RAY}"
RECORDED = "extractor:feature_extraction_"
CALLS = 60


def serving(root, folder, port):
    """The application on Ray."""
    # Without a mode, Ray writes a token into the home folder.
    environment = {"PYTHONPATH": str(root / "exporter"), "RAY_AUTH_MODE": "disabled"}
    return running(root, APP, folder, port, **environment)


@dataclass
class Seen:
    """What was seen, one step after the other."""

    version: str
    calls: dict[str, int]
    values: dict[str, float | None]
    ratios: dict[str, float | None]
    series: list[dict[str, str]]
    ours: list[dict[str, str]]


@pytest.fixture(scope="module")
def seen(root, tmp_path_factory):
    if not can_run(root):
        pytest.skip("Ray, in an environment of its own (make test-ray)")
    folder = tmp_path_factory.mktemp("ray")
    with ExitStack() as stack:
        ray = tempfile.mkdtemp(prefix="ray")  # short, for the names of Ray's sockets
        stack.callback(shutil.rmtree, ray, ignore_errors=True)
        overlay = {
            # Ray's page is long, and a busy machine slow: a scrape may take as long.
            "alerting": {"evaluation_interval": "5s"},
            "scrape": {"targets": [], "ray": {"files": [f"{ray}/{LIST}"]}},
        }
        config = write_configuration(root, folder, overlay, lambda config: None)
        check_config(root, config)
        app = stack.enter_context(serving(root, ray, free_port()))
        version = app.ask(None)["ray"]
        prometheus = stack.enter_context(running_prometheus(root, config, folder))
        yield watch(app, prometheus, version)


def watch(app, prometheus, version):
    """Call, look, and delete the application."""
    begun = f"count({BEGUN})"
    # Ray's dashboard writes its list, its agent shows metrics; both start slowly.
    prometheus.until(lambda: prometheus.value(begun) == 2, "both replicas have begun")
    calls = app.ask(CALLS)
    total = f"sum({REQUESTS})"
    prometheus.until(lambda: prometheus.value(total) == CALLS * 100 + 2, "every extraction")
    errors = f"{RECORDED}errors:ratio_rate5m{ON_RAY}"
    prometheus.until(lambda: (prometheus.value(errors) or 0) > 0.049, "the rules have it, too")
    seen = Seen(
        version=version,
        calls=calls,
        values={expression: prometheus.value(expression) for expression in expected(calls)},
        ratios={name: prometheus.value(f"{RECORDED}{name}{ON_RAY}") for name in RATIOS},
        series=prometheus.series(REQUESTS),
        ours=prometheus.series('{__name__=~"(ray_)?feature_extraction_.+"}'),
    )
    app.ask("delete")
    prometheus.until(lambda: prometheus.value(f"count({REQUESTS})") is None, "they are gone")
    return seen


def check_config(root, config):
    promtool = programs.find(programs.PROMTOOL, root)
    done = subprocess.run(
        [promtool, "check", "config", config],
        check=False,
        capture_output=True,
        text=True,
        cwd=programs.start_folder(promtool, root),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def expected(calls):
    """Values by expression, of calls by replica: see serve_app."""
    total = sum(calls.values())
    ours, of = "sum(feature_extraction_", 'extractor="on_ray"'
    values = {
        f"{ours}duration_seconds_sum{{{of}}})": 6.0 * total + 2 * 0.05,
        f'{ours}duration_seconds_bucket{{{of}, le="0.05"}})': 90 * total + 2,
        f'{ours}cache_lookups_total{{{of}, result="hit"}})': 90 * total + 2,
        f'{ours}errors_total{{{of}, error_type="ModelError"}})': 5 * total + 2,
        f'{ours}fallbacks_total{{{of}, reason="timeout"}})': 4 * total + 2,
    }
    for replica, count in calls.items():
        instance = f'instance="default#Features#{replica}"'
        requests = "feature_extraction_requests_total"
        values[f"{requests}{{{of}, {instance}}}"] = 100 * count + 1
        values[f'{requests}{{extractor="decorated", {instance}}}'] = count
    return values


# By the recorded series; the first extraction of each replica is before the first scrape, or not.
RATIOS = {
    "instances:count": 2,
    "cache_hits:ratio_rate5m": 0.9,
    "errors:ratio_rate5m": 0.05,
    "fallbacks:ratio_rate5m": 0.04,
    # 90 % in 0.05 s and 10 % in 0.15 s: the 95th is half way from 0.1 to 0.15.
    "duration_seconds:p95_5m": 0.125,
}


def test_both_replicas_had_calls(seen):
    print(f"Ray {seen.version}, calls by replica: {seen.calls}")
    assert len(seen.calls) == 2
    assert sum(seen.calls.values()) == CALLS


def test_counts_are_exact_over_both_replicas(seen):
    assert seen.values == pytest.approx(expected(seen.calls), rel=1e-12)


def test_the_rules_give_p95_and_ratios(seen):
    assert seen.ratios == pytest.approx(RATIOS, rel=0.02)


def test_a_series_has_the_contracts_labels_and_no_others(seen):
    for labels in seen.series:
        assert set(labels) == {"__name__", "job", "instance", "extractor"}
        assert labels["job"] == "feature-extraction"


def test_no_name_or_label_of_ray_is_left(seen):
    assert seen.ours
    assert {labels["__name__"] for labels in seen.ours if labels["__name__"][:4] == "ray_"} == set()
    assert {label for labels in seen.ours for label in labels if label[0].isupper()} == set()
