"""Extractors that behave as a test says, on one real metrics endpoint."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate
from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from featurewatch import names, start_metrics_server

REQUESTS_PER_SCRAPE = 50.0
#: In the first scrape after a trouble: so much good traffic that every ratio is fine at once.
RECOVERY = 600


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What every extraction is like: latency in seconds, all else as ratios from 0 to 1.

    Successive scrapes see the successive values of `cpu`, over and over.
    """

    latency: float = 0.02
    errors: float = 0.0
    hits: float = 0.95
    fallbacks: float = 0.0
    cpu: tuple[float, ...] = (0.3,)
    memory: float = 0.4


@dataclass
class SyntheticExtractor:
    """Counters of one extractor, which advance by the same traffic at every scrape."""

    name: str
    behaviour: Behaviour = field(default_factory=Behaviour)
    scrapes: int = 0
    requests: float = 0.0
    seconds: float = 0.0
    errors: float = 0.0
    hits: float = 0.0
    fallbacks: float = 0.0
    buckets: list[float] = field(default_factory=lambda: [0.0] * (len(names.DURATION_BUCKETS) + 1))
    _recovering: bool = False

    def spoil(self, **trouble: float | tuple[float, ...]) -> None:
        """Change how it behaves from the next scrape on; keywords are those of Behaviour."""
        self.behaviour = replace(self.behaviour, **trouble)  # type: ignore[arg-type]

    def heal(self) -> None:
        """Behave well again, and make the past forgotten at the next scrape."""
        self.behaviour = Behaviour()
        self._recovering = True

    def advance(self) -> None:
        """One scrape's worth of traffic."""
        behaviour = self.behaviour
        requests = REQUESTS_PER_SCRAPE * (RECOVERY if self._recovering else 1)
        self._recovering = False
        self.scrapes += 1
        self.requests += requests
        self.seconds += requests * behaviour.latency
        self.errors += requests * behaviour.errors
        self.hits += requests * behaviour.hits
        self.fallbacks += requests * behaviour.fallbacks
        self.buckets[sum(bound < behaviour.latency for bound in names.DURATION_BUCKETS)] += requests

    @property
    def cpu(self) -> float:
        """The CPU utilization that this scrape sees."""
        return self.behaviour.cpu[self.scrapes % len(self.behaviour.cpu)]


class World(Collector):
    """All extractors and their metrics endpoint; a context manager."""

    def __init__(self) -> None:
        self._extractors: dict[str, SyntheticExtractor] = {}
        self._lock = threading.Lock()
        registry = CollectorRegistry()
        registry.register(self)
        self._server = start_metrics_server(0, host="127.0.0.1", registry=registry)

    @property
    def address(self) -> str:
        """Where to scrape, as host:port."""
        return self._server.url.removeprefix("http://").removesuffix("/metrics")

    def extractor(self, name: str) -> SyntheticExtractor:
        """The extractor of that name; a new one is healthy."""
        with self._lock:
            return self._extractors.setdefault(name, SyntheticExtractor(name))

    def remove(self, name: str) -> SyntheticExtractor:
        """Take an extractor away, as if its service had died; `add` brings it back."""
        with self._lock:
            return self._extractors.pop(name)

    def add(self, extractor: SyntheticExtractor) -> None:
        """Bring back an extractor that was taken away."""
        with self._lock:
            self._extractors[extractor.name] = extractor

    def collect(self) -> Iterator[Metric]:
        """One scrape; prometheus-client calls this."""
        with self._lock:
            extractors = list(self._extractors.values())
        for extractor in extractors:
            extractor.advance()
        yield _durations(extractors)
        yield _counter(names.REQUESTS, {(e.name,): e.requests for e in extractors})
        # As in the library, these two exist from the first event on.
        errors = {(e.name, "TimeoutError"): e.errors for e in extractors if e.errors}
        yield _counter(names.ERRORS, errors)
        yield _counter(names.CACHE_LOOKUPS, _lookups(extractors))
        fallbacks = {(e.name, "model_timeout"): e.fallbacks for e in extractors if e.fallbacks}
        yield _counter(names.FALLBACKS, fallbacks)
        yield _gauge(names.CPU_UTILIZATION, {(e.name,): e.cpu for e in extractors})
        yield _gauge(names.MEMORY_UTILIZATION, {(e.name,): e.behaviour.memory for e in extractors})

    def describe(self) -> list[Metric]:
        """Nothing: registering is no scrape."""
        return []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()


Samples = dict[tuple[str, ...], float]


def _counter(metric: names.Metric, samples: Samples) -> Metric:
    family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in samples.items():
        family.add_metric(labels, value)
    return family


def _gauge(metric: names.Metric, samples: Samples) -> Metric:
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in samples.items():
        family.add_metric(labels, value)
    return family


def _lookups(extractors: list[SyntheticExtractor]) -> Samples:
    hits: Samples = {(e.name, names.RESULT_HIT): e.hits for e in extractors}
    misses: Samples = {(e.name, names.RESULT_MISS): e.requests - e.hits for e in extractors}
    return hits | misses


def _durations(extractors: list[SyntheticExtractor]) -> Metric:
    metric = names.DURATION
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    bounds = [floatToGoString(bound) for bound in (*metric.buckets, float("inf"))]
    for extractor in extractors:
        counts = zip(bounds, accumulate(extractor.buckets), strict=True)
        family.add_metric((extractor.name,), list(counts), extractor.seconds)
    return family
