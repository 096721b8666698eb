"""What a service with OpenTelemetry records is what the generated rules see, on each way."""

from functools import partial

import pytest

from otel.expected import CPU, ERRORS, HITS, LATENCY, P95, QUEUE
from otel.service import DURATIONS
from otel.ways import STRATEGIES, collected, pushed, scraped

NOT_BUCKET = "FeatureExtractionThresholdNotBucket"


WAYS = {"scraped": scraped, "collected": collected} | {
    strategy: partial(pushed, strategy=strategy) for strategy in STRATEGIES
}


@pytest.fixture(scope="module", params=WAYS)
def seen(request, root, tmp_path_factory):
    """What Prometheus has recorded once the alerts have settled."""
    with WAYS[request.param](root, tmp_path_factory.mktemp(request.param)) as seen:
        seen.until(seen.settled, "the slow extractor is seen")
        yield seen


def test_p95_is_within_the_bucket_of_the_truth(seen):
    assert 0.01 < seen.value(P95, "quick") <= 0.025
    assert 0.25 < seen.value(P95, "slow") <= 0.5


def test_only_what_is_slow_fires_the_latency_alerts(seen):
    assert seen.settled()
    assert seen.firing("quick").isdisjoint(LATENCY)


def test_without_the_views_a_quick_service_looks_slow_and_an_alert_says_why(seen):
    """OpenTelemetry's own bounds have none between 0 and 5, and 95 % of that is 4.75."""
    assert seen.value(P95, "plain") == pytest.approx(4.75)
    seen.until(lambda: NOT_BUCKET in seen.firing("plain"), "the missing view is told")


def test_thresholds_that_are_bounds_are_known_as_such(seen):
    """A bound of 1 second is le="1.0" where it was scraped, and le="1" where it was pushed."""
    assert NOT_BUCKET not in seen.firing("quick") | seen.firing("slow")


def test_ratios_and_gauges_are_those_of_the_service(seen):
    assert seen.value(HITS, "quick") == pytest.approx(0.8, abs=0.05)
    assert seen.value(CPU, "quick") == pytest.approx(0.5)
    assert seen.value(QUEUE, "quick") == pytest.approx(7)


def test_no_error_is_a_ratio_of_zero_and_the_first_ones_are_seen(seen):
    assert seen.value(ERRORS, "quick") == 0
    seen.first_errors()


def test_each_process_is_an_instance(seen):
    """Of the two, one has the extractor without views."""
    series = "count by (extractor, instance) (feature_extraction_queue_depth)"
    found = seen.series(series)
    assert sorted(labels["extractor"] for labels in found) == sorted(DURATIONS)
    assert len({labels["instance"] for labels in found}) == 2
