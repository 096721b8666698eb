"""What is served is what prometheus-client's encoders would write, byte by byte."""

import gzip
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest, make_wsgi_app
from prometheus_client.exposition import choose_encoder

from featurewatch import Extractor, names, watch_monitor
from featurewatch.distribution import Distribution
from featurewatch.exposition import MOST_FORMATS, Format, Page, exposition_app
from featurewatch.families import families

ACCEPT = {
    "none": "",
    "text": "text/plain;version=0.0.4",
    "text 1.0.0": "text/plain;version=1.0.0;escaping=allow-utf-8",
    "OpenMetrics": "application/openmetrics-text",
    "OpenMetrics 1.0.0": "application/openmetrics-text;version=1.0.0;escaping=underscores",
    # What Prometheus 3 sends.
    "Prometheus": "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.2",
}


class Monitor:
    def get_current_metrics(self):
        ratios = {"cache_hit_rate": 1 / 3, "error_rate": 0, "fallback_rate": 1}
        return {"p95_time_ms": 1e9, "cpu_percent": 1e-9, "memory_percent": 100, **ratios}


@pytest.fixture
def used(registry):
    Counter("before", "Of the application.", ["a"], registry=registry).labels("b").inc()
    for name in ("text", 'of "two"\nlines \\ \u2028', "\u00fc"):
        extractor = Extractor(name, registry=registry)
        extractor.record_batch([0.02, 0.12, 0.3] * 10, cache_hits=[True, True, False] * 10)
        extractor.record(0.2, fallback="a\x0bb", error=ValueError("no"))
        extractor.observe_batch(10**6, 1e-9)
        extractor.queue_depth(1_234_567)
    watch_monitor(Monitor(), "text", registry=registry)
    Gauge("after", "Of the application.", registry=registry).set(-1.5)
    return registry


@pytest.mark.parametrize("accept", ACCEPT.values(), ids=ACCEPT.keys())
def test_page_is_that_of_the_encoder_at_every_scrape(used, accept):
    encoder, content_type = choose_encoder(accept)
    page = Page(used)
    for _ in range(3):
        assert page.encoded(accept) == (content_type, encoder(used))
        Extractor("text", registry=used).record(0.3, error=KeyError("new"))


@pytest.mark.parametrize("accept", ACCEPT.values(), ids=ACCEPT.keys())
def test_registry_without_a_metric_has_the_page_of_the_encoder(registry, accept):
    encoder, content_type = choose_encoder(accept)
    assert Page(registry).encoded(accept) == (content_type, encoder(registry))


numbers = st.one_of(
    st.integers(-(10**20), 10**20), st.floats(), st.sampled_from([999_999, 10**6, -1, 0.0, -0.0])
)


@given(st.lists(st.tuples(st.text(min_size=1), numbers), max_size=5), st.lists(st.floats(0, 1e9)))
def test_any_label_and_any_number_is_written_as_the_encoder_does(gauges, durations):
    distribution = Distribution(names.DURATION_BUCKETS)
    distribution.add(list(durations))
    samples = [(names.QUEUE_DEPTH, (name,), number) for name, number in gauges]
    samples.append((names.DURATION, ("e",), distribution.snapshot()))
    for accept in ("", ACCEPT["OpenMetrics"]):
        encoder, _ = choose_encoder(accept)
        form = Format(encoder)
        for _ in range(2):
            expected = encoder(_Listed(samples))
            assert form.encode(families(samples)) == expected


class _Listed:
    def __init__(self, samples):
        self._samples = samples

    def collect(self):
        return families(self._samples)


def test_client_that_asks_for_ever_new_versions_takes_no_memory(used):
    page = Page(used)
    for version in range(100):
        page.encoded(f"application/openmetrics-text;version=1.0.{version}")
    assert len(page._formats) <= MOST_FORMATS


def ask(app, **environ):
    """Status, headers and body of one request."""
    told = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/metrics", "QUERY_STRING": "", **environ}
    body = b"".join(app(environ, lambda status, headers: told.extend([status, dict(headers)])))
    return (*told, body)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"PATH_INFO": "/"},
        {"PATH_INFO": "/favicon.ico"},
        {"REQUEST_METHOD": "POST"},
        {"REQUEST_METHOD": "OPTIONS"},
        {"QUERY_STRING": "name[]=feature_extraction_requests_total"},
        {"HTTP_ACCEPT": ACCEPT["Prometheus"]},
    ],
)
def test_application_answers_as_that_of_prometheus_client(used, environ):
    assert ask(exposition_app(used), **environ) == ask(make_wsgi_app(used), **environ)


def test_page_is_compressed_for_whoever_asks(used):
    _, headers, body = ask(exposition_app(used), HTTP_ACCEPT_ENCODING="gzip, deflate")
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == generate_latest(used)


def test_number_that_is_none_is_written_too():
    registry = CollectorRegistry()
    Extractor(registry=registry)
    samples = [(names.QUEUE_DEPTH, ("e",), number) for number in (math.inf, -math.inf, math.nan)]
    encoder, _ = choose_encoder("")
    for sample in samples:
        assert Format(encoder).encode(families([sample])) == encoder(_Listed([sample]))
