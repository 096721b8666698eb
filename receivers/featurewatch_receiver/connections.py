"""Connections: none keeps a thread that it does not use, and those that matter find one.

gunicorn gives each new connection a thread, which waits for the first byte, for a request that
does not come to its end, and for a client that does not read its answer. A few hundred connections
would keep deliveries and health waiting. Here a thread is taken when a request's header is there;
deliveries and health have threads of their own; and who keeps one waiting is hung up on, sooner
when threads become scarce.
"""

import fcntl
import select
import socket
import struct
import termios
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from featurewatch_receiver.deliveries.inbox import MOST_WAITING
from featurewatch_receiver.deliveries.payload import PATH

#: Threads for deliveries: a storm waits for them and is not refused.
THREADS = MOST_WAITING
#: Threads for who asks for health, and for everything else.
HEALTH_THREADS, OTHER_THREADS = 4, 24
#: A request must have come by then, and its answer must have been taken on.
REQUEST_SECONDS = 10.0
#: The same while most threads are taken.
SCARCE_SECONDS = 2.0
#: Connections that have sent nothing whole for this long; of more the oldest are hung up on.
MOST_SILENT, SILENT_SECONDS = 256, 1.0
# A busy Alertmanager's next delivery comes sooner.
_LINGER_MILLISECONDS = 5
# gunicorn reads no longer header either.
_LONGEST_HEADER = 8192
_END_OF_HEADER = b"\r\n\r\n"
# What the client does not send of a body that nobody wants is not waited for.
_DRAIN_SECONDS = 0.2
_ROUND_SECONDS = 0.5
# What the kernel keeps for a client that reads more slowly than it is answered.
_UNREAD_BYTES = 128 * 1024
_DELIVERY, _HEALTH = f"POST {PATH} ".encode(), (b"GET /healthz ", b"GET /readyz ")


class WebWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Waits for requests without a thread, and for none for ever.

    It looks for a connection's next request at once: gunicorn hands a connection from thread to
    thread and back for each, a fifth of what a delivery costs. It is still handed back when
    nothing comes, and when too many linger.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._may_linger = threading.Semaphore(MOST_WAITING // 2)
        self._health = ThreadPoolExecutor(HEALTH_THREADS)
        self._others = ThreadPoolExecutor(OTHER_THREADS)
        #: Since when each connection has a thread for its present request.
        self._begun: dict[Any, float] = {}
        #: Of those that don't take their answer: how much waits, and since when it is so much.
        self._untaken: dict[Any, tuple[int, float]] = {}
        #: Connections with a part of a header: they are looked at again in the next round.
        self._partial: list[Any] = []
        self._round = 0.0

    # --- in the main thread

    def accept(self, listener: socket.socket) -> None:
        """Take a connection, and wait for its request without a thread."""
        with suppress(BlockingIOError, ConnectionAbortedError):
            client, address = listener.accept()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD_BYTES)
            self.nr_conns += 1
            connection = TConn(self.cfg, client, address, listener.getsockname())
            connection.timeout = time.monotonic() + REQUEST_SECONDS
            self.pending_conns.append(connection)
            self._await(connection)

    def on_pending_socket_readable(self, conn: Any, client: Any) -> None:
        """Begin with a request whose header is there; the rest of it may still be on its way."""
        if self._is_whole(client):
            super().on_pending_socket_readable(conn, client)
        else:
            self.poller.unregister(client)
            self._partial.append(conn)

    def enqueue_req(self, conn: Any) -> None:
        """Give it a thread: of its own kind, so that pages take none from deliveries."""
        head = _head(conn.sock)
        # What is encrypted may be a delivery.
        conn.is_urgent = self.cfg.is_ssl or head.startswith(_DELIVERY)
        other = self._health if head.startswith(_HEALTH) else self._others
        future = (self.tpool if conn.is_urgent else other).submit(self.handle, conn)
        future.add_done_callback(
            lambda done: self.method_queue.defer(self.finish_request, conn, done)
        )

    def murder_pending(self) -> None:
        """In each round: leave those whose request does not come, or who take no answer."""
        super().murder_pending()
        now = time.monotonic()
        if now - self._round < _ROUND_SECONDS:
            return
        self._round = now
        self._leave_silent(now)
        partial_ones, self._partial = self._partial, []
        for conn in partial_ones:
            if conn in self.pending_conns:
                self._await(conn)
        self._hang_up(now)

    def run(self) -> None:
        """Serve until it shall end."""
        super().run()
        self._health.shutdown(wait=False)
        self._others.shutdown(wait=False)

    def _leave_silent(self, now: float) -> None:
        """Of too many that have sent nothing whole, leave the oldest; a storm sends at once."""
        young = now + REQUEST_SECONDS - SILENT_SECONDS
        for conn in list(self.pending_conns)[: max(0, len(self.pending_conns) - MOST_SILENT)]:
            if conn.timeout < young:
                conn.timeout = 0.0
        super().murder_pending()

    def _await(self, conn: Any) -> None:
        ready = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, select.POLLIN, ready)

    def _is_whole(self, client: Any) -> bool:
        """Whether a header is there, or whatever else a thread shall answer."""
        if self.cfg.is_ssl:
            return True
        head = _head(client)
        return not head or _END_OF_HEADER in head or len(head) >= _LONGEST_HEADER

    def _hang_up(self, now: float) -> None:
        begun = dict(self._begun)
        scarce = 2 * len(begun) > OTHER_THREADS
        soon = now - (SCARCE_SECONDS if scarce else REQUEST_SECONDS)
        for conn, since in begun.items():
            # A delivery that waits for the database has been read by then.
            may_wait = conn.is_urgent and conn.parser is not None
            if since < (now - REQUEST_SECONDS if may_wait else soon):
                _shut(conn.sock, socket.SHUT_RD)
        self._untaken = dict(self._not_taken(begun, now))
        for conn, (_, since) in self._untaken.items():
            if since < soon:
                _shut(conn.sock, socket.SHUT_RDWR)

    def _not_taken(self, begun: dict[Any, float], now: float) -> Iterator[tuple[Any, Any]]:
        for conn in begun:
            if untaken := _untaken(conn.sock):
                known, since = self._untaken.get(conn, (untaken, now))
                yield conn, (untaken, since if known == untaken else now)

    # --- in a thread

    def handle(self, conn: Any) -> Any:
        """Answer a request, and those that follow it closely; True to keep the connection."""
        keep = self._answer(conn)
        if keep is not True or not self._may_linger.acquire(blocking=False):
            return keep
        try:
            while keep is True and self.alive and _comes(conn.sock):
                if not conn.is_urgent or not (self.cfg.is_ssl or _delivers(conn.sock)):
                    break
                keep = self._answer(conn)
        finally:
            self._may_linger.release()
        return keep

    def _answer(self, conn: Any) -> Any:
        self._begun[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            del self._begun[conn]

    def _keepalive_after(self, conn: Any, keepalive: Any) -> bool:
        """Whether the connection can be used for another request."""
        until = time.monotonic() + _DRAIN_SECONDS
        return bool(keepalive and conn.parser.finish_body(deadline=until))


def _head(client: Any) -> bytes:
    """What has come and is not read yet; nothing when the other side has gone."""
    try:
        return socket.socket.recv(client, _LONGEST_HEADER, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return b""


def _untaken(client: Any) -> int:
    """Bytes that wait for a client which does not let more be sent; 0: it takes what it gets."""
    try:
        poll = select.poll()
        poll.register(client, select.POLLOUT)
        if poll.poll(0):
            return 0
        answer = fcntl.ioctl(client.fileno(), termios.TIOCOUTQ, b"\0" * 4)
    except (OSError, ValueError):  # it is closed by now
        return 0
    return int(struct.unpack("i", answer)[0])


def _shut(client: Any, how: int) -> None:
    """Let its sender seem to have hung up; an answer that is under way still gets there.

    With both directions the answer ends as well, and the thread that sends it.
    """
    with suppress(OSError):
        # Not that of SSLSocket, which would go on in plain text.
        socket.socket.shutdown(client, how)


def _delivers(client: Any) -> bool:
    return _head(client).startswith(_DELIVERY)


def _comes(client: Any) -> bool:
    poll = select.poll()
    poll.register(client, select.POLLIN)
    return bool(poll.poll(_LINGER_MILLISECONDS))
