"""Deliveries as Alertmanager makes them, and sixteen connections that send them.

The client is one loop over sockets that speaks just enough HTTP: it must cost less than what it
measures, since both share the machine.
"""

import json
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from bench.figures import BenchError
from bench.targets import HOST

PATH = "/api/v1/webhook/alertmanager"
TOKEN = "correct-horse"  # noqa: S105 - of a server on loopback that lives for the measurement
CONNECTIONS = 16
# Stands for the number of a delivery, so that no two tell of the same alert.
_NUMBER = "########"
_NO_ANSWER_SECONDS = 30.0

Bodies = Iterator[bytes]


def bodies(alerts: int, alertname: str) -> Bodies:
    """Endless deliveries of so many alerts that were never heard of before."""
    text = json.dumps(_payload([_alert(alertname, place) for place in range(alerts)]))
    for number in count():
        yield text.replace(_NUMBER, f"{number:08}").encode()


def _payload(alerts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "receiver": "featurewatch-receiver",
        "status": "firing",
        "alerts": alerts,
        "groupLabels": {"alertname": "x"},
        "commonLabels": {"severity": "high"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "version": "4",
        "groupKey": f'{{}}/{{}}:{{delivery="{_NUMBER}"}}',
        "truncatedAlerts": 0,
    }


def _alert(alertname: str, place: int) -> dict[str, Any]:
    """One alert with as many labels and annotations as the generated rules give it."""
    return {
        "status": "firing",
        "labels": {
            "alertname": alertname,
            "category": "performance",
            "type": "latency",
            "severity": "high",
            "extractor": f"extractor_{_NUMBER}_{place}",
            "escalation_policy": "latency_violation",
            "escalation_level": "1",
        },
        "annotations": {
            "summary": f"p95 latency of extractor_{_NUMBER}_{place} is above its threshold",
            "description": "Extractions are slow for most of their callers: look at the model.",
            "value": "182.4ms",
            "threshold": "100ms",
            "since": "2026-01-02 03:04:05 UTC",
            "runbook_url": f"http://localhost:9099/runbook/{alertname}",
            "dashboard_url": "http://localhost:3000/d/featurewatch-overview",
        },
        "startsAt": datetime.now(UTC).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph?g0.expr=x&g0.tab=1",
        "fingerprint": f"{_NUMBER}{place:08x}",
    }


@dataclass
class Sent:
    """What became of the deliveries."""

    seconds: float = 0.0
    #: Of each answered delivery, in seconds.
    times: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Accepted deliveries per second."""
        return self.statuses.get(200, 0) / self.seconds

    def add(self, other: "Sent") -> None:
        """Take in what was sent in another round."""
        self.seconds += other.seconds
        self.times += other.times
        for status, number in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + number

    def only_accepted(self) -> None:
        """Raise BenchError when any answer was not 200: nothing else is the same work."""
        if set(self.statuses) != {200}:
            raise BenchError(f"deliveries were answered {self.statuses}; all must be accepted")


def send(port: int, deliveries: Bodies, go_on: Callable[[int, float], bool]) -> Sent:
    """Send on all connections, each after its answer, while go_on(how many, seconds) holds.

    Raises:
        BenchError: an answer did not come, or was cut off.

    """
    sent, began, started = Sent(), time.perf_counter(), count(1)
    with _connected(port) as (connections, selector):
        waiting = {c for c in connections if _next(c, deliveries, go_on, started, began)}
        while waiting:
            events = selector.select(_NO_ANSWER_SECONDS)
            if not events:
                raise BenchError(f"no answer within {_NO_ANSWER_SECONDS:g} s")
            for key, _ in events:
                connection: _Connection = key.data
                if not connection.receive(sent):
                    continue
                if not _next(connection, deliveries, go_on, started, began):
                    waiting.discard(connection)
        sent.seconds = time.perf_counter() - began
    return sent


def _next(
    connection: "_Connection",
    deliveries: Bodies,
    go_on: Callable[[int, float], bool],
    started: Iterator[int],
    began: float,
) -> bool:
    if not go_on(next(started), time.perf_counter() - began):
        return False
    connection.send(next(deliveries))
    return True


class _Connection:
    """One kept-alive connection, with one delivery on its way."""

    def __init__(self, port: int):
        self.socket = socket.create_connection((HOST, port), timeout=_NO_ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = (
            f"POST {PATH} HTTP/1.1\r\nHost: {HOST}:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._answer = b""
        self._sent_at = 0.0

    def send(self, body: bytes) -> None:
        self._answer = b""
        self._sent_at = time.perf_counter()
        self.socket.sendall(self._head + str(len(body)).encode() + b"\r\n\r\n" + body)

    def receive(self, sent: Sent) -> bool:
        """Read on; whether the answer is complete."""
        part = self.socket.recv(65536)
        if not part:
            raise BenchError(f"connection closed in the middle of an answer: {self._answer[:80]!r}")
        self._answer += part
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return False
        sent.times.append(time.perf_counter() - self._sent_at)
        status = int(head[9:12])
        sent.statuses[status] = sent.statuses.get(status, 0) + 1
        return True


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise BenchError("an answer has no Content-Length")


@contextmanager
def _connected(port: int) -> Iterator[tuple[list[_Connection], selectors.BaseSelector]]:
    connections: list[_Connection] = []
    with selectors.DefaultSelector() as selector:
        try:
            for _ in range(CONNECTIONS):
                connections.append(_Connection(port))
                selector.register(connections[-1].socket, selectors.EVENT_READ, connections[-1])
            yield connections, selector
        finally:
            for connection in connections:
                connection.socket.close()
