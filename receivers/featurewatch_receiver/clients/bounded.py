"""HTTP answers that end: their time is bounded as a whole, header included, and their size.

The timeouts of requests and urllib3 are for each pause: a server that sends its header byte by byte
is waited for, for days.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, Protocol

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from featurewatch_receiver.version import VERSION

_PIECE = 64 * 1024


class TooLongError(Exception):
    """An answer is larger than was bargained for."""


class Body(Protocol):
    """The body of an answer, as urllib3 reads it."""

    def read1(self, amt: int, *, decode_content: bool) -> bytes:
        """Return what is there; empty at the end."""


class _Connection(HTTPConnection):
    def getresponse(self) -> Any:
        with _cut_off(self.sock, self.timeout):
            return super().getresponse()


class _SecureConnection(HTTPSConnection):
    def getresponse(self) -> Any:
        with _cut_off(self.sock, self.timeout):
            return super().getresponse()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *words: Any, **options: Any) -> None:
        super().init_poolmanager(*words, **options)
        bound(self.poolmanager)


def bound(pools: urllib3.PoolManager) -> None:
    """Let its read timeout be for the whole header of an answer."""
    pools.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


def session() -> requests.Session:
    """A session whose timeout is for the whole header; it uses no proxy and no .netrc."""
    made = requests.Session()
    made.trust_env = False
    made.headers["User-Agent"] = f"featurewatch/{VERSION}"
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Adapter())
    return made


def body_of(answer: Body, end: float, max_bytes: int) -> bytes:
    """Read a body, neither endless nor dripping for ever; `end` is of time.monotonic().

    Raises:
        TimeoutError: the time is up.
        TooLongError: it is larger than `max_bytes`.

    """
    body = bytearray()
    while piece := answer.read1(_PIECE, decode_content=True):
        body += piece
        if len(body) > max_bytes:
            raise TooLongError
        if time.monotonic() > end:
            raise TimeoutError
    return bytes(body)


@contextlib.contextmanager
def _cut_off(sock: socket.socket | None, seconds: Any) -> Iterator[None]:
    """End the connection when the time is up, for what comes in pieces ends no single wait.

    Raises:
        TimeoutError: it was; what was read of the header so far looks like a whole one.

    """
    if sock is None or not seconds:
        yield
        return
    is_cut = threading.Event()
    timer = threading.Timer(seconds, _hang_up, (sock, is_cut))
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if is_cut.is_set():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()
    if is_cut.is_set():
        raise TimeoutError


def _hang_up(sock: socket.socket, is_cut: threading.Event) -> None:
    is_cut.set()
    with contextlib.suppress(OSError):  # it has ended by itself
        # Not the shutdown of an SSLSocket, which is for the thread that reads it.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
