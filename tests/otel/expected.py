"""What the rules must see of the service, whatever way its figures take to Prometheus."""

from collections.abc import Callable

from scrape.running import Scraper
from waiting import PATIENCE_SECONDS

from otel.service import DURATIONS, Service

# Short, since nothing happens before a window is full.
WINDOW = "20s"
LATENCY = ("FeatureExtractionLatencyCritical", "FeatureExtractionLatencyHigh")
WINDOWED = (
    *LATENCY,
    "FeatureExtractionCacheHitRateLow",
    "FeatureExtractionResourcesCritical",
    "FeatureExtractionErrorRateHigh",
    "FeatureExtractionFallbackUsageHigh",
    "FeatureExtractionBatchBacklog",
)
OVERLAY = {
    "metrics": {"source": "otel"},
    "alerts": {name: {"window": WINDOW} for name in WINDOWED}
    | {
        # A threshold that is a whole number of seconds, for the sake of its bound.
        LATENCY[0]: {"window": WINDOW, "overrides": {"quick": {"threshold": 1.0}}},
        "FeatureExtractionThresholdNotBucket": {"for": "0s"},
    },
}
# Seconds; a window is filled and evaluated, on a machine that may be busy.
DEADLINE = PATIENCE_SECONDS

P95 = f"feature_extraction_duration_seconds:p95_{WINDOW}"
HITS = f"feature_extraction_cache_hits:ratio_rate{WINDOW}"
ERRORS = f"feature_extraction_errors:ratio_rate{WINDOW}"
CPU = f"feature_extraction_cpu_utilization_ratio:max_avg{WINDOW}"
QUEUE = f"feature_extraction_queue_depth:max_avg{WINDOW}"


class Seen:
    """The recorded series and alerts of the extractors."""

    def __init__(self, prometheus: Scraper, service: Service):
        self._prometheus = prometheus
        self._service = service

    def value(self, record: str, extractor: str) -> float | None:
        """The last value of a recorded series."""
        return self._prometheus.value(f'extractor:{record}{{extractor="{extractor}"}}')

    def series(self, expression: str) -> list[dict[str, str]]:
        """The labels of every series of an expression."""
        return self._prometheus.series(expression)

    def firing(self, extractor: str) -> set[str]:
        """Names of the alerts about an extractor that fire."""
        alerts = f'ALERTS{{alertstate="firing", extractor="{extractor}"}}'
        return {labels["alertname"] for labels in self._prometheus.series(alerts)}

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until it holds."""
        self._prometheus.until(condition, what)

    def settled(self) -> bool:
        """Whether all values are there, and the slow extractor is known to be slow."""
        records = (P95, HITS, ERRORS, CPU, QUEUE)
        missing = [(r, e) for r in records for e in DURATIONS if self.value(r, e) is None]
        return not missing and self.firing("slow") >= set(LATENCY)

    def first_errors(self) -> None:
        """Errors happen once, and are seen."""
        self._service.fail("quick")
        self.until(lambda: (self.value(ERRORS, "quick") or 0) > 0, "errors are seen")
