"""Figures of a service's own monitor become gauges, and its faults become no more than a count."""

from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from prometheus_client import generate_latest

from featurewatch import Extractor, watch_monitor, watch_resources

GOOD = {
    "p95_time_ms": 120.0,
    "cache_hit_rate": 0.9,
    "error_rate": 0.0005,
    "fallback_rate": 0.02,
    "cpu_percent": 45.0,
    "memory_percent": 80,
}
GAUGES = {
    "p95_time_ms": ("snapshot_p95_seconds", 0.12),
    "cache_hit_rate": ("snapshot_cache_hit_ratio", 0.9),
    "error_rate": ("snapshot_error_ratio", 0.0005),
    "fallback_rate": ("snapshot_fallback_ratio", 0.02),
    "cpu_percent": ("cpu_utilization_ratio", 0.45),
    "memory_percent": ("memory_utilization_ratio", 0.8),
}

#: A container that uses a quarter of the memory that it may have.
LIMITED = {
    "sys/fs/cgroup/cgroup.controllers": "memory\n",
    "sys/fs/cgroup/memory.max": "100000\n",
    "sys/fs/cgroup/memory.current": "25000\n",
    "sys/fs/cgroup/memory.stat": "inactive_file 0\n",
}


class Monitor:
    """Answers with `figures`, or raises them."""

    def __init__(self, figures=None):
        # pytest touches its parameters, so hostile ones are made here.
        self.figures = GOOD if figures is None else Hostile() if figures is Hostile else figures
        self.asked = 0

    def get_current_metrics(self):
        self.asked += 1
        if isinstance(self.figures, Exception):
            raise self.figures
        return self.figures


class Hostile:
    """An object that raises wherever it is touched."""

    def __getattr__(self, name):
        raise RuntimeError(f"no {name}")

    __getitem__ = __repr__ = __float__ = __getattr__


@pytest.mark.parametrize("kind", [dict, lambda figures: SimpleNamespace(**figures)])
def test_figures_become_gauges_in_base_units(registry, value, kind):
    watch_monitor(Monitor(kind(GOOD)), registry=registry)
    shown = {name: value(gauge) for name, (gauge, _) in GAUGES.items()}
    assert shown == pytest.approx({name: expected for name, (_, expected) in GAUGES.items()})
    assert all(value("monitor_failures_total", field=name) == 0 for name in GOOD)
    assert value("monitor_failures_total", field="get_current_metrics") == 0


def test_monitor_is_asked_once_in_each_scrape(registry):
    monitor = Monitor()
    watch_monitor(monitor, registry=registry)
    assert monitor.asked == 0
    for scrapes in (1, 2):
        generate_latest(registry)
        assert monitor.asked == scrapes


@pytest.mark.parametrize("field", GAUGES)
@pytest.mark.parametrize(
    "nonsense",
    ["0.5", None, True, float("nan"), float("inf"), -0.01, 10**400, Decimal("0.5"), 1j, Hostile],
    ids=lambda nonsense: type(nonsense).__name__,
)
def test_nonsense_has_no_series_and_is_counted_and_the_rest_is_there(
    registry, value, field, nonsense
):
    figure = Hostile() if nonsense is Hostile else nonsense
    watch_monitor(Monitor(GOOD | {field: figure}), registry=registry)
    shown = {name: value(gauge) is not None for name, (gauge, _) in GAUGES.items()}
    assert shown == {name: name != field for name in GAUGES}
    failures = {name: value("monitor_failures_total", field=name) for name in GAUGES}
    assert failures[field] > 0
    assert sum(failures.values()) == failures[field]


