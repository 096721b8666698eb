"""What a scrape asks: the one collector of a registry, and the sources that answer through it."""

import logging
import os
from collections.abc import Callable, Iterator
from functools import cache
from threading import Lock
from typing import Protocol, TypeVar, cast
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from featurewatch import forks
from featurewatch.distribution import Sample
from featurewatch.families import OurFamily, families
from featurewatch.guard import log_dropped
from featurewatch.names import METRICS
from featurewatch.publisher import PUBLISHER, multiprocess_mode
from featurewatch.worker_files import MULTIPROCESS

logger = logging.getLogger(__name__)


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

    def describe(self) -> Iterator[OurFamily]:
        """Name the families when the registry asks, without asking the sources."""
        return map(OurFamily, METRICS)

    def collect(self) -> Iterator[OurFamily]:
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


@cache  # once is enough
def _begin_anew_in_children() -> None:
    forks.at_fork(in_child=_forget)


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
