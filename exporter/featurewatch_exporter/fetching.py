"""One answer of a URL, whole and in time."""

import gzip
import ssl
import time
import zlib
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import BytesIO
from socket import SHUT_RDWR, socket
from threading import Timer
from typing import NamedTuple
from urllib.parse import urlsplit

_HEADERS = {
    "Accept-Encoding": "gzip",
    "Connection": "close",
    "User-Agent": "featurewatch-exporter",
}
_OK = 200
#: Names of encodings (RFC 9110, 8.4.1) that are undone.
_GZIP = ("gzip", "x-gzip")


class FetchError(Exception):
    """No usable answer; *problem* says why in words that don't change from poll to poll."""

    def __init__(self, problem: str, seen: object = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.seen = seen


class Answer(NamedTuple):
    """What a URL answered."""

    body: bytes
    #: As the header Content-Type has it, empty without one.
    content_type: str


def fetch(url: str, timeout: float, max_bytes: int, accept: str = "application/json") -> Answer:
    """Return the answer to one GET.

    All of it must come within *timeout* seconds and hold no more than *max_bytes*, unpacked too:
    what is longer is not read to its end. Redirects are not followed, and no proxy is asked.

    Raises :class:`FetchError`.
    """
    deadline = time.monotonic() + timeout
    late = FetchError(f"gives no whole answer within {timeout:g} s")
    try:
        answer = _exchange(url, deadline, max_bytes, accept)
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
            raise late from error
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise FetchError("cannot be reached", reason) from error
    if time.monotonic() >= deadline:
        raise late
    return answer


def _exchange(url: str, deadline: float, max_bytes: int, accept: str) -> Answer:
    with closing(_connection(url, deadline - time.monotonic())) as connection:
        connection.connect()
        # The connection's own timeout is for each piece: a server that drips would hold us.
        guard = Timer(deadline - time.monotonic(), _cut, [connection.sock])
        guard.daemon = True
        guard.start()
        try:
            return _answer(connection, url, max_bytes, accept)
        finally:
            guard.cancel()


def _connection(url: str, timeout: float) -> HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return HTTPSConnection(host, parts.port, timeout=timeout, context=context)
    return HTTPConnection(host, parts.port, timeout=timeout)


def _answer(connection: HTTPConnection, url: str, max_bytes: int, accept: str) -> Answer:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("GET", target, headers={"Accept": accept, **_HEADERS})
    response = connection.getresponse()
    with closing(response):
        if response.status != _OK:
            raise FetchError(f"answers with status {response.status}", response.reason)
        declared = response.length or 0
        body = response.read(max_bytes + 1) if declared <= max_bytes else b""
    if declared <= max_bytes and len(body) <= max_bytes:
        body = _unpacked(response, body, max_bytes)
    if declared > max_bytes or len(body) > max_bytes:
        raise FetchError(f"answers with more than {max_bytes} bytes")
    return Answer(body, response.getheader("Content-Type", ""))


def _unpacked(response: HTTPResponse, body: bytes, max_bytes: int) -> bytes:
    encoding = response.getheader("Content-Encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in _GZIP:
        raise FetchError("answers in an encoding that was not asked for", encoding)
    try:
        return gzip.GzipFile(fileobj=BytesIO(body)).read(max_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FetchError("answers with something that is no gzip", body[:100]) from error


def _cut(connection: socket) -> None:
    with suppress(OSError):
        connection.shutdown(SHUT_RDWR)
