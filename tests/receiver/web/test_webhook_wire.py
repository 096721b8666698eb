"""Deliveries on the wire, to the real server: what no test client sends."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from waiting import PATIENCE_SECONDS, eventually

from featurewatch_receiver.connections import THREADS
from receiver.in_process import AUTHORIZED, TOKEN
from receiver.payloads import Json, alert, payload
from receiver.processes import Replica

PATH = "/api/v1/webhook/alertmanager"
HEADERS = AUTHORIZED | {"Content-Type": "application/json"}
Answer = tuple[int, Json]


@pytest.fixture
def connection(
    write_config: Callable[[], Path], settings: Json, tmp_path: Path
) -> Iterator[http.client.HTTPConnection]:
    """A connection to a receiver that serves."""
    settings["receiver"]["listen"] = "127.0.0.1:0"
    served = Replica(write_config(), tmp_path / "served.log")
    try:
        served.ready()
        connection = http.client.HTTPConnection(
            served.url.removeprefix("http://"), timeout=PATIENCE_SECONDS
        )
        yield connection
        connection.close()
    finally:
        served.kill()


def answer(connection: http.client.HTTPConnection) -> Answer:
    """Status and JSON of the answer."""
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def test_a_body_in_chunks_is_taken(connection: http.client.HTTPConnection) -> None:
    text = json.dumps(payload(alert())).encode()
    parts = (text[i : i + 100] for i in range(0, len(text), 100))
    connection.request("POST", PATH, parts, HEADERS, encode_chunked=True)
    assert answer(connection) == (200, {"accepted": 1})


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_is_too_large_is_refused_in_one_line(
    connection: http.client.HTTPConnection, chunked: bool
) -> None:
    size = 2 * 1024 * 1024 + 1
    connection.connect()
    assert connection.sock is not None
    if chunked:
        # The answer may be there, and the receiver gone, before the end of the body is sent.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request("POST", PATH, iter([b"x" * size]), HEADERS, encode_chunked=True)
    else:
        connection.request("POST", PATH, None, HEADERS | {"Content-Length": str(size)})
    status, body = answer(connection)
    assert (status, body["error"].partition(";")[0]) == (413, "body: exceeds 2097152 bytes")


def test_a_sender_that_hangs_up_halfway_stores_nothing_and_harms_nobody(
    connection: http.client.HTTPConnection,
) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    half = json.dumps(payload(alert()))[:300]
    with socket.create_connection((connection.host, connection.port)) as sender:
        sender.sendall((head + half).encode())
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    assert "\nfeaturewatch_receiver_open_episodes 0.0\n" in text
    connection.request("POST", PATH, json.dumps(payload(alert())), HEADERS)
    assert answer(connection) == (200, {"accepted": 1})


@pytest.mark.parametrize("size", ["0x10", "-1", "+5", "1 2", ""])
def test_a_body_in_chunks_that_are_none_is_refused_in_one_line(
    connection: http.client.HTTPConnection, size: str
) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    smuggled = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    address = (connection.host, connection.port)
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as sender:
        sender.sendall(f"{head}{size}\r\n{smuggled}".encode())
        told = b""
        while piece := sender.recv(65536):
            told += piece
    assert told.startswith(b"HTTP/1.1 400 "), told
    assert told.count(b"HTTP/1.1 ") == 1
    assert b'{"error":"body: can' in told


def test_slashes_too_many_are_not_found(connection: http.client.HTTPConnection) -> None:
    for headers in (HEADERS, {}):
        connection.request("POST", "/" + PATH, "{}", headers)
        status, body = answer(connection)
        assert (status, body["error"].partition(":")[0]) == (404, "path")


def test_requests_that_come_at_once_on_one_connection_are_answered_in_turn(
    connection: http.client.HTTPConnection,
) -> None:
    body = json.dumps(payload(alert()))
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    last = head + "Connection: close\r\n\r\n" + body
    with socket.create_connection(
        (connection.host, connection.port), timeout=PATIENCE_SECONDS
    ) as sender:
        sender.sendall(f"{head}\r\n{body}{head}\r\n{body}{last}".encode())
        answers = b"".join(iter(lambda: sender.recv(65536), b""))
    assert answers.count(b"HTTP/1.1 200 OK") == answers.count(b'{"accepted":1}') == 3


def test_requests_that_never_come_to_an_end_keep_nobody_out(
    connection: http.client.HTTPConnection,
) -> None:
    with ExitStack() as half_sent:
        for _ in range(THREADS + 8):
            sender = socket.create_connection(
                (connection.host, connection.port), timeout=PATIENCE_SECONDS
            )
            half_sent.enter_context(sender).sendall(f"POST {PATH} HTTP/1.1\r\nHost: x".encode())

        def is_answered() -> bool:
            connection.close()
            with suppress(TimeoutError):
                connection.request("POST", PATH, json.dumps(payload(alert())), HEADERS)
                return answer(connection) == (200, {"accepted": 1})
            return False

        eventually(is_answered)


def test_a_sender_that_drips_is_hung_up_on(connection: http.client.HTTPConnection) -> None:
    place = (connection.host, connection.port)
    with socket.create_connection(place, timeout=0.2) as sender:
        sender.sendall(f"POST {PATH} HTTP/1.1\r\nX-Long: ".encode())

        def is_hung_up_on() -> bool:
            try:
                sender.sendall(b"x")
                return sender.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        eventually(is_hung_up_on)


def test_connections_that_never_pause_keep_nobody_out(
    connection: http.client.HTTPConnection,
) -> None:
    """Deliveries on more connections than there are threads, each as soon as the last is done."""
    enough = threading.Event()
    text = json.dumps(payload(alert()))

    def send() -> set[int]:
        statuses = set()
        with closing(http.client.HTTPConnection(connection.host, connection.port, 10)) as mine:
            while not enough.is_set():
                mine.request("POST", PATH, text, HEADERS)
                reply = mine.getresponse()
                reply.read()
                statuses.add(reply.status)
        return statuses

    with ThreadPoolExecutor(THREADS + 8) as pool:
        senders = [pool.submit(send) for _ in range(THREADS + 8)]
        try:
            for _ in range(20):
                connection.request("GET", "/healthz")
                assert answer(connection)[0] == 200
        finally:
            enough.set()
        statuses = set[int]().union(*(sender.result(15) for sender in senders))
    assert statuses in ({200}, {200, 503})
