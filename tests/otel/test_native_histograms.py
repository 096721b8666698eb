"""Histograms without bounds at the thresholds: who sends them, and who says so."""

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


@pytest.fixture
def receiver(root, tmp_path):
    """Start a Prometheus with these settings of its section otlp."""

    def start(**otlp):
        needs_receiver(root)
        overlay = {"metrics": {"source": "otel"}, "scrape": {"targets": []}}
        config = write_configuration(root, tmp_path, overlay, lambda tree: tree.update(otlp=otlp))
        return receiving(root, config, tmp_path)

    return start


def explained(root, prometheus, capsys):
    """Extractors of which `featurewatch check --prometheus` says that they are native."""
    main(["check", "--root", str(root), "--prometheus", prometheus.url])
    found = rf"{BUCKETS}: (\w+) has no such series, since its durations are native"
    return re.findall(found, capsys.readouterr().out)


def arrived(prometheus, extractor):
    return prometheus.series(f'feature_extraction_requests_total{{extractor="{extractor}"}}')


def test_exponential_histograms_are_told_and_the_views_make_explicit_ones(root, receiver, capsys):
    """The extractor without views has no bounds."""
    with receiver() as prometheus:
        readers = [pushing(prometheus.url, **EXPONENTIAL) for _ in range(2)]
        with running(printed_code(root), *readers):
            prometheus.until(
                lambda: all(arrived(prometheus, name) for name in DURATIONS), "all arrive"
            )
            seen = prometheus.series(f"group by (extractor) ({BUCKETS})")
            assert explained(root, prometheus, capsys) == ["plain"]
    assert sorted(labels["extractor"] for labels in seen) == ["quick", "slow"]


def test_the_check_explains_that_explicit_ones_were_made_native(root, receiver, capsys):
    with receiver(convert_histograms_to_nhcb=True) as prometheus:
        readers = [pushing(prometheus.url) for _ in range(2)]
        with running(printed_code(root), *readers):
            prometheus.until(
                lambda: all(arrived(prometheus, name) for name in DURATIONS), "all arrive"
            )
            assert explained(root, prometheus, capsys) == sorted(DURATIONS)
