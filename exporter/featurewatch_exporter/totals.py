"""What sources told, as series."""

import math
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from threading import Lock
from typing import NamedTuple

from prometheus_client.utils import floatToGoString

from featurewatch import names
from featurewatch.distribution import Sample, Snapshot
from featurewatch.labels import CappedCounts
from featurewatch_exporter.fields import Event
from featurewatch_exporter.rules import OF_EXTRACTIONS, RESULTS, Rule

_Series = tuple[names.Metric, tuple[str, ...]]


class Values(NamedTuple):
    """Many events of one series, in the order in which they were told."""

    rule: Rule
    #: Value of an open label.
    label: str | None
    #: In the unit of the metric; at least one.
    values: Sequence[float]
    #: How many events each of them stands for.
    weight: float


class Histogram:
    """A histogram whose values can stand for several."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0.0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def add(self, value: float, weight: float) -> None:
        """Count *value* as *weight* values."""
        self._counts[bisect_left(self._bounds, value)] += weight
        self._sum += value * weight

    def add_all(self, values: Iterable[float], weight: float) -> None:
        """Count each of *values* so; many at once are cheaper than one after the other."""
        ordered = sorted(values)
        below = [bisect_right(ordered, bound) for bound in self._bounds]
        for bucket, (start, end) in enumerate(pairwise((0, *below, len(ordered)))):
            self._counts[bucket] += (end - start) * weight
        self._sum += sum(ordered) * weight

    def snapshot(self) -> Snapshot:
        """Return the buckets and the sum as they are now."""
        bounds = map(floatToGoString, (*self._bounds, math.inf))
        return Snapshot(list(zip(bounds, accumulate(self._counts), strict=True)), self._sum)


class Totals:
    """Everything that sources of events told about one extractor, added up."""

    def __init__(
        self,
        extractor: str,
        duration_buckets: Sequence[float] = names.DURATION_BUCKETS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.extractor = extractor
        self._duration_buckets = duration_buckets
        self._clock = clock
        self._lock = Lock()
        self._counters: dict[_Series, float] = {}
        self._open: dict[names.Metric, CappedCounts] = {}
        self._histograms: dict[names.Metric, Histogram] = {}
        #: Value, and when it becomes stale.
        self._gauges: dict[_Series, tuple[float, float]] = {}

    def announce(self, rules: Iterable[Rule]) -> None:
        """Begin at 0 what can be known before it happens, so that no first event is lost."""
        rules = tuple(rules)
        with self._lock:
            for rule in rules:
                self._announce(rule)
            if any(rule.metric in OF_EXTRACTIONS for rule in rules):
                self._count(names.REQUESTS, (self.extractor,), 0)

    def add(self, events: Iterable[Event], stale_after: float, requests: float = 0) -> None:
        """Add *events*, and *requests* that they tell of.

        Gauges among them are shown for *stale_after* seconds.
        """
        with self._lock:
            for event in events:
                self._add(event, stale_after)
            if requests:
                self._count(names.REQUESTS, (self.extractor,), requests)

    def add_values(self, told: Values, stale_after: float, requests: float = 0) -> None:
        """Add all of *told*; the rest is as for `add`."""
        rule = told.rule
        with self._lock:
            if rule.metric.type == "histogram":
                self._histogram(rule.metric).add_all(told.values, told.weight)
            else:
                gauge = rule.metric.type == "gauge"
                value = told.values[-1] if gauge else math.fsum(told.values)
                self._add(Event(rule, value, told.label, told.weight), stale_after)
            if requests:
                self._count(names.REQUESTS, (self.extractor,), requests)

    def forget(self) -> None:
        """Nothing: the exporter never forks."""

    def samples(self) -> list[Sample]:
        """Return every series as it is now."""
        with self._lock:
            return list(self._samples())

    def _announce(self, rule: Rule) -> None:
        if rule.metric.type == "histogram":
            self._histogram(rule.metric)
        elif rule.metric.type == "counter" and not rule.open:
            self._count(rule.metric, rule.labels(self.extractor), 0)
        elif rule.metric is names.CACHE_LOOKUPS:
            for result in RESULTS:
                self._count(rule.metric, (self.extractor, result), 0)
        elif rule.metric.type == "counter":
            self._open.setdefault(rule.metric, CappedCounts())

    def _add(self, event: Event, stale_after: float) -> None:
        metric = event.rule.metric
        labels = event.rule.labels(self.extractor, event.label)
        if metric.type == "histogram":
            self._histogram(metric).add(event.value, event.weight)
        elif metric.type == "gauge":
            self._gauges[metric, labels] = (event.value, self._clock() + stale_after)
        elif event.rule.open and metric is not names.CACHE_LOOKUPS:
            counts = self._open.setdefault(metric, CappedCounts())
            counts.add_events(labels[1], event.value * event.weight)
        else:
            self._count(metric, labels, event.value * event.weight)

    def _count(self, metric: names.Metric, labels: tuple[str, ...], events: float) -> None:
        self._counters[metric, labels] = self._counters.get((metric, labels), 0) + events

    def _histogram(self, metric: names.Metric) -> Histogram:
        bounds = self._duration_buckets if metric is names.DURATION else metric.buckets
        return self._histograms.setdefault(metric, Histogram(bounds))

    def _samples(self) -> Iterator[Sample]:
        for (metric, labels), total in self._counters.items():
            yield metric, labels, total
        for metric, counts in self._open.items():
            yield from capped(metric, self.extractor, counts)
        for metric, histogram in self._histograms.items():
            yield metric, (self.extractor,), histogram.snapshot()
        now = self._clock()
        for (metric, labels), (value, stale_at) in self._gauges.items():
            if now < stale_at:
                yield metric, labels, value


def capped(metric: names.Metric, extractor: str, counts: CappedCounts) -> Iterator[Sample]:
    """Yield the series of an open label, and how many events were counted as other."""
    for value, events in counts.by_value.items():
        yield metric, (extractor, value), events
    if metric is not names.CACHE_LOOKUPS:
        yield names.LABEL_VALUES_DROPPED, (extractor, metric.labels[1]), counts.dropped
