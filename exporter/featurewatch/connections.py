"""An HTTP server that no client can hold on to.

Whoever reaches the port can connect as often as they like, send half a request, or take the answer
a byte at a time. Here each connection has its time, and there are never more than a few: when one
comes too many, the one that has waited longest for its request goes. A scrape sends its request
at once, so it gets through.
"""

import logging
import socket
import threading
from contextlib import suppress
from io import BufferedReader, RawIOBase
from socketserver import ThreadingMixIn
from time import monotonic
from typing import Any, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

logger = logging.getLogger(__name__)

#: Seconds in which a request must have come as a whole.
REQUEST_SECONDS = 10.0
#: Seconds in which a client must have taken the answer as a whole.
ANSWER_SECONDS = 30.0
#: Connections at a time, each with a thread and a file descriptor.
MOST_CONNECTIONS = 32
#: Seconds for the thread of a connection that was hung up on to end.
END_SECONDS = 1.0
#: Seconds. A socket whose time is 0 would not wait at all, which is another thing.
SHORTEST = 0.001


class Client(RawIOBase):
    """A connection as a file; ends with ``ConnectionAbortedError`` when its time is over."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self._until = monotonic() + REQUEST_SECONDS
        self._is_answered = False

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def writable(self) -> bool:
        """Tell that it can be written."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, or comes in time."""
        self._set_time()
        try:
            received = self._connection.recv_into(buffer)
        except TimeoutError as error:
            raise ConnectionAbortedError("no whole request in time") from error
        if not received:  # what came until now could look like a whole one
            raise ConnectionAbortedError("the client ended within its request")
        return received

    def write(self, data: Any) -> int:
        """Write all of *data*."""
        if not self._is_answered:
            self._is_answered = True
            self._until = monotonic() + ANSWER_SECONDS
        self._set_time()
        try:
            self._connection.sendall(data)  # its time is that of the whole
        except TimeoutError as error:
            raise ConnectionAbortedError("the answer was not taken in time") from error
        return len(data)

    def _set_time(self) -> None:
        self._connection.settimeout(max(SHORTEST, self._until - monotonic()))


class Handler(WSGIRequestHandler):
    """One request and its answer; logs nothing."""

    def setup(self) -> None:
        """Begin the time."""
        super().setup()
        client = Client(self.connection)
        self.rfile, self.wfile = BufferedReader(client), cast(Any, client)

    def parse_request(self) -> bool:
        """Read the request; it is not waited for from here on."""
        understood = super().parse_request()
        cast(BoundedServer, self.server).has_asked(self.connection)
        return understood

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


class BoundedServer(ThreadingMixIn, WSGIServer):
    """A thread for each connection, and never more than ``MOST_CONNECTIONS``."""

    daemon_threads = True
    #: Connections that the kernel keeps for us; one more would have to try again in a second.
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], family: socket.AddressFamily) -> None:
        self.address_family = family
        self._free = threading.Semaphore(MOST_CONNECTIONS)
        self._lock = threading.Lock()
        #: Connections whose request has not come yet, the oldest first.
        self._waiting: dict[socket.socket, None] = {}
        super().__init__(address, Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, or hang up."""
        if not self._free.acquire(blocking=False):
            self._hang_up_on_the_oldest()
            if not self._free.acquire(timeout=END_SECONDS):
                self.shutdown_request(request)
                return
        with self._lock:
            self._waiting[request] = None
        try:
            super().process_request(request, client_address)
        except Exception:  # no thread to be had
            self._let_go(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, in a thread of its own."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._let_go(request)

    def has_asked(self, request: socket.socket) -> None:
        """Note that the request of a connection is there."""
        with self._lock:
            self._waiting.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what a client did: nothing that its service could fix."""
        logger.debug("a scrape by %s was not answered", client_address, exc_info=True)

    def _hang_up_on_the_oldest(self) -> None:
        with self._lock:
            oldest = next(iter(self._waiting), None)
            if oldest is not None:
                del self._waiting[oldest]
        if oldest is not None:
            with suppress(OSError):  # gone by itself
                oldest.shutdown(socket.SHUT_RDWR)

    def _let_go(self, request: socket.socket) -> None:
        self.has_asked(request)
        self._free.release()
