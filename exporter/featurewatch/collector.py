"""What a scrape asks: the one collector of a registry, and the sources that answer through it."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
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
from featurewatch.publisher import PUBLISHER, multiprocess_mode
from featurewatch.worker_files import MULTIPROCESS

logger = logging.getLogger(__name__)

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
        return families(sample for source in self._sources(None) for sample in _ask(source))

    def of_process(self) -> list[Sample]:
        """Return the series of this process, without those of the container that it is in."""
        return [sample for source in self._sources(False) for sample in _ask(source)]

    def of_container(self) -> list[Sample]:
        """Return the series that every process of the container would answer alike."""
        return [sample for source in self._sources(True) for sample in _ask(source)]

    def _sources(self, of_container: bool | None) -> Iterator[Source]:
        for source in list(self.sources.values()):
            if of_container in (None, getattr(source, "of_container", False)):
                yield source


def families(samples: Iterable[Sample]) -> Iterator[Family]:
    """Yield the families that have series, in the order of the contract."""
    found: dict[str, Family] = {}
    seen = set()
    for metric, labels, value in samples:
        # Of two sources for one series the first wins: both would fail the scrape.
        if (metric.name, labels) not in seen:
            seen.add((metric.name, labels))
            _add(found.setdefault(metric.name, _family(metric)), labels, value)
    return (found[metric.name] for metric in METRICS if metric.name in found)


def container_samples() -> list[Sample]:
    """Return what the registries of this process know of the container."""
    return [s for collector in list(_collectors.values()) for s in collector.of_container()]


def source_of(registry: CollectorRegistry, kind: type[S], name: str, make: Callable[[], S]) -> S:
    """Return the source of *kind* and *name* on *registry*, made by the first call.

    Raises ``ValueError`` for a registry that has metrics of our names from elsewhere, and
    ``MultiprocessError`` if the processes of this server cannot share their folder.
    """
    with _lock:
        collector = _collectors.get(registry)
        if collector is None:
            collector = SourceCollector()
            _begin_anew_in_children()
            _share(collector)
            registry.register(collector)
            _collectors[registry] = collector
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


def _share(collector: SourceCollector) -> None:
    if multiprocess_mode():
        PUBLISHER.add(collector.of_process)
    elif MULTIPROCESS in os.environ:
        logger.warning(
            "%s was set after prometheus_client was imported: each process shows its own metrics",
            MULTIPROCESS,
        )


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
