"""The running exporter: one thread for each source, and the page that Prometheus scrapes."""

import logging
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import Protocol, Self

from prometheus_client import CollectorRegistry

from featurewatch import MetricsServer, MetricsServerError, start_metrics_server
from featurewatch.collector import source_of
from featurewatch_exporter.address import Address, Endpoint
from featurewatch_exporter.config import AnySource, Config, FileSource, HttpSource
from featurewatch_exporter.errors import ExporterError
from featurewatch_exporter.figures import Figures
from featurewatch_exporter.health import SOURCE, Health
from featurewatch_exporter.json_lines import LineReader
from featurewatch_exporter.statefile import StateFile
from featurewatch_exporter.stats_url import UrlReader
from featurewatch_exporter.statsd.reader import StatsdReader
from featurewatch_exporter.totals import Totals

logger = logging.getLogger(__name__)

#: Seconds for a reader to end by itself; one that waits for an answer is left behind.
_END_SECONDS = 1.0
#: Seconds after which a reader that has failed in a way nobody foresaw begins again.
_AGAIN_SECONDS = 1.0


class Reader(Protocol):
    """Reads one source."""

    def run(self, stop: Event) -> None:
        """Read until *stop* is set."""

    def close(self) -> None:
        """Give back what is open; after `run`, or instead of it."""


class Exporter:
    """Reads the sources of *config* and serves their metrics on *listen*; a context manager.

    Raises :class:`ExporterError` if a port cannot be taken; nothing runs then.
    """

    def __init__(self, config: Config, listen: Address) -> None:
        self.registry = CollectorRegistry()
        self._config = config
        self._stop = Event()
        self._threads: list[Thread] = []
        self._readers: list[tuple[Reader, Health]] = []
        self._state = StateFile(config.state_file) if config.state_file else None
        try:
            for source in config.sources:
                self._readers.append(self._reader(source))
            self._server = _serve(listen, self.registry)
        except ExporterError:
            self._close_readers()
            raise

    @property
    def url(self) -> str:
        """Where to scrape."""
        return self._server.url

    @property
    def statsd_endpoints(self) -> list[Endpoint]:
        """Where statsd sources listen, in the order of the configuration."""
        readers = [reader for reader, _ in self._readers if isinstance(reader, StatsdReader)]
        return [endpoint for reader in readers for endpoint in reader.endpoints]

    def __enter__(self) -> Self:
        for reader, health in self._readers:
            thread = Thread(target=self._guarded, args=(reader.run, health), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        deadline = monotonic() + _END_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        self._server.close()
        self._close_readers()

    def _reader(self, source: AnySource) -> tuple[Reader, Health]:
        key = source.key
        # A poll answers for itself; of lines and datagrams a fault goes on while they come.
        repeats = not isinstance(source, HttpSource)
        made = Health(source.extractor, source.name, source.hung_after, repeats=repeats)
        health = source_of(self.registry, Health, key, lambda: made)
        if isinstance(source, HttpSource):
            shown = Figures(source.extractor, source.stale_after)
            figures = source_of(self.registry, Figures, key, lambda: shown)
            return UrlReader(source, figures, health), health
        totals = self._totals(source.extractor)
        totals.announce(source.rules)
        if isinstance(source, FileSource):
            others = [
                other.path
                for other in self._config.sources
                if isinstance(other, FileSource) and other.path != source.path
            ]
            return LineReader(source, totals, health, self._state, others), health
        return StatsdReader(source, totals, health), health

    def _totals(self, extractor: str) -> Totals:
        # One for all sources of an extractor: the logs of two workers add up.
        buckets = self._config.duration_buckets
        return source_of(self.registry, Totals, extractor, lambda: Totals(extractor, buckets))

    def _guarded(self, run: Callable[[Event], None], health: Health) -> None:
        while not self._stop.is_set():
            try:
                run(self._stop)
            except Exception as error:
                logger.debug("%s: reader failed", health, exc_info=True)
                health.failed(SOURCE, "made its reader fail, which begins again", error)
                health.lost("made its reader fail, which begins again", error)
                self._stop.wait(_AGAIN_SECONDS)

    def _close_readers(self) -> None:
        for reader, _ in self._readers:
            reader.close()


def _serve(listen: Address, registry: CollectorRegistry) -> MetricsServer:
    try:
        return start_metrics_server(listen.port, host=listen.host, registry=registry)
    except MetricsServerError as error:
        raise ExporterError(str(error)) from error
