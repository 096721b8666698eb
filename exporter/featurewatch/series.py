"""Where measurements go: the metric families of a registry, and one extractor's series in them.

:class:`Series` is the seam behind the public API. A buffered collector that offers the same
methods can take its place.
"""

from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from featurewatch import names
from featurewatch.labels import CountedBy


class Families:
    """The metric families of one registry, shared by its extractors.

    In prometheus-client's multiprocess mode gauges add up over the live processes.
    """

    def __init__(self, registry: CollectorRegistry, duration_buckets: tuple[float, ...]) -> None:
        def counter(metric: names.Metric) -> Counter:
            return Counter(metric.name, metric.help, metric.labels, registry=registry)

        def gauge(metric: names.Metric) -> Gauge:
            return Gauge(
                metric.name,
                metric.help,
                metric.labels,
                registry=registry,
                multiprocess_mode="max" if metric is names.INFO else "livesum",
            )

        def histogram(metric: names.Metric, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(
                metric.name, metric.help, metric.labels, registry=registry, buckets=buckets
            )

        self.duration_buckets = duration_buckets
        self.duration = histogram(names.DURATION, duration_buckets)
        self.requests = counter(names.REQUESTS)
        self.errors = counter(names.ERRORS)
        self.cache_lookups = counter(names.CACHE_LOOKUPS)
        self.fallbacks = counter(names.FALLBACKS)
        self.batch_size = histogram(names.BATCH_SIZE, names.BATCH_SIZE.buckets)
        self.batch_duration = histogram(names.BATCH_DURATION, names.BATCH_DURATION.buckets)
        self.queue_depth = gauge(names.QUEUE_DEPTH)
        self.in_progress = gauge(names.IN_PROGRESS)
        self.info = gauge(names.INFO)


_families: WeakKeyDictionary[CollectorRegistry, Families] = WeakKeyDictionary()
_families_lock = Lock()


def families_of(registry: CollectorRegistry, duration_buckets: tuple[float, ...]) -> Families:
    """Return the families of *registry*, made and registered by the first call.

    Raises ``ValueError`` if they exist with other *duration_buckets*: one family has one set.
    """
    with _families_lock:
        families = _families.get(registry)
        if families is None:
            families = _families[registry] = Families(registry, duration_buckets)
    if families.duration_buckets != duration_buckets:
        raise ValueError(
            f"this registry has extractors with duration_buckets {families.duration_buckets}, "
            f"not {duration_buckets}: give all of them the same, or use another registry"
        )
    return families


class Series:
    """The series of one extractor.

    Label values are looked up here, once, because a lookup costs more than the event itself.
    This also makes the counters exist at 0, so that ``rate()`` sees the first event.
    """

    def __init__(self, families: Families, extractor: str) -> None:
        self._duration = families.duration.labels(extractor)
        self._requests = families.requests.labels(extractor)
        self._errors = CountedBy(families.errors, extractor)
        self._hits = families.cache_lookups.labels(extractor, names.RESULT_HIT)
        self._misses = families.cache_lookups.labels(extractor, names.RESULT_MISS)
        self._fallbacks = CountedBy(families.fallbacks, extractor)
        self._batch_size = families.batch_size.labels(extractor)
        self._batch_duration = families.batch_duration.labels(extractor)
        self._in_progress = families.in_progress.labels(extractor)
        self._queue_depth = families.queue_depth
        self._extractor = extractor
        families.info.labels(extractor, _library_version()).set(1)

    def started(self) -> None:
        """Count an extraction that starts."""
        self._in_progress.inc()

    def ended(self, seconds: float, error_type: str | None) -> None:
        """Count an extraction that ended after *seconds*, failed if it has an *error_type*."""
        self._in_progress.dec()
        self._requests.inc()
        self._duration.observe(seconds)
        if error_type is not None:
            self._errors.inc(error_type)

    def hit(self) -> None:
        """Count a cache hit."""
        self._hits.inc()

    def missed(self) -> None:
        """Count a cache miss."""
        self._misses.inc()

    def fell_back(self, reason: str) -> None:
        """Count a fallback."""
        self._fallbacks.inc(reason)

    def batch(self, size: float, seconds: float) -> None:
        """Count a batch of *size* items that took *seconds*."""
        self._batch_size.observe(size)
        self._batch_duration.observe(seconds)

    def queue(self, depth: float) -> None:
        """Set the queue depth; a service without a queue never makes this series."""
        self._queue_depth.labels(self._extractor).set(depth)


def _library_version() -> str:
    try:
        return version("featurewatch")
    except PackageNotFoundError:  # used from a source tree, not installed
        return "unknown"