@pytest.mark.parametrize(
    ("field", "figure", "expected"),
    [
        ("cache_hit_rate", 1, 1),
        ("cache_hit_rate", 1.001, None),
        ("cache_hit_rate", 0, 0),
        ("fallback_rate", Fraction(1, 4), 0.25),
        ("memory_percent", 100, 1),
        ("memory_percent", 100.1, None),
        ("cpu_percent", 104, 1.04),  # two moments of another clock
        ("cpu_percent", 350, None),  # of one CPU and not of the limit
        ("p95_time_ms", 1e6, 1000),
    ],
)
def test_range_of_each_figure(registry, value, field, figure, expected):
    watch_monitor(Monitor(GOOD | {field: figure}), registry=registry)
    assert value(GAUGES[field][0]) == expected


@pytest.mark.parametrize("missing", GAUGES)
def test_figure_that_is_missing_has_no_series(registry, value, missing):
    figures = {name: figure for name, figure in GOOD.items() if name != missing}
    for name, kind in [("keys", dict), ("attributes", lambda f: SimpleNamespace(**f))]:
        watch_monitor(Monitor(kind(figures)), name, registry=registry)
        assert value(GAUGES[missing][0], name) is None
        assert value("monitor_failures_total", name, field=missing) > 0


@pytest.mark.parametrize("answer", [None, "well", 7, [], Hostile, ConnectionError("gone")])
def test_answer_that_is_no_report_leaves_the_other_series_alone(registry, value, answer):
    Extractor(registry=registry).record(0.1)
    watch_monitor(Monitor(answer if answer is not None else SimpleNamespace()), registry=registry)
    assert all(value(gauge) is None for gauge, _ in GAUGES.values())
    assert value("requests_total") == 1


def test_monitor_of_mocks_shows_what_was_set_alone(registry, value):
    monitor = Mock()
    monitor.get_current_metrics.return_value.p95_time_ms = 200
    watch_monitor(monitor, registry=registry)
    assert value("snapshot_p95_seconds") == 0.2
    assert value("snapshot_cache_hit_ratio") is None


def test_log_tells_each_change_once(registry, caplog):
    monitor = Monitor()
    watch_monitor(monitor, registry=registry)
    caplog.set_level("INFO", logger="featurewatch.monitor")
    for figures in (
        [GOOD, GOOD]
        + [GOOD | {"error_rate": 1.5}, GOOD | {"error_rate": 7}]
        + [GOOD | {"error_rate": None}] * 3
        + [ConnectionError("gone")] * 2
        + [GOOD] * 2
    ):
        monitor.figures = figures
        generate_latest(registry)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "monitor of feature_extractor: error_rate is out of range 1.5"),
        ("WARNING", "monitor of feature_extractor: error_rate is no number None"),
        (
            "WARNING",
            "monitor of feature_extractor: get_current_metrics raises ConnectionError('gone')",
        ),
        ("INFO", "monitor of feature_extractor: get_current_metrics is well again"),
        ("INFO", "monitor of feature_extractor: error_rate is well again"),
    ]


def test_utilization_of_the_container_stands_where_both_are_watched(registry, tmp_path, value):
    for name, text in LIMITED.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    watch_resources(registry=registry, root=tmp_path)
    watch_monitor(Monitor(), registry=registry)
    watch_monitor(Monitor(), "other", registry=registry)
    assert value("memory_utilization_ratio") == 0.25
    assert value("memory_utilization_ratio", "other") == 0.8
    assert generate_latest(registry).count(b"\nfeature_extraction_memory_utilization_ratio{") == 2


@pytest.mark.parametrize("monitor", [None, object(), SimpleNamespace(get_current_metrics=7)])
def test_what_is_no_monitor_is_refused_at_the_start(registry, monitor):
    with pytest.raises(TypeError, match=r"a monitor needs the method get_current_metrics\(\)"):
        watch_monitor(monitor, registry=registry)


def test_second_monitor_of_an_extractor_is_refused(registry):
    watch_monitor(Monitor(), registry=registry)
    with pytest.raises(ValueError, match="'feature_extractor' has a monitor on this registry"):
        watch_monitor(Monitor(), registry=registry)


def test_empty_extractor_name_is_refused_for_a_monitor(registry):
    with pytest.raises(ValueError, match="extractor name must be text"):
        watch_monitor(Monitor(), "", registry=registry)
