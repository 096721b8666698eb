"""A URL that Prometheus could scrape is mapped by selectors, histograms and all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from featurewatch_exporter.fetching import FetchError
from featurewatch_exporter.prometheus_text import parse, selector

from .attempt import attempt

MAP = {
    "server_seconds": {"metric": "duration_seconds"},
    "server_requests_total": {"metric": "requests_total"},
    'server_requests_total{code=~"5..",code=*}': {"metric": "errors_total", "label": "error_type"},
    'server_cache_total{hit="yes"}': {
        "metric": "cache_lookups_total",
        "labels": {"result": "hit"},
    },
    'server_queue{model="a"}': {"metric": "queue_depth"},
}


class Server:
    """Metrics of a server that has never heard of us, as prometheus-client writes them."""

    def __init__(self):
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "server_seconds", "x", ["model"], buckets=[0.1, 0.5], registry=self.registry
        )
        self.requests = Counter("server_requests", "x", ["code"], registry=self.registry)
        self.cache = Counter("server_cache", "x", ["hit"], registry=self.registry)
        self.queue = Gauge("server_queue", "x", ["model"], registry=self.registry)

    def page(self):
        return generate_latest(self.registry)


@pytest.fixture
def server():
    server = Server()
    for model, seconds in [("a", 0.05), ("a", 0.3), ("b", 0.3), ("b", 3)]:
        server.seconds.labels(model).observe(seconds)
    for code, times in [("200", 90), ("404", 3), ("500", 4), ("503", 2)]:
        server.requests.labels(code).inc(times)
    server.cache.labels("yes").inc(7)
    server.queue.labels("a").set(5)
    server.queue.labels("b").set(50)
    return server


@pytest.fixture
def poll(run, stats):
    def start(map, **more):
        quick = {"interval_seconds": 0.1, "timeout_seconds": 10, "stale_after_seconds": 60}
        source = {"type": "http", "url": stats.url, "format": "prometheus", "map": map}
        return run({**source, **quick, **more})

    return start


def test_series_of_a_server_are_mapped(poll, stats, eventually, server):
    stats.answer = server.page()
    page = poll(MAP)
    eventually(lambda: page("requests_total") == 99)
    assert page("errors_total", "500") == 4
    assert page("errors_total", "503") == 2
    assert page("errors_total", "404") is None
    assert page("cache_lookups_total", "hit") == 7
    assert page("queue_depth") == 5
    assert page("duration_seconds_bucket", "0.1") == 1
    assert page("duration_seconds_bucket", "0.5") == 3
    assert page("duration_seconds_bucket", "+Inf") == page("duration_seconds_count") == 4
    assert page("duration_seconds_sum") == pytest.approx(3.65)
    assert page("source_failures_total", "http") == 0


# Of triton-inference-server/server: successes, failures and the summary as in its
# docs/user_guide/metrics.md; the histogram, what is pending and the label `reason`, which newer
# versions have, as in public programs that read them.
TRITON = b"""\
# HELP nv_inference_request_success Number of successful inference requests, all batch sizes
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="a",version="1"} 3
nv_inference_request_success{model="a",version="2"} 4
# TYPE nv_inference_request_failure counter
nv_inference_request_failure{model="a",reason="REJECTED",version="1"} 1
nv_inference_request_failure{model="a",reason="BACKEND",version="1"} 2
# TYPE nv_inference_pending_request_count gauge
nv_inference_pending_request_count{model="a",version="1"} 6
# TYPE nv_inference_first_response_histogram_ms histogram
nv_inference_first_response_histogram_ms_count{model="a",version="1"} 2
nv_inference_first_response_histogram_ms_sum{model="a",version="1"} 350
nv_inference_first_response_histogram_ms_bucket{model="a",version="1",le="100"} 1
nv_inference_first_response_histogram_ms_bucket{model="a",version="1",le="+Inf"} 2
# TYPE nv_inference_request_summary_us summary
nv_inference_request_summary_us_count{model="a",version="1"} 7
nv_inference_request_summary_us_sum{model="a",version="1"} 840000
nv_inference_request_summary_us{model="a",version="1",quantile="0.95"} 120000
"""


def test_metrics_of_triton_are_mapped(poll, stats, eventually):
    stats.answer = TRITON
    page = poll(
        {
            "nv_inference_request_success": {"metric": "requests_total"},
            "nv_inference_request_failure{reason=*}": {
                "metric": "errors_total",
                "label": "error_type",
            },
            'nv_inference_pending_request_count{model="a"}': {"metric": "queue_depth"},
            "nv_inference_first_response_histogram_ms": {
                "metric": "duration_seconds",
                "unit": "milliseconds",
            },
            'nv_inference_request_summary_us{quantile="0.95"}': {
                "metric": "snapshot_p95_seconds",
                "unit": "microseconds",
            },
        }
    )
    eventually(lambda: page("requests_total") == 7)
    assert page("errors_total", "BACKEND") == 2
    assert page("queue_depth") == 6
    assert page("duration_seconds_bucket", "0.1") == 1
    assert page("duration_seconds_sum") == 0.35
    assert page("snapshot_p95_seconds") == 0.12
    assert page("source_failures_total", "http") == 0


# As docs/metrics_api.md of pytorch/serve has them: a comma after the last label, and a counter
# that has no series before its first event.
TORCHSERVE = b"""\
# HELP Requests5XX Torchserve prometheus counter metric with unit: Count
# TYPE Requests5XX counter
# HELP Requests2XX Torchserve prometheus counter metric with unit: Count
# TYPE Requests2XX counter
Requests2XX{Level="Host",Hostname="h",} 8.0
# HELP ts_inference_requests_total Torchserve prometheus counter metric with unit: Count
# TYPE ts_inference_requests_total counter
ts_inference_requests_total{model_name="a",model_version="default",hostname="h",} 3.0
# HELP QueueTime Torchserve prometheus gauge metric with unit: Milliseconds
# TYPE QueueTime gauge
QueueTime{Level="Host",Hostname="h",} 0.0
# HELP MemoryUtilization Torchserve prometheus gauge metric with unit: Percent
# TYPE MemoryUtilization gauge
MemoryUtilization{Level="Host",Hostname="h",} 64.4
"""


def test_metrics_of_torchserve_are_mapped(poll, stats, eventually):
    stats.answer = TORCHSERVE
    page = poll(
        {
            "ts_inference_requests_total": {"metric": "requests_total"},
            "Requests2XX": {"metric": "cache_lookups_total", "labels": {"result": "hit"}},
            "MemoryUtilization": {"metric": "memory_utilization_ratio", "unit": "percent"},
        }
    )
    eventually(lambda: page("requests_total") == 3)
    assert page("cache_lookups_total", "hit") == 8
    assert page("memory_utilization_ratio") == pytest.approx(0.644)
    assert page("source_failures_total", "http") == 0


@pytest.mark.parametrize(
    "case",
    [
        ("other 1", "a", "queue_depth", "is missing"),
        ("a NaN", "a", "queue_depth", "must come to a number from 0 to 1e+15"),
        ('a{x="1"} 1\na{x="2"} 2', "a", "queue_depth", "stands for several values"),
        ("a_sum 3", "a", "duration_seconds", "is missing, or no histogram"),
        ('a_bucket{le="1"} 3', "a", "duration_seconds", "has buckets that do not add up"),
        (
            'a_bucket{le="1"} 3\na_bucket{le="+Inf"} 2',
            "a",
            "duration_seconds",
            "has buckets that do not add up",
        ),
        (
            'a_bucket{m="1",le="+Inf"} 3\na_bucket{m="2",le="1"} 2\na_bucket{m="2",le="+Inf"} 2',
            "a",
            "duration_seconds",
            "stands for histograms of different buckets; select one by its labels",
        ),
        (
            'a_bucket{le="+Inf"} 3\na_sum NaN',
            "a",
            "duration_seconds",
            "has a sum that is no number",
        ),
    ],
)
def test_series_that_cannot_be_used_is_counted_and_costs_itself_alone(
    poll, stats, eventually, caplog, case
):
    text, path, metric, problem = case
    stats.answer = f"{text}\nok 3\n".encode()
    page = poll({path: {"metric": metric}, "ok": {"metric": "requests_total"}})
    eventually(lambda: page("requests_total") == 3)
    assert page("source_failures_total", "http") > 0
    assert f"source http of feature_extractor: a {problem}" in caplog.messages[0]


def test_text_for_prometheus_where_json_is_expected_is_told_with_the_key(
    run, stats, eventually, caplog, server
):
    stats.answer, stats.headers = server.page(), {"Content-Type": "text/plain; version=0.0.4"}
    run({"type": "http", "url": stats.url, "preset": "monitor_snapshot"})
    eventually(lambda: caplog.messages)
    assert caplog.messages[0] == (
        "source http of feature_extractor answers with the text that Prometheus reads; "
        'write "format": "prometheus"'
    )


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b"{}", b"a 1 b", b'a{b="} 1'])
def test_what_is_no_text_for_prometheus_is_refused(body):
    _, problem = attempt(FetchError, parse, body)
    assert problem == "answers with something that is no text for Prometheus"


@pytest.mark.parametrize(
    ("text", "labels", "taken"),
    [
        ("a", {"x": "1"}, True),
        ('a{x="1"}', {"x": "1"}, True),
        ('a{x="1"}', {}, False),
        ('a{x=""}', {}, True),
        ('a{x!="1"}', {"x": "1"}, False),
        ('a{x=~"1|2"}', {"x": "2"}, True),
        ('a{x=~"1"}', {"x": "12"}, False),
        ('a{ x !~ "1.*" , y="}" }', {"x": "2", "y": "}"}, True),
        (r'a{x="\"\\"}', {"x": '"\\'}, True),
        ("a{x=*}", {"x": "1"}, True),
        ("a{x=*}", {"y": "1"}, False),
    ],
)
def test_selectors_take_what_promql_takes(text, labels, taken):
    assert selector(text).takes(labels) == taken


@pytest.mark.parametrize(
    "text", ["", "a{", "a{x}", "a{x=1}", 'a{x="1"', "a b", '{x="1"}', 'a{x~"1"}']
)
def test_what_selects_no_series_is_refused(text):
    _, problem = attempt(ValueError, selector, text)
    assert problem.startswith("selects no series; write for example requests_total")


def test_faulty_expression_and_two_stars_are_refused():
    assert "which is no expression" in attempt(ValueError, selector, 'a{x=~"("}')[1]
    assert "several stars" in attempt(ValueError, selector, "a{x=*,y=*}")[1]


@given(text=st.text())
def test_any_text_is_a_selector_or_refused(text):
    made, problem = attempt(ValueError, selector, text)
    assert (made is None) == bool(problem)


@given(body=st.binary() | st.text(alphabet='a{}="1,\n #TYPE').map(str.encode))
def test_any_answer_is_series_or_refused(body):
    series, problem = attempt(FetchError, parse, body)
    assert (series is None) == bool(problem)
