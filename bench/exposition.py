"""The /metrics page of an instance in trouble with everything, or well.

It has every metric of the contract, whatever that holds; counters move with each new page.
"""

from collections.abc import Iterator
from itertools import product
from threading import Lock
from time import monotonic
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from featurewatch import names
from featurewatch.names import METRICS, Metric

#: Seconds; scrapes sooner after one another get the same page.
MAX_AGE = 0.5
#: Events between two pages: enough requests for every `min_requests`, trouble with a part of them.
REQUESTS = 200
OTHER_EVENTS = 20
#: Beyond every threshold.
RATIO = 0.99
ITEMS = 5000
#: Stands in the page for the extractor's name.
_PLACE = "some_extractor"
_VALUES = {
    names.LABEL_EXTRACTOR: (_PLACE,),
    names.LABEL_ERROR_TYPE: ("TimeoutError", "ValueError"),
    names.LABEL_RESULT: (names.RESULT_HIT, names.RESULT_MISS),
    names.LABEL_REASON: ("model_timeout", "no_window"),
}
# Seconds or items: spread over the buckets so that all of them move, or quick ones.
_SLOW = (0.004, 0.02, 0.06, 0.12, 0.2, 0.4, 0.8, 2.0, 4.0, 20.0)
_QUICK = (0.004,)


class Exposition:
    """The page of any instance of any extractor; may be asked by several threads.

    trouble: every alert about a measured value has a reason to fire, or none has.
    """

    def __init__(self, *, trouble: bool) -> None:
        self._trouble = trouble
        self._registry = CollectorRegistry()
        self._series = [entry for metric in METRICS for entry in _series(metric, self._registry)]
        self._lock = Lock()
        self._made = float("-inf")
        self._page = b""

    def page(self, extractor: str) -> bytes:
        """The page as an instance of this extractor shows it now."""
        with self._lock:
            if monotonic() - self._made >= MAX_AGE:
                self._advance()
                self._page = generate_latest(self._registry)
                self._made = monotonic()
            page = self._page
        return page.replace(_PLACE.encode(), extractor.encode())

    def _advance(self) -> None:
        for metric, labels, series in self._series:
            if isinstance(series, Counter):
                series.inc(_events(metric, labels, self._trouble))
            elif isinstance(series, Gauge):
                series.set(_level(metric, self._trouble))
            else:
                for value in _SLOW if self._trouble else _QUICK:
                    series.observe(value)


def _series(
    metric: Metric, registry: CollectorRegistry
) -> Iterator[tuple[Metric, tuple[str, ...], Any]]:
    family = _family(metric, registry)
    for labels in product(*(_VALUES.get(label, (names.OTHER,)) for label in metric.labels)):
        yield metric, labels, family.labels(*labels) if labels else family


def _events(metric: Metric, labels: tuple[str, ...], trouble: bool) -> int:
    if metric is names.REQUESTS:
        return REQUESTS
    return OTHER_EVENTS if trouble or names.RESULT_HIT in labels else 0


def _level(metric: Metric, trouble: bool) -> float:
    if metric is names.SNAPSHOT_CACHE_HIT:
        return 0 if trouble else 1
    high = ITEMS if metric.unit == "items" else RATIO
    return high if trouble else 0


def _family(metric: Metric, registry: CollectorRegistry) -> Any:
    arguments = (metric.name, metric.help, metric.labels)
    if metric.type == "counter":
        return Counter(*arguments, registry=registry)
    if metric.type == "gauge":
        return Gauge(*arguments, registry=registry)
    return Histogram(*arguments, registry=registry, buckets=metric.buckets)
