"""Polls a URL for a JSON object of figures."""

import json
import ssl
import time
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from socket import SHUT_RDWR, socket
from threading import Event as Flag
from threading import Timer
from urllib.parse import urlsplit

from featurewatch_exporter.config import HttpSource
from featurewatch_exporter.fields import Event, FieldError, figure, look_up, starred
from featurewatch_exporter.health import SOURCE, Health
from featurewatch_exporter.rules import STAR, Rule
from featurewatch_exporter.totals import Figures

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": "featurewatch-exporter",
}
_OK = 200


class FetchError(Exception):
    """No usable answer; *problem* says why in words that don't change from poll to poll."""

    def __init__(self, problem: str, seen: object = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.seen = seen


class UrlReader:
    """Reads one stats URL, again and again."""

    def __init__(self, source: HttpSource, figures: Figures, health: Health) -> None:
        self._source = source
        self._figures = figures
        self._health = health

    def run(self, stop: Flag) -> None:
        """Poll until *stop* is set."""
        while not stop.is_set():
            started = time.monotonic()
            self.poll()
            stop.wait(max(0.0, started + self._source.interval - time.monotonic()))

    def close(self) -> None:
        """Nothing: each poll closes what it opens."""

    def poll(self) -> None:
        """Ask once, and take over what makes sense."""
        source = self._source
        try:
            answer = parse(fetch(source.url, source.timeout, int(source.max_bytes)))
        except FetchError as error:
            self._health.failed(SOURCE, error.problem, error.seen)
            self._health.lost(error.problem, error.seen)
            return
        events: list[Event] = []
        for rule in source.rules:
            events += self._read(rule, answer)
        self._figures.replace(events)
        self._health.reached()
        if events:
            self._health.sampled()

    def _read(self, rule: Rule, answer: dict[str, object]) -> list[Event]:
        try:
            events = read_figures(rule, answer)
        except FieldError as error:
            self._health.failed(rule.path, error.problem, error.seen)
            return []
        self._health.well(rule.path)
        return events


def read_figures(rule: Rule, answer: dict[str, object]) -> list[Event]:
    """Return what *answer* tells for *rule*: one event, or one for each name below a star.

    Raises :class:`FieldError` for a field that is missing or no number that makes sense.
    """
    found = look_up(answer, rule.path.removesuffix(STAR))
    if found is None:
        raise FieldError("is missing or null", None)
    if rule.starred:
        return [figure(rule, value, label) for label, value in starred(rule, answer)]
    return [figure(rule, found)]


def parse(body: bytes) -> dict[str, object]:
    """Return the JSON object in *body*; raise :class:`FetchError` for anything else."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FetchError("answers with something that is no JSON", body[:100]) from error
    if not isinstance(answer, dict):
        raise FetchError("answers with JSON that is no object", body[:100])
    return answer


def fetch(url: str, timeout: float, max_bytes: int) -> bytes:
    """Return the body of the answer to one GET.

    All of it must come within *timeout* seconds and hold no more than *max_bytes*: what is longer
    is not read to its end. Redirects are not followed, and no proxy is asked.

    Raises :class:`FetchError`.
    """
    deadline = time.monotonic() + timeout
    late = FetchError(f"gives no whole answer within {timeout:g} s")
    try:
        body = _exchange(url, deadline, max_bytes)
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
            raise late from error
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise FetchError("cannot be reached", reason) from error
    if time.monotonic() >= deadline:
        raise late
    return body


def _exchange(url: str, deadline: float, max_bytes: int) -> bytes:
    with closing(_connection(url, deadline - time.monotonic())) as connection:
        connection.connect()
        # The connection's own timeout is for each piece: a server that drips would hold us.
        guard = Timer(deadline - time.monotonic(), _cut, [connection.sock])
        guard.daemon = True
        guard.start()
        try:
            return _answer(connection, url, max_bytes)
        finally:
            guard.cancel()


def _connection(url: str, timeout: float) -> HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return HTTPSConnection(host, parts.port, timeout=timeout, context=context)
    return HTTPConnection(host, parts.port, timeout=timeout)


def _answer(connection: HTTPConnection, url: str, max_bytes: int) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("GET", target, headers=_HEADERS)
    response = connection.getresponse()
    with closing(response):
        if response.status != _OK:
            raise FetchError(f"answers with status {response.status}", response.reason)
        declared = response.length or 0
        body = response.read(max_bytes + 1) if declared <= max_bytes else b""
    if declared > max_bytes or len(body) > max_bytes:
        raise FetchError(f"answers with more than {max_bytes} bytes")
    return body


def _cut(connection: socket) -> None:
    with suppress(OSError):
        connection.shutdown(SHUT_RDWR)
