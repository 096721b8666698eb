"""Reads one source of statsd: one thread, whatever it listens on."""

from collections.abc import Callable
from contextlib import ExitStack
from selectors import EVENT_READ, DefaultSelector
from threading import Event as Flag

from featurewatch_exporter.address import TCP, Address, Endpoint
from featurewatch_exporter.config import StatsdSource
from featurewatch_exporter.errors import ExporterError
from featurewatch_exporter.health import Health
from featurewatch_exporter.statsd.intake import LINES, Intake
from featurewatch_exporter.statsd.sockets import MAX_LINE, Datagrams, Listener, Stream
from featurewatch_exporter.totals import Totals

#: Seconds between two looks at whether to stop.
_WAIT_SECONDS = 0.25
#: Connections at once; a file descriptor each, of the 1024 that a process usually may have.
MOST_STREAMS = 256
_STREAMS = "connections"


class StatsdReader:
    """Listens where *source* says. Ports and paths are taken when it is made.

    Raises :class:`ExporterError` if one cannot be taken.
    """

    def __init__(self, source: StatsdSource, totals: Totals, health: Health) -> None:
        self._source = source
        self._health = health
        self._intake = Intake(source, totals, health)
        self._datagrams: list[Datagrams] = []
        self._listeners: list[Listener] = []
        self._streams: set[Stream] = set()
        self._selector = DefaultSelector()
        self._open = ExitStack()
        self._open.callback(self._selector.close)
        try:
            for endpoint in source.listen:
                self._listen(endpoint)
        except ExporterError:
            self.close()
            raise

    @property
    def endpoints(self) -> list[Endpoint]:
        """Where it listens, with the port that was taken for port 0; those of TCP come last."""
        streams = [listener.endpoint for listener in self._listeners]
        return [datagrams.endpoint for datagrams in self._datagrams] + streams

    def run(self, stop: Flag) -> None:
        """Take lines until *stop* is set."""
        self._health.reached()
        while not stop.is_set():
            try:
                self._look()
            except OSError as error:
                self._health.lost("cannot be read", error.strerror)
                stop.wait(_WAIT_SECONDS)
            else:
                self._health.reached()
            self._count_drops()
            self._health.settle()

    def close(self) -> None:
        """Give ports and paths back, and end the connections."""
        self._open.close()
        for stream in self._streams:
            stream.close()
        self._streams.clear()

    def _look(self) -> None:
        trouble: OSError | None = None
        for key, _ in self._selector.select(_WAIT_SECONDS):
            take: Callable[[], None] = key.data
            try:
                take()
            except OSError as error:  # the others are read all the same
                trouble = error
        self._intake.flush()
        if trouble:
            raise trouble

    def _listen(self, endpoint: Endpoint) -> None:
        if endpoint.transport == TCP and isinstance(endpoint.place, Address):
            listener = Listener(endpoint, endpoint.place)
            self._listeners.append(listener)
            self._open.callback(listener.close)
            self._watch(listener, lambda: self._accept(listener))
        else:
            source = self._source
            datagrams = Datagrams(endpoint, source.receive_buffer, source.socket_mode)
            self._datagrams.append(datagrams)
            self._open.callback(datagrams.close)
            self._watch(datagrams, lambda: self._intake.take(datagrams.receive()))

    def _watch(self, what: Datagrams | Listener | Stream, take: Callable[[], None]) -> None:
        self._selector.register(what.socket, EVENT_READ, take)

    def _accept(self, listener: Listener) -> None:
        stream = listener.accept()
        if stream and len(self._streams) >= MOST_STREAMS:
            problem = f"are {MOST_STREAMS} already, and further ones are ended at once"
            self._health.failed(_STREAMS, problem)
            stream.close()
        elif stream:
            self._streams.add(stream)
            self._watch(stream, lambda: self._read(stream))

    def _read(self, stream: Stream) -> None:
        for lines in stream.receive():
            if lines is None:
                self._health.failed(LINES, f"hold more than {MAX_LINE} bytes")
            else:
                self._intake.take(lines)
        if stream.ended:
            self._selector.unregister(stream.socket)
            self._streams.remove(stream)
            stream.close()

    def _count_drops(self) -> None:
        for datagrams in self._datagrams:
            drops = datagrams.dropped()
            if drops is not None:
                place = f"datagrams at {datagrams.endpoint}"
                self._health.dropped(drops, place, self._overflow(datagrams))

    def _overflow(self, datagrams: Datagrams) -> str:
        wanted = self._source.receive_buffer
        small = datagrams.buffer_bytes < 2 * wanted  # the kernel doubles what it grants
        fix = f"raise net.core.rmem_max to {wanted}" if small else "raise receive_buffer_bytes"
        return (
            f"came faster than they could be read, and the kernel dropped some; {fix}, "
            "or let the client send more lines in each"
        )
