"""What Prometheus sees is what featurewatch.names says, and nothing else."""

import gc
import re
import subprocess
import sys
import tomllib
import weakref
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

import featurewatch
from featurewatch import (
    DURATION_BUCKETS,
    METRICS,
    Extractor,
    Metric,
    names,
    watch_monitor,
    watch_resources,
)

LATENCY_THRESHOLDS = (0.1, 0.15)
#: What the library shows in one process. The rest is featurewatch-exporter's, about its sources,
#: and of several processes.
LIBRARY = [
    metric
    for metric in METRICS
    if names.LABEL_SOURCE not in metric.labels and metric is not names.UNREADABLE_FILES
]


MONITORED = {
    "p95_time_ms": 120.0,
    "cache_hit_rate": 0.9,
    "error_rate": 0.0,
    "fallback_rate": 0.01,
    "cpu_percent": 40,
    "memory_percent": None,  # counted as a failure
}
MACHINE = {
    "proc/stat": "cpu 100 0 0 0 0 0 0 0 0 0\ncpu0 100 0 0 0\n",
    "proc/meminfo": "MemTotal: 100 kB\nMemAvailable: 25 kB\n",
    "sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
    "sys/fs/cgroup/cpu.stat": "nr_periods 10\nnr_throttled 2\nthrottled_usec 500000\n",
    "sys/fs/cgroup/memory.max": "100000\n",
    "sys/fs/cgroup/memory.current": "75000\n",
    "sys/fs/cgroup/memory.stat": "inactive_file 0\n",
    "sys/fs/cgroup/memory.events": "oom 1\noom_kill 1\n",
}


@pytest.fixture
def used(registry, tmp_path, nvml):
    """A registry in which everything was used once."""
    nvml.gpus = [(50, (1, 4))]
    for name, text in MACHINE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    extractor = Extractor(registry=registry)
    watch_resources(registry=registry, root=tmp_path, clock=iter(range(0, 1000, 15)).__next__)
    watch_monitor(SimpleNamespace(get_current_metrics=lambda: MONITORED), registry=registry)
    with suppress(KeyError), extractor.extraction() as extraction:
        extraction.cache_hit()
        extraction.cache_miss()
        extraction.fallback('a "quoted" \\ reason\nof two lines')
        raise KeyError("user_id")
    extractor.record_batch([0.1, 0.2], duration_seconds=0.25)
    extractor.queue_depth(3)
    return registry


@pytest.fixture
def exposition(used):
    """Its text."""
    return generate_latest(used).decode()


def run(command, text=""):
    """Run *command* with *text* as its input: exit code and all that it says."""
    done = subprocess.run(command, check=False, input=text, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def families(exposition):
    """Each family by its full name."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in text_string_to_metric_families(exposition)
    }


def test_everything_in_the_contract_is_exposed_and_nothing_else(exposition):
    assert set(families(exposition)) == {metric.name for metric in LIBRARY}


def test_every_constant_metric_is_listed_in_the_contract():
    constants = [value for value in vars(names).values() if isinstance(value, Metric)]
    assert constants == list(METRICS)
    assert all(metric.name.startswith("feature_extraction_") for metric in METRICS)


@pytest.mark.parametrize("metric", LIBRARY, ids=lambda metric: metric.name)
def test_family_has_the_type_help_and_labels_of_the_contract(exposition, metric):
    family = families(exposition)[metric.name]
    assert (family.type, family.documentation) == (metric.type, metric.help)
    assert family.samples
    for sample in family.samples:
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
        name = metric.name.removesuffix("_total")
        assert name.endswith(f"_{unit}") == (metric.unit == unit), metric.name


def test_promtool_finds_nothing_to_say_about_the_exposition(exposition, promtool):
    assert run([promtool, "check", "metrics"], exposition) == (0, "")


def test_openmetrics_exposition_is_read_back_and_ends_as_it_must(used):
    text = openmetrics.generate_latest(used).decode()
    found = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in openmetrics_parser.text_string_to_metric_families(text)
    }
    assert found == {metric.name for metric in LIBRARY}
    assert text.endswith("# EOF\n")


@pytest.mark.parametrize("metric", LIBRARY, ids=lambda metric: metric.name)
def test_no_series_is_exposed_twice(exposition, metric):
    samples = [
        (s.name, *sorted(s.labels.items())) for s in families(exposition)[metric.name].samples
    ]
    assert len(samples) == len(set(samples))


def test_scrape_of_one_name_shows_that_family_alone(used):
    restricted = used.restricted_registry(["feature_extraction_requests_total"])
    assert generate_latest(restricted).decode().splitlines() == [
        "# HELP feature_extraction_requests_total "
        "Extractions that ended, whether they succeeded, failed or were cancelled.",
        "# TYPE feature_extraction_requests_total counter",
        'feature_extraction_requests_total{extractor="feature_extractor"} 3.0',
    ]


def test_name_that_somebody_else_registered_is_refused_at_the_start(registry):
    Gauge("feature_extraction_queue_depth", "Not ours.", registry=registry)
    with pytest.raises(ValueError, match="feature_extraction_queue_depth"):
        Extractor(registry=registry)


def test_package_depends_on_prometheus_client_alone(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert [re.match(r"[\w-]+", need)[0] for need in project["dependencies"]] == [
        "prometheus-client"
    ]
    assert project["optional-dependencies"] == {
        "gpu": ["nvidia-ml-py>=12"],
        "inotify": ["inotify-simple>=2"],
    }


def test_installed_package_requires_prometheus_client_alone_without_an_extra():
    needs = [need.partition(";") for need in metadata.requires("featurewatch")]
    always = [need for need, _, marker in needs if "extra ==" not in marker]
    assert [re.match(r"[\w-]+", need)[0] for need in always] == ["prometheus-client"]


def test_library_imports_nothing_beyond_prometheus_client_and_the_standard_library():
    code = (
        "import sys, featurewatch\n"
        "e = featurewatch.Extractor(); e.record(0.1); e.record_batch([0.1], [True])\n"
        "import prometheus_client; prometheus_client.generate_latest()\n"
        "known = sys.stdlib_module_names | {'featurewatch', 'prometheus_client'}\n"
        "extra = {name.partition('.')[0] for name in sys.modules} - known\n"
        "print(*sorted(name for name in extra if not name.startswith('_')))\n"
    )
    # -I -S: without what the environment imports at the start of every process.
    paths = [str(Path(module.__file__).parents[1]) for module in (featurewatch, prometheus_client)]
    done = run([sys.executable, "-I", "-S", "-c", f"import sys; sys.path += {paths}\n{code}"])
    assert done == (0, "\n")


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
