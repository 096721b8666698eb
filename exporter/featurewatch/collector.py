"""What a scrape asks: the one collector of a registry, and the sources that answer through it."""

import logging
import os
from collections.abc import Callable, Iterator
from functools import cache
from threading import Lock
from typing import Protocol, TypeVar, cast
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from featurewatch.distribution import Snapshot
from featurewatch.guard import log_dropped
from featurewatch.names import METRICS, Metric

logger = logging.getLogger(__name__)

#: Turns on prometheus-client's mode of one scrape for many processes, which we do not have.
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"

#: One series: its metric, its label values in the metric's order, its value now.
Sample = tuple[Metric, tuple[str, ...], float | Snapshot]
Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class Source(Protocol):
    """Somebody who knows some series."""

    def samples(self) -> list[Sample]:
        """Return the series as they are now; called at each scrape."""

    def forget(self) -> None:
        """Start anew in a forked child, where every lock may be held by nobody."""


S = TypeVar("S", bound=Source)


class SourceCollector(Collector):
    """The families of one registry, filled by its sources. It claims the whole contract."""

    def __init__(self) -> None:
        self.sources: dict[tuple[type[Source], str], Source] = {}

    def describe(self) -> Iterator[Family]:
        """Name the families when the registry asks, without asking the sources."""
        return map(_family, METRICS)

    def collect(self) -> Iterator[Family]:
        """Yield the families that have series, in the order of the contract."""
        families: dict[str, Family] = {}
        seen = set()
        for source in list(self.sources.values()):
            for metric, labels, value in _ask(source):
                # Of two sources for one series the first wins: both would fail the scrape.
                if (metric.name, labels) not in seen:
                    seen.add((metric.name, labels))
                    family = families.setdefault(metric.name, _family(metric))
                    _add(family, labels, value)
        return (families[metric.name] for metric in METRICS if metric.name in families)


def source_of(registry: CollectorRegistry, kind: type[S], name: str, make: Callable[[], S]) -> S:
    """Return the source of *kind* and *name* on *registry*, made by the first call.

    Raises ``ValueError`` for a registry that has metrics of our names from elsewhere.
    """
    with _lock:
        collector = _collectors.get(registry)
        if collector is None:
            collector = SourceCollector()
            if MULTIPROCESS in os.environ:
                logger.warning("%s is set, but each process shows its own metrics", MULTIPROCESS)
            registry.register(collector)
            _collectors[registry] = collector
            _begin_anew_in_children()
        if (kind, name) not in collector.sources:
            collector.sources[kind, name] = make()
        return cast(S, collector.sources[kind, name])


def sources_of(registry: CollectorRegistry, kind: type[S]) -> list[S]:
    """Return the sources of *kind* that *registry* has."""
    collector = _collectors.get(registry)
    sources = list(collector.sources.values()) if collector else []
    return [source for source in sources if isinstance(source, kind)]


_collectors: WeakKeyDictionary[CollectorRegistry, SourceCollector] = WeakKeyDictionary()
_lock = Lock()


@cache  # the hook cannot be taken back, and one is enough
def _begin_anew_in_children() -> None:
    if hasattr(os, "register_at_fork"):  # not on Windows
        os.register_at_fork(after_in_child=_forget)


def _forget() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may have held the old one
    _lock = Lock()
    for collector in list(_collectors.values()):
        for source in list(collector.sources.values()):
            source.forget()


def _ask(source: Source) -> list[Sample]:
    try:
        return source.samples()
    except Exception:
        log_dropped(f"scrape of {type(source).__name__}")
        return []


def _family(metric: Metric) -> Family:
    kinds: dict[str, type[Family]] = {
        "counter": CounterMetricFamily,
        "gauge": GaugeMetricFamily,
        "histogram": HistogramMetricFamily,
    }
    return kinds[metric.type](metric.name, metric.help, labels=metric.labels)


def _add(family: Family, labels: tuple[str, ...], value: float | Snapshot) -> None:
    if isinstance(value, Snapshot):
        cast(HistogramMetricFamily, family).add_metric(labels, value.buckets, value.sum)
    else:
        cast(GaugeMetricFamily, family).add_metric(labels, value)
