"""The metrics server hands its errors to the caller and its port back."""

import os
import socket
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client import Gauge
from waiting import ANSWER_SECONDS, eventually

from featurewatch import (
    Extractor,
    FeaturewatchError,
    MetricsServerError,
    connections,
    start_metrics_server,
)

HOST = "127.0.0.1"
HALF = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"


def port_of(server):
    return int(server.url.removesuffix("/metrics").rpartition(":")[2])


def test_registry_is_served_at_the_url(registry):
    Extractor(registry=registry)
    with start_metrics_server(0, host=HOST, registry=registry) as server:
        assert server.url == f"http://127.0.0.1:{port_of(server)}/metrics"
        with urlopen(server.url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            assert b"feature_extraction_requests_total{" in answer.read()


def test_taken_port_raises_in_the_caller_and_says_what_to_do(registry):
    with socket.create_server((HOST, 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(MetricsServerError) as raised:
            start_metrics_server(port, host=HOST, registry=registry)
    assert str(raised.value) == (
        f"cannot serve metrics on 127.0.0.1:{port} (Address already in use): "
        "stop what listens there, or choose another host or port (port 0 takes a free one)"
    )
    assert isinstance(raised.value, FeaturewatchError)
    assert isinstance(raised.value.__cause__, OSError)


@pytest.mark.parametrize(
    ("host", "port"),
    # 192.0.2.0/24 is kept for documentation, so no machine has this address; 65535 is the last port
    [("192.0.2.1", 0), (HOST, 65536), (HOST, -1)],
)
def test_address_that_cannot_be_used_raises_the_same_error(registry, host, port):
    with pytest.raises(MetricsServerError, match=f"cannot serve metrics on {host}:{port} "):
        start_metrics_server(port, host=host, registry=registry)


def test_close_stops_the_thread_and_frees_the_port_and_may_be_repeated(registry):
    before = threading.active_count()
    server = start_metrics_server(0, host=HOST, registry=registry)
    server.close()
    server.close()
    assert threading.active_count() == before
    with start_metrics_server(port_of(server), host=HOST, registry=registry) as again:
        assert port_of(again) == port_of(server)


@pytest.mark.parametrize(("host", "shown"), [("::1", "[::1]"), ("localhost", "localhost")])
def test_url_writes_the_host_as_a_browser_wants_it(registry, host, shown):
    if host == "::1" and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with start_metrics_server(0, host=host, registry=registry) as server:
        assert server.url == f"http://{shown}:{port_of(server)}/metrics"


@pytest.fixture
def connect(registry):
    """A server, and the way to connect to it."""
    Extractor(registry=registry)
    with ExitStack() as stack:
        server = stack.enter_context(start_metrics_server(0, host=HOST, registry=registry))

        def to_it(sent=b""):
            connection = socket.create_connection((HOST, port_of(server)), timeout=ANSWER_SECONDS)
            stack.enter_context(connection)
            connection.sendall(sent)
            return connection

        to_it.server = server
        yield to_it


def is_hung_up_on(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:  # reset, because there was something unread
        return True


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def scrape(server):
    with urlopen(server.url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
        return b"feature_extraction_requests_total{" in answer.read()


@pytest.mark.parametrize("sent", [b"", b"GET", HALF], ids=["nothing", "a word", "half"])
def test_client_that_sends_no_whole_request_is_hung_up_on(connect, monkeypatch, sent):
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.2)
    connection = connect(sent)
    eventually(lambda: is_hung_up_on(connection))


def test_client_that_sends_its_request_by_the_byte_is_hung_up_on(connect, monkeypatch):
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.5)
    connection = connect(HALF)

    def one_more():
        with suppress(OSError):
            connection.sendall(b"x")
        return is_hung_up_on(connection)

    eventually(one_more)


def test_client_that_does_not_take_its_answer_is_hung_up_on(connect, monkeypatch, registry):
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 3)
    many = Gauge("many", "More than the buffers of a connection hold.", ["x"], registry=registry)
    for number in range(100):
        many.labels(f"{number}" + "x" * 100_000)
    connection = connect(HALF + b"\r\n")
    eventually(lambda: any("process_request_thread" in t.name for t in threading.enumerate()))
    eventually(lambda: not any("process_request_thread" in t.name for t in threading.enumerate()))
    taken = 0
    with suppress(ConnectionError):
        while piece := connection.recv(1 << 20):
            taken += len(piece)
    assert taken < 10_000_000


def test_however_many_connect_few_are_kept_and_a_scrape_gets_through(connect):
    before = descriptors()
    threads = threading.active_count()
    clients = [connect(HALF) for _ in range(4 * connections.MOST_CONNECTIONS)]
    assert scrape(connect.server)
    open_ones = eventually(
        lambda: [c for c in clients if not is_hung_up_on(c)][: connections.MOST_CONNECTIONS + 1]
    )
    eventually(lambda: sum(not is_hung_up_on(c) for c in clients) <= connections.MOST_CONNECTIONS)
    assert open_ones
    assert threading.active_count() - threads <= connections.MOST_CONNECTIONS
    assert descriptors() - before - len(clients) <= connections.MOST_CONNECTIONS + 1
    assert scrape(connect.server)


def test_nobody_gets_through_while_every_connection_is_answered_and_all_do_afterwards(
    connect, monkeypatch, registry
):
    monkeypatch.setattr(connections, "END_SECONDS", 0.01)
    go_on, asked = threading.Event(), []

    class Slow:
        def describe(self):
            return []

        def collect(self):
            asked.append(True)
            go_on.wait(ANSWER_SECONDS)
            return []

    registry.register(Slow())
    full = [connect(HALF + b"\r\n") for _ in range(connections.MOST_CONNECTIONS)]
    eventually(lambda: len(asked) == connections.MOST_CONNECTIONS)
    one_too_many = connect(HALF)
    eventually(lambda: is_hung_up_on(one_too_many))
    go_on.set()
    assert all(connection.recv(12) == b"HTTP/1.0 200" for connection in full)
    eventually(lambda: scrape(connect.server))


def test_child_does_not_hold_the_port_of_its_parent(registry):
    server = start_metrics_server(0, host=HOST, registry=registry)
    ours, childs = socket.socketpair()
    child = os.fork()
    if not child:
        childs.sendall(b"x")
        childs.recv(1)
        os._exit(0)
    with ours, childs:
        ours.recv(1)
        server.close()
        with start_metrics_server(port_of(server), host=HOST, registry=registry) as again:
            assert port_of(again) == port_of(server)
        ours.sendall(b"x")
        assert os.waitpid(child, 0)[1] == 0
