"""Deliveries on the wire, to the real server: what no test client sends."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from receiver.conftest import AUTHORIZED, TOKEN
from receiver.payloads import Json, alert, payload
from receiver.test_command import Served

PATH = "/api/v1/webhook/alertmanager"
HEADERS = AUTHORIZED | {"Content-Type": "application/json"}
Answer = tuple[int, Json]


@pytest.fixture
def connection(
    write_config: Callable[[], Path], settings: Json
) -> Iterator[http.client.HTTPConnection]:
    """A connection to a receiver that serves."""
    settings["receiver"]["listen"] = "127.0.0.1:0"
    served = Served(write_config())
    try:
        served.ready()
        connection = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=10)
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
    size = 3 * 1024 * 1024
    connection.connect()
    assert connection.sock is not None
    if chunked:
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
