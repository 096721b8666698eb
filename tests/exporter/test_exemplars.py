"""Exemplars: with the option on, a bucket of the durations leads to a trace."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from inspect import signature

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Exemplar
from waiting import PATIENCE_SECONDS

from featurewatch import DURATION_BUCKETS, Extractor, exemplars, start_metrics_server
from featurewatch.recorder import BUFFER
from featurewatch_kit import programs
from featurewatch_kit.demo.clients import Prometheus
from featurewatch_kit.demo.processes import Processes, free_port

OPENMETRICS_LIMIT = 128


@pytest.fixture
def extractor(registry: CollectorRegistry) -> Extractor:
    """One with the option on."""
    return Extractor(registry=registry, exemplars=True)


def tracer(sampler=ALWAYS_ON):
    """OpenTelemetry's own; the process-wide provider is left alone."""
    return TracerProvider(sampler=sampler).get_tracer("tests")


@pytest.fixture
def traced(extractor) -> Iterator:
    """Record a duration within a span of its own; returns what its exemplar must say."""
    spans = tracer()

    def record(seconds):
        with spans.start_as_current_span("extract") as span:
            extractor.record(seconds, cache_hit=True)
        context = span.get_span_context()
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}

    return record


def shown(registry) -> dict[str, Exemplar]:
    """One scrape in OpenMetrics: the exemplar of each bucket that has one."""
    families = text_string_to_metric_families(openmetrics.generate_latest(registry).decode())
    samples = [sample for family in families for sample in family.samples if sample.exemplar]
    assert {sample.name for sample in samples} <= {"feature_extraction_duration_seconds_bucket"}
    return {sample.labels["le"]: sample.exemplar for sample in samples}


def test_bucket_of_the_duration_shows_the_trace_and_the_duration(traced, registry):
    labels = traced(0.12)
    found = shown(registry)
    assert list(found) == ["0.15"]
    assert (found["0.15"].labels, found["0.15"].value) == (labels, 0.12)


def test_exemplar_tells_when(traced, registry, monkeypatch):
    monkeypatch.setattr("featurewatch.exemplars.time", lambda: 1_800_000_000.5)
    traced(0.12)
    assert float(shown(registry)["0.15"].timestamp) == 1_800_000_000.5


@pytest.mark.parametrize(
    ("seconds", "le"), [(0.0, "0.005"), *((b, str(b)) for b in DURATION_BUCKETS), (11, "+Inf")]
)
def test_exemplar_is_in_the_bucket_that_its_duration_was_counted_in(traced, registry, seconds, le):
    traced(seconds)
    assert list(shown(registry)) == [le]


@pytest.mark.parametrize("form", ["context manager", "decorator", "async decorator"])
def test_measured_extraction_is_noted_with_the_span_around_it(extractor, registry, form):
    async def nothing_later():
        with spans.start_as_current_span("inner"):
            pass

    def nothing():
        nothing_later().send(None)

    def managed():
        with extractor.extraction():
            pass

    def awaited():
        with pytest.raises(StopIteration):
            extractor.instrument(nothing_later)().send(None)

    def decorated():
        with pytest.raises(StopIteration):
            extractor.instrument(nothing)()

    spans = tracer()
    forms = {"context manager": managed, "decorator": decorated, "async decorator": awaited}
    with spans.start_as_current_span("outer") as span:
        forms[form]()
    [exemplar] = shown(registry).values()
    assert exemplar.labels["span_id"] == f"{span.get_span_context().span_id:016x}"


def test_labels_stay_within_the_limit_of_openmetrics(traced, registry):
    traced(0.12)
    labels = shown(registry)["0.15"].labels
    assert sum(len(name) + len(value) for name, value in labels.items()) <= OPENMETRICS_LIMIT


def test_span_that_is_not_sampled_is_shown_nowhere(extractor, registry):
    with tracer(ALWAYS_OFF).start_as_current_span("extract") as span:
        assert span.get_span_context().is_valid
        extractor.record(0.12)
    assert shown(registry) == {}


