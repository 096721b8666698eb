"""What Prometheus sees is what featurewatch.names says, and nothing else."""

import gc
import subprocess
import sys
import weakref
from contextlib import suppress

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from featurewatch import DURATION_BUCKETS, METRICS, Extractor, Metric, names, watch_resources

LATENCY_THRESHOLDS = (0.1, 0.15)


@pytest.fixture
def exposition(registry, tmp_path):
    """The text of a registry in which everything was used once."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "stat").write_text("cpu 100 0 0 0 0 0 0 0 0 0\ncpu0 100 0 0 0\n")
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 100 kB\nMemAvailable: 25 kB\n")
    extractor = Extractor(registry=registry)
    watch_resources(registry=registry, root=tmp_path, clock=iter(range(0, 1000, 15)).__next__)
    with suppress(KeyError), extractor.extraction() as extraction:
        extraction.cache_hit()
        extraction.cache_miss()
        extraction.fallback("model_timeout")
        raise KeyError("user_id")
    extractor.observe_batch(32, 0.4)
    extractor.queue_depth(3)
    return generate_latest(registry).decode()


def run(command, text=""):
    """Run *command* with *text* as its input: exit code and all that it says."""
    done = subprocess.run(command, check=False, input=text, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def families(exposition):
    """Each family by its full name, without the client library's creation timestamps."""
    found = {}
    for family in text_string_to_metric_families(exposition):
        name = family.name + ("_total" if family.type == "counter" else "")
        if not family.name.endswith("_created"):
            found[name] = family
    return found


def test_everything_in_the_contract_is_exposed_and_nothing_else(exposition):
    assert set(families(exposition)) == {metric.name for metric in METRICS}


def test_every_constant_metric_is_listed_in_the_contract():
    constants = [value for value in vars(names).values() if isinstance(value, Metric)]
    assert constants == list(METRICS)
    assert all(metric.name.startswith("feature_extraction_") for metric in METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_family_has_the_type_help_and_labels_of_the_contract(exposition, metric):
    family = families(exposition)[metric.name]
    assert (family.type, family.documentation) == (metric.type, metric.help)
    assert family.samples
    for sample in family.samples:
        if not sample.name.endswith("_created"):
            assert set(sample.labels) - {"le"} == set(metric.labels)
            assert sample.labels["extractor"] == "feature_extractor"


@pytest.mark.parametrize(
    "metric", [m for m in METRICS if m.type == "histogram"], ids=lambda metric: metric.name
)
def test_histogram_has_the_buckets_of_the_contract(exposition, metric):
    samples = families(exposition)[metric.name].samples
    bounds = [float(s.labels["le"]) for s in samples if s.name.endswith("_bucket")]
    assert bounds == [*metric.buckets, float("inf")]


@pytest.mark.parametrize("unit", ["seconds", "ratio"])
def test_base_unit_ends_the_metric_name(unit):
    for metric in METRICS:
        assert metric.name.endswith(f"_{unit}") == (metric.unit == unit), metric.name


def test_promtool_finds_nothing_to_say_about_the_exposition(exposition, promtool):
    assert run([promtool, "check", "metrics"], exposition) == (0, "")


def test_duration_buckets_contain_the_default_latency_thresholds():
    assert set(LATENCY_THRESHOLDS) <= set(DURATION_BUCKETS)


def test_importing_starts_no_thread_and_registers_nothing():
    code = (
        "import prometheus_client, threading\n"
        "before = set(prometheus_client.REGISTRY._names_to_collectors)\n"
        "from featurewatch import *\n"
        "assert set(prometheus_client.REGISTRY._names_to_collectors) == before\n"
        "assert threading.active_count() == 1\n"
        "assert callable(Extractor) and callable(start_metrics_server)\n"
    )
    assert run([sys.executable, "-c", code]) == (0, "")


def test_default_registry_of_prometheus_client_works_too():
    # In a process of its own: what is registered there stays for its lifetime.
    code = (
        "import prometheus_client, featurewatch\n"
        "featurewatch.Extractor(); featurewatch.watch_resources()\n"
        "text = prometheus_client.generate_latest().decode()\n"
        "assert 'feature_extraction_requests_total{extractor=\"feature_extractor\"} 0.0' in text\n"
    )
    assert run([sys.executable, "-c", code]) == (0, "")


def test_registry_is_freed_with_its_last_user():
    registry = CollectorRegistry()
    Extractor(registry=registry)
    watch_resources(registry=registry)
    seen = weakref.ref(registry)
    del registry
    gc.collect()
    assert seen() is None
