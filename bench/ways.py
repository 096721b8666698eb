"""The ways of recording one extraction with its cache result that are compared."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram

from featurewatch import DURATION_BUCKETS, Extractor


def plain_metrics(registry: CollectorRegistry) -> tuple[Histogram, Counter, Counter]:
    """Make prometheus-client's own metrics of durations, requests and cache lookups."""
    return (
        Histogram("d", "D.", ["extractor"], registry=registry, buckets=DURATION_BUCKETS),
        Counter("r", "R.", ["extractor"], registry=registry),
        Counter("c", "C.", ["extractor", "result"], registry=registry),
    )


def loop(events: Sequence[float]) -> None:
    """Do nothing for each event: what every way costs besides."""
    for _ in events:
        pass


def naive(
    duration: Histogram, requests: Counter, lookups: Counter, events: Sequence[float]
) -> None:
    """Name the labels at each call."""
    for seconds in events:
        duration.labels(extractor="e").observe(seconds)
        requests.labels(extractor="e").inc()
        lookups.labels(extractor="e", result="hit").inc()


def cached(duration: Histogram, requests: Counter, hits: Counter, events: Sequence[float]) -> None:
    """Keep the children that ``labels`` gives."""
    for seconds in events:
        duration.observe(seconds)
        requests.inc()
        hits.inc()


def record(extractor: Extractor, events: Sequence[float]) -> None:
    """Use the library's cheapest call."""
    for seconds in events:
        extractor.record(seconds, cache_hit=True)