def test_span_that_is_of_no_trace_is_shown_nowhere(extractor, registry):
    # As a broken propagator makes it of a header: sampled, by its flag, and of trace 0.
    context = SpanContext(0, 0, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    with use_span(NonRecordingSpan(context)):
        extractor.record(0.12)
    assert shown(registry) == {}


def test_extraction_outside_of_any_span_has_no_exemplar(extractor, registry):
    extractor.record(0.12)
    assert shown(registry) == {}


def test_without_the_option_nothing_is_noted(registry):
    extractor = Extractor(registry=registry)
    with tracer().start_as_current_span("extract"):
        extractor.record(0.12)
    assert shown(registry) == {}
    assert type(extractor._recorder.plain) is type(extractor._recorder.intake.spans) is list


def test_each_bucket_keeps_one_exemplar_between_two_scrapes(traced, registry):
    first = {"0.05": traced(0.03), "0.15": traced(0.12)}
    traced(0.04), traced(0.13)
    assert {le: exemplar.labels for le, exemplar in shown(registry).items()} == first


def test_bucket_that_has_its_exemplar_costs_no_further_look_at_the_span(traced, monkeypatch):
    looks = []
    look = exemplars.current_trace
    monkeypatch.setattr(exemplars, "current_trace", lambda: looks.append(None) or look())
    for _ in range(10):
        traced(0.12)
    assert len(looks) == 1


def test_next_trace_after_a_scrape_takes_the_place_of_the_one_before(traced, registry):
    first = traced(0.12)
    assert shown(registry)["0.15"].labels == first
    assert shown(registry)["0.15"].labels == first, "another Prometheus sees it, too"
    second = traced(0.12)
    assert shown(registry)["0.15"].labels == second


def test_counts_are_those_of_an_extractor_without(traced, extractor, registry, value):
    for _ in range(2 * BUFFER):
        traced(0.12)
        with extractor.extraction():
            pass
    assert value("requests_total") == 4 * BUFFER
    assert value("duration_seconds_bucket", le="+Inf") == 4 * BUFFER
    assert value("cache_lookups_total", result="hit") == 2 * BUFFER
    recorder = extractor._recorder
    assert len(recorder.hits) == len(recorder.intake.spans) == 0


@pytest.mark.parametrize("nonsense", ["fast", None, -1, float("nan"), float("inf")])
def test_duration_without_sense_has_no_exemplar_and_costs_no_neighbour(
    traced, registry, value, nonsense
):
    traced(nonsense)
    labels = traced(0.12)
    assert {le: exemplar.labels for le, exemplar in shown(registry).items()} == {"0.15": labels}
    assert value("requests_total") == 1


def test_span_that_cannot_be_asked_costs_no_measurement(
    traced, extractor, registry, value, monkeypatch
):
    def refuse():
        raise RuntimeError("broken context")

    monkeypatch.setattr(exemplars, "current_trace", refuse)
    longest = 0
    for _ in range(2 * BUFFER):
        traced(0.12)
        longest = max(longest, len(extractor._recorder.hits))
    assert longest < BUFFER, "the list is emptied as ever"
    assert shown(registry) == {}
    assert value("requests_total") == 2 * BUFFER


def test_process_without_opentelemetry_records_and_does_not_import_it():
    code = (
        "import sys, featurewatch\n"
        "extractor = featurewatch.Extractor(exemplars=True)\n"
        "extractor.record(0.12)\n"
        "from prometheus_client import REGISTRY\n"
        "labels = {'extractor': 'feature_extractor'}\n"
        "print(REGISTRY.get_sample_value('feature_extraction_requests_total', labels))\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("1\n[]\n", "", 0)


def test_plain_text_format_shows_no_exemplar(traced, registry):
    traced(0.12)
    assert "trace_id" not in generate_latest(registry).decode()
    assert 'duration_seconds_bucket{extractor="feature_extractor",le="0.15"} 1.0\n' in (
        generate_latest(registry).decode()
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_forked_child_begins_without_the_parents_exemplars(traced, registry):
    first = traced(0.12)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # nothing but os._exit may end it: pytest's own clean-up is the parent's
        try:
            before = shown(registry)
            labels = traced(0.3)
            found = {le: exemplar.labels for le, exemplar in shown(registry).items()}
            answer = [list(before), found == {"0.5": labels}]
            os.write(writer, json.dumps(answer).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        assert json.loads(answer.read()) == [[], True]
    assert shown(registry)["0.15"].labels == first


@pytest.mark.parametrize("choice", [True, False])
def test_two_extractors_of_one_name_must_agree(registry, choice):
    Extractor(registry=registry, exemplars=choice)
    with pytest.raises(ValueError, match=re.escape(f"with exemplars={choice}: give all")):
        Extractor(registry=registry, exemplars=not choice)
    Extractor("another", registry=registry, exemplars=not choice)


@pytest.fixture
def document(root):
    """What users are told."""
    return (root / "docs/instrument.md").read_text()


def test_program_of_the_document_shows_its_trace(document):
    [block] = re.findall(r"```python\n(from opentelemetry.*?)```", document, re.DOTALL)
    code = (
        "from opentelemetry.sdk.trace import TracerProvider\n"
        f"{block}"
        "trace.set_tracer_provider(TracerProvider())\n"
        "model = len\n"
        "assert extract('abc') == 3\n"
        "from prometheus_client import REGISTRY\n"
        "from prometheus_client.openmetrics.exposition import generate_latest\n"
        "print(generate_latest(REGISTRY).decode())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    line = r'duration_seconds_bucket\{.*\} 1\.0 # \{span_id="\w{16}",trace_id="\w{32}"\} '
    assert len(re.findall(line, done.stdout)) == 1


def test_document_is_right_about_native_histograms(document):
    """When this fails, prometheus-client can count them: offer that, and tell so."""
    assert "**Native histograms** are not offered" in document
    wanted = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily"
    assert choose_encoder(wanted)[1].startswith("text/plain")
    assert not [name for name in signature(Histogram).parameters if "native" in name]


CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: feature-extraction
    static_configs: [{{targets: ["{target}"]}}]
"""


@pytest.fixture
def prometheus(registry, root, tmp_path) -> Iterator[tuple[Prometheus, Processes]]:
    """A Prometheus with storage for exemplars that scrapes the registry."""
    program = programs.find(programs.PROMETHEUS, root)
    address = f"127.0.0.1:{free_port()}"
    file = tmp_path / "prometheus.yaml"
    options = {
        "config.file": file,
        "storage.tsdb.path": tmp_path / "data",
        "web.listen-address": address,
        "enable-feature": "exemplar-storage",
    }
    with (
        start_metrics_server(0, host="127.0.0.1", registry=registry) as server,
        Processes(tmp_path / "logs") as processes,
    ):
        target = server.url.removeprefix("http://").removesuffix("/metrics")
        file.write_text(CONFIG.format(target=target))
        processes.start_program("prometheus", program, root, options)
        client = Prometheus(f"http://{address}")
        processes.wait_until("start", lambda: client.answers("/-/ready"), PATIENCE_SECONDS)
        yield client, processes
        client.close()


def test_real_prometheus_stores_the_exemplar_and_answers_with_it(traced, document, prometheus):
    client, processes = prometheus
    labels = traced(0.12)
    [query] = re.findall(r"```promql\n(histogram_quantile.*)\n```", document)

    def stored():
        answer = client.get("/api/v1/query_exemplars", query=query, start="0", end="99999999999")
        return answer["data"]

    processes.wait_until("exemplar", lambda: bool(stored()), PATIENCE_SECONDS)
    [series] = stored()
    assert series["seriesLabels"]["le"] == "0.15"
    [exemplar] = series["exemplars"]
    assert (exemplar["labels"], exemplar["value"]) == (labels, "0.12")
