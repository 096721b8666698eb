"""The metrics server hands its errors to the caller and its port back."""

import socket
import threading
from urllib.request import urlopen

import pytest

from featurewatch import Extractor, FeaturewatchError, MetricsServerError, start_metrics_server

HOST = "127.0.0.1"


def port_of(server):
    return int(server.url.removesuffix("/metrics").rpartition(":")[2])


def test_registry_is_served_at_the_url(registry):
    Extractor(registry=registry)
    with start_metrics_server(0, host=HOST, registry=registry) as server:
        assert server.url == f"http://127.0.0.1:{port_of(server)}/metrics"
        with urlopen(server.url, timeout=10) as answer:  # noqa: S310
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
