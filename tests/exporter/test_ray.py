"""featurewatch.ray, with a stand-in for Ray; tests/ray_serve has the real one."""

import importlib
import pickle
import sys
from types import ModuleType, SimpleNamespace

import pytest

from featurewatch import FeaturewatchError, MetricsServerError
from featurewatch.names import DURATION_BUCKETS


class Gauge:
    """As Ray's: a name that is a metric's, and a value for every tag key, which must be text."""

    made: dict[str, "Gauge"]

    def __init__(self, name, description, tag_keys):
        assert name not in Gauge.made, "a second gauge of one name"
        assert description
        self.tag_keys = set(tag_keys)
        self.values = {}
        Gauge.made[name] = self

    def set(self, value, tags):
        assert type(value) is float
        assert set(tags) == self.tag_keys
        assert all(type(text) is str for text in tags.values())
        self.values[tuple(sorted(tags.items()))] = value


def without_ray(monkeypatch):
    """Forget featurewatch.ray, which is imported anew by what comes next."""
    monkeypatch.delitem(sys.modules, "featurewatch.ray", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)


@pytest.fixture
def context():
    """What Ray says of this process."""
    return SimpleNamespace(
        worker=SimpleNamespace(mode=1),
        get_actor_name=lambda: "SERVE_REPLICA::default#Features#abc",
        get_worker_id=lambda: "0123",
    )


@pytest.fixture
def on_ray(monkeypatch, context):
    """featurewatch.ray where Ray is."""
    ray, util, metrics = (ModuleType(name) for name in ("ray", "ray.util", "ray.util.metrics"))
    Gauge.made = {}
    metrics.Gauge = Gauge
    ray.WORKER_MODE = 1
    ray.is_initialized = lambda: True
    ray.get_runtime_context = lambda: context
    without_ray(monkeypatch)
    for module in (ray, util, metrics):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    module = importlib.import_module("featurewatch.ray")
    monkeypatch.setattr(module, "_begin_to_report", lambda: None)
    yield module
    sys.modules.pop("featurewatch.ray", None)


@pytest.fixture
def reported(on_ray):
    """Report now, and return a value: reported("requests_total", result="hit")."""
    reporter = on_ray.Reporter(on_ray._registry, "r")

    def look_up(name, **labels):
        reporter.report()
        tags = {"extractor": "feature_extractor", "replica": "r", **labels}
        return Gauge.made["feature_extraction_" + name].values.get(tuple(sorted(tags.items())))

    return look_up


# --- Without Ray ----------------------------------------------------------------------------


def test_where_ray_is_missing_the_import_says_how_to_fix_that(monkeypatch):
    without_ray(monkeypatch)
    with pytest.raises(ImportError) as raised:
        importlib.import_module("featurewatch.ray")
    assert str(raised.value) == (
        "featurewatch.ray runs inside Ray, which is not here: pip install 'ray[serve]', or use"
        " featurewatch.Extractor"
    )
    assert isinstance(raised.value, FeaturewatchError)
    assert not isinstance(raised.value, MetricsServerError)


def test_the_library_itself_does_not_import_ray():
    assert "ray" not in sys.modules


# --- What Ray is told -----------------------------------------------------------------------


def test_counts_exist_at_0_before_the_first_extraction(on_ray, reported):
    on_ray.Extractor()
    assert reported("requests_total") == 0
    assert reported("duration_seconds_bucket", le="+Inf") == 0
    assert reported("cache_lookups_total", result="miss") == 0


def test_every_way_to_record_reaches_ray(on_ray, reported):
    extractor = on_ray.Extractor()
    extractor.record(0.2, cache_hit=True)
    extractor.record_batch([0.1, 0.3], cache_hits=[True, False], errors=["Late", None])
    with extractor.extraction() as extraction:
        extraction.fallback("timeout")
    extractor.instrument(lambda: None)()
    extractor.queue_depth(7)
    assert reported("requests_total") == 5
    assert reported("duration_seconds_count") == 5
    assert reported("duration_seconds_bucket", le="0.25") == 4
    assert reported("duration_seconds_sum") == pytest.approx(0.6, abs=0.05)
    assert reported("cache_lookups_total", result="hit") == 2
    assert reported("errors_total", error_type="Late") == 1
    assert reported("fallbacks_total", reason="timeout") == 1
    assert reported("queue_depth") == 7


def test_a_report_tells_totals_so_that_a_lost_one_loses_nothing(on_ray, reported):
    extractor = on_ray.Extractor()
    assert reported("requests_total") == 0
    for total in (1, 2, 3):
        extractor.record(0.1)
        assert reported("requests_total") == total


def test_resources_and_a_monitor_are_told_too(on_ray, reported):
    on_ray.watch_resources()
    on_ray.watch_monitor(SimpleNamespace(get_current_metrics=lambda: {"p95_time_ms": 120}))
    assert reported("snapshot_p95_seconds") == 0.12
    assert reported("memory_utilization_ratio") > 0


def test_what_ray_refuses_costs_no_request_and_is_tried_again(on_ray, reported, monkeypatch):
    """The thread goes on after an error."""
    waits = []
    refuse = [RuntimeError("no metrics now")]

    def refused_once(reporter):
        if refuse:
            raise refuse.pop()
        raise SystemExit  # ends the thread's loop here

    monkeypatch.setattr(on_ray.Reporter, "report", refused_once)
    monkeypatch.setattr(on_ray.time, "sleep", waits.append)
    with pytest.raises(SystemExit):
        on_ray._report_for_ever()
    assert waits == [on_ray.PERIOD]


# --- Which process it is --------------------------------------------------------------------


def test_a_replica_is_named_as_serve_names_it(on_ray):
    assert on_ray._replica() == "default#Features#abc"


def test_a_process_without_an_actors_name_is_named_by_its_worker(on_ray, context):
    context.get_actor_name = lambda: None
    assert on_ray._replica() == "0123"


def test_a_driver_is_not_asked_for_an_actor(on_ray, context):
    context.worker.mode = 0
    context.get_actor_name = None
    assert on_ray._replica() == "0123"


def test_a_copy_for_another_process_is_the_same_extractor_there(on_ray):
    extractor = on_ray.Extractor("search", duration_buckets=DURATION_BUCKETS)
    copy = pickle.loads(pickle.dumps(extractor))  # noqa: S301
    assert copy.name == "search"
    assert copy._recorder is extractor._recorder  # of this process, which has its name already


def test_one_thread_reports_for_all_extractors(on_ray, monkeypatch):
    sys.modules.pop("featurewatch.ray")
    module = importlib.import_module("featurewatch.ray")
    started = []
    monkeypatch.setattr(
        module, "Thread", lambda **how: SimpleNamespace(start=lambda: started.append(how))
    )
    module.Extractor("one")
    module.Extractor("two")
    module.watch_resources("one")
    (how,) = started
    assert how["daemon"]
