"""Native histograms, without bounds at the thresholds or with them: the rules read both."""

import re

import pytest
from scrape.running import write_configuration

from featurewatch_kit.cli import main
from otel.service import DURATIONS, printed_code, running
from otel.ways import needs_receiver, pushing, receiving

EXPONENTIAL = {
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram"
}
BUCKETS = "feature_extraction_duration_seconds_bucket"
P95 = "extractor:feature_extraction_duration_seconds:p95_5m"
BOUND = 'featurewatch:lower_bound{alert="FeatureExtractionLatencyCritical", window="5m"}'


@pytest.fixture
def receiver(root, tmp_path):
    """Start a Prometheus with these settings of its section otlp."""

    def start(**otlp):
        needs_receiver(root)
        overlay = {"metrics": {"source": "otel"}, "scrape": {"targets": []}}
        config = write_configuration(root, tmp_path, overlay, lambda tree: tree.update(otlp=otlp))
        return receiving(root, config, tmp_path)

    return start


def explained(root, prometheus, capsys, *overlays):
    """Extractors of which `featurewatch check --prometheus` says that they are native."""
    options = [word for file in overlays for word in ("--config", str(file))]
    main(["check", "--root", str(root), "--prometheus", prometheus.url, *options])
    found = rf"{BUCKETS}: (\w+) has no such series, since its durations are native"
    return re.findall(found, capsys.readouterr().out)


def judged(prometheus):
    """Of which extractors the rules know p95 and how many requests are too slow for certain."""
    found = [
        {labels["extractor"] for labels in prometheus.series(series)} for series in (P95, BOUND)
    ]
    return set.intersection(*found)


def are_judged(prometheus, *too_slow):
    """Wait until the rules know all, and find these too slow."""
    prometheus.until(lambda: judged(prometheus) == set(DURATIONS), "all are judged")
    slow = prometheus.series(f"{BOUND} > 0.5")
    assert {labels["extractor"] for labels in slow} == set(too_slow)
    assert prometheus.value(f'{P95}{{extractor="slow"}}') == pytest.approx(0.3, rel=0.7)
    assert prometheus.value(f'{P95}{{extractor="quick"}}') == pytest.approx(0.02, rel=0.7)


def test_exponential_histograms_are_judged_and_the_views_make_explicit_ones(
    root, receiver, capsys, tmp_path
):
    """The extractor without views has no bounds, of which vmalert would compute nothing."""
    other = tmp_path / "vmalert.yaml"
    other.write_text("rules: {engine: vmalert}\nrouting: {people: {group_wait: 75s}}\n")
    with receiver() as prometheus:
        readers = [pushing(prometheus.url, **EXPONENTIAL) for _ in range(2)]
        with running(printed_code(root), *readers):
            are_judged(prometheus, "slow")
            seen = prometheus.series(f"group by (extractor) ({BUCKETS})")
            assert explained(root, prometheus, capsys) == []
            assert explained(root, prometheus, capsys, other) == ["plain"]
    assert sorted(labels["extractor"] for labels in seen) == ["quick", "slow"]


def test_explicit_ones_that_were_made_native_are_judged(root, receiver, capsys):
    """By the bounds that they have: OpenTelemetry's own begin with 5 s."""
    with receiver(convert_histograms_to_nhcb=True) as prometheus:
        readers = [pushing(prometheus.url) for _ in range(2)]
        with running(printed_code(root), *readers):
            are_judged(prometheus, "slow", "plain")
            assert prometheus.series(BUCKETS) == []
            assert explained(root, prometheus, capsys) == []
