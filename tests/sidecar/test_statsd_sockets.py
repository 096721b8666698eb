"""Where statsd comes from: bursts of datagrams, sockets of the file system, connections of TCP."""

import errno
import json
import os
import re
import signal
import socket
import stat
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from featurewatch_exporter.address import Address
from featurewatch_exporter.config import load_config
from featurewatch_exporter.errors import ExporterError
from featurewatch_exporter.exporter import Exporter
from featurewatch_exporter.statsd import reader, sockets

from .conftest import Page
from .servers import HOST

MAP = {
    "hit": {"metric": "cache_lookups_total", "labels": {"result": "hit"}},
    "queue": {"metric": "queue_depth"},
}
BURST = 20_000


def source(listen, **more):
    return {"type": "statsd", "listen": listen, "map": MAP, **more}


@pytest.fixture
def udp(closing):
    """Send datagrams."""
    return closing.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))


@pytest.fixture
def local(closing):
    """Send datagrams to sockets of the file system."""
    return closing.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))


@pytest.fixture
def tcp(closing):
    """Connect to an exporter."""

    def connect(page):
        place = page.exporter.statsd_endpoints[-1].place
        return closing.enter_context(socket.create_connection(place, timeout=20))

    return connect


def drops_by_proc(port):
    """The last column of /proc/net/udp for *port*."""
    lines = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    here, anybody = f"0100007F:{port:04X}", "00000000:0000"
    return sum(int(line[-1]) for line in lines if line[1:3] == [here, anybody])


def burst(exporter, udp):
    """Send many small datagrams while nobody reads them."""
    for _ in range(BURST):
        udp.sendto(b"hit:1|c", exporter.statsd_endpoints[0].place)


@pytest.fixture
def waiting(closing, tmp_path):
    """Make an exporter that listens and does not read yet."""

    def make(**more):
        file = tmp_path / "exporter.json"
        file.write_text(json.dumps({"sources": [source(f"{HOST}:0", **more)]}))
        return Exporter(load_config(file), Address(HOST, 0))

    return make


def test_burst_loses_nothing_that_the_kernel_took_and_tells_the_rest(
    waiting, udp, closing, eventually
):
    exporter = waiting()
    burst(exporter, udp)
    dropped = drops_by_proc(exporter.statsd_endpoints[0].place.port)
    closing.enter_context(exporter)
    page = Page(exporter)
    eventually(lambda: page("cache_lookups_total", "hit") == BURST - dropped)
    assert page("source_dropped_total", "statsd") == dropped
    assert page("source_failures_total", "statsd") == 0


def test_what_the_kernel_drops_is_counted_and_told_with_the_fix(
    waiting, udp, closing, eventually, caplog
):
    exporter = waiting(receive_buffer_bytes=8192)
    burst(exporter, udp)
    dropped = drops_by_proc(exporter.statsd_endpoints[0].place.port)
    assert dropped > BURST / 2
    closing.enter_context(exporter)
    page = Page(exporter)
    eventually(lambda: page("cache_lookups_total", "hit") == BURST - dropped)
    eventually(lambda: page("source_dropped_total", "statsd") == dropped)
    endpoint = exporter.statsd_endpoints[0]
    assert [r.getMessage() for r in caplog.records if r.levelname == "WARNING"] == [
        f"source statsd of feature_extractor: datagrams at {endpoint} came faster than they could "
        "be read, and the kernel dropped some; raise receive_buffer_bytes, or let the client send "
        f"more lines in each ({dropped})"
    ]


def test_buffer_that_the_machine_does_not_grant_is_told_with_the_fix(
    waiting, closing, caplog, monkeypatch
):
    monkeypatch.setattr(sockets, "_SO_RCVBUFFORCE", -1)  # as for whoever is not root
    granted = int(Path("/proc/sys/net/core/rmem_max").read_text())
    exporter = waiting(receive_buffer_bytes=granted + 1)
    closing.enter_context(exporter)
    [(statsd, health)] = exporter._readers
    [datagrams] = statsd._datagrams
    assert datagrams.buffer_bytes == 2 * granted
    health.dropped(1, "datagrams", statsd._overflow(datagrams))
    assert f"raise net.core.rmem_max to {granted + 1}, or" in caplog.text


def test_burst_at_a_running_exporter_is_counted_or_told(tmp_path, closing, udp, eventually):
    file = tmp_path / "exporter.json"
    file.write_text(json.dumps({"sources": [source(f"{HOST}:0")]}))
    command = [sys.executable, "-m", "featurewatch_exporter", "--config", file]
    process = subprocess.Popen(
        [*command, "--listen", f"{HOST}:0"], stderr=subprocess.PIPE, text=True
    )
    closing.callback(process.stderr.close)
    closing.callback(process.wait, 20)
    closing.callback(process.send_signal, signal.SIGTERM)
    said = process.stderr.readline() + process.stderr.readline()
    url, port = re.search(r"metrics at (\S+)\n.*statsd at udp://\S+:(\d+)", said).groups()
    for _ in range(BURST):
        udp.sendto(b"hit:1|c", (HOST, int(port)))

    def accounted():
        with urlopen(url, timeout=10) as answer:  # noqa: S310
            text = answer.read().decode()
        counts = [
            float(re.search(rf"^feature_extraction_{name}{{.*}} (\S+)$", text, re.M)[1])
            for name in ("cache_lookups_total", "source_dropped_total")
        ]
        return sum(counts) == BURST and counts[1] == drops_by_proc(int(port))

    eventually(accounted)


def test_sender_that_never_pauses_is_counted_meanwhile(run, udp, eventually, monkeypatch):
    monkeypatch.setattr(sockets, "_MOST_DATAGRAMS", 1)
    page = run(source(f"{HOST}:0"))
    for _ in range(600):
        udp.sendto(b"hit:1|c", page.exporter.statsd_endpoints[0].place)
    eventually(lambda: page("cache_lookups_total", "hit") == 600)


def test_socket_of_the_file_system_takes_datagrams(run, local, eventually, tmp_path):
    path = tmp_path / "statsd.sock"
    page = run(source(f"unix://{path}"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    for _ in range(500):  # more than wait at once: the sender is held up, and nothing is lost
        local.sendto(b"hit:1|c\nhit:1|c", str(path))
    eventually(lambda: page("cache_lookups_total", "hit") == 1000)
    assert page("source_dropped_total", "statsd") == 0
    page.exporter.__exit__(None, None, None)
    assert not path.exists()


def test_socket_of_the_file_system_has_the_permissions_that_are_asked_for(run, tmp_path):
    path = tmp_path / "statsd.sock"
    run(source(f"unix://{path}", socket_mode="0620"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o620


def test_socket_that_a_killed_exporter_has_left_is_taken_over(run, local, eventually, tmp_path):
    path = tmp_path / "statsd.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(path))
    page = run(source(f"unix://{path}"))
    local.sendto(b"hit:1|c", str(path))
    eventually(lambda: page("cache_lookups_total", "hit") == 1)


@pytest.mark.parametrize("kind", ["listening", "file"])
def test_path_that_is_somebody_elses_is_left_alone(run, closing, tmp_path, kind):
    path = tmp_path / "statsd.sock"
    if kind == "listening":
        closing.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)).bind(str(path))
    else:
        path.write_text("precious")
    before = path.stat()
    with pytest.raises(ExporterError) as raised:
        run(source(f"unix://{path}"))
    assert str(raised.value) == (
        f"cannot listen for statsd on unix://{path} (Address already in use): "
        "stop what listens there, or choose a path in a folder that can be written"
    )
    assert os.path.samestat(before, path.stat())


def test_lines_of_a_connection_may_come_in_any_pieces(run, tcp, eventually):
    page = run(source([f"udp://{HOST}:0", f"tcp://{HOST}:0"]))
    one, other = tcp(page), tcp(page)
    one.sendall(b"hit:1|c\nhi")
    other.sendall(b"hit:2|c\nqueue:7|")
    eventually(lambda: page("cache_lookups_total", "hit") == 3)
    one.sendall(b"t:4|c\r\n")
    other.sendall(b"g")
    eventually(lambda: page("cache_lookups_total", "hit") == 7)
    assert page("queue_depth") is None
    other.close()  # the last line needs no end
    eventually(lambda: page("queue_depth") == 7)
    assert page("source_failures_total", "statsd") == 0


def test_both_ways_of_one_source_count_together(run, tcp, udp, eventually):
    page = run(source([f"tcp://{HOST}:0", f"udp://{HOST}:0"]))
    udp.sendto(b"hit:1|c", page.exporter.statsd_endpoints[0].place)
    tcp(page).sendall(b"hit:2|c\n")
    eventually(lambda: page("cache_lookups_total", "hit") == 3)


def test_line_without_an_end_is_skipped_and_told(run, tcp, eventually, caplog):
    page = run(source(f"tcp://{HOST}:0"))
    connection = tcp(page)
    connection.sendall(b"hit:1|c\n" + b"hit:1|c|#" + b"x" * 2_000_000)
    eventually(lambda: page("source_failures_total", "statsd") == 1)
    connection.sendall(b":5|c\nhit:2|c\n")
    eventually(lambda: page("cache_lookups_total", "hit") == 3)
    assert page("source_failures_total", "statsd") == 1
    assert "lines hold more than 65536 bytes" in caplog.text


def test_connection_that_breaks_off_costs_nobody_else(run, tcp, eventually):
    page = run(source(f"tcp://{HOST}:0"))
    broken, other = tcp(page), tcp(page)
    broken.sendall(b"hit:1|c\n")
    eventually(lambda: page("cache_lookups_total", "hit") == 1)
    broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    broken.close()  # with a reset
    other.sendall(b"hit:1|c\n")
    eventually(lambda: page("cache_lookups_total", "hit") == 2)
    assert page("source_up", "statsd") == 1
    assert page("source_failures_total", "statsd") == 0


def test_connections_beyond_the_most_are_ended_and_told(run, tcp, eventually, monkeypatch, caplog):
    monkeypatch.setattr(reader, "MOST_STREAMS", 2)
    page = run(source(f"tcp://{HOST}:0"))
    kept = [tcp(page), tcp(page)]
    for connection in kept:
        connection.sendall(b"hit:1|c\n")
    eventually(lambda: page("cache_lookups_total", "hit") == 2)
    with suppress(ConnectionError):
        assert tcp(page).recv(1) == b""
    assert "connections are 2 already, and further ones are ended at once" in caplog.text
    kept.pop().close()

    def taken():
        with suppress(OSError):
            tcp(page).sendall(b"hit:1|c\n")
        return page("cache_lookups_total", "hit") > 2

    eventually(taken)


def test_connection_that_cannot_be_accepted_stops_no_datagrams(
    run, tcp, udp, eventually, monkeypatch
):
    def none_left(_):
        raise OSError(errno.EMFILE, "Too many open files")

    page = run(source([f"udp://{HOST}:0", f"tcp://{HOST}:0"]))
    monkeypatch.setattr(sockets.Listener, "accept", none_left)
    tcp(page)
    eventually(lambda: page("source_up", "statsd") == 0)
    for n in range(3):
        udp.sendto(b"hit:1|c", page.exporter.statsd_endpoints[0].place)
        eventually(lambda count=n + 1: page("cache_lookups_total", "hit") == count)
    monkeypatch.undo()
    eventually(lambda: page("source_up", "statsd") == 1)


def test_port_that_is_taken_is_told_with_the_fix(run):
    page = run(source(f"{HOST}:0"))
    endpoint = page.exporter.statsd_endpoints[0]
    with pytest.raises(ExporterError) as raised:
        run(source([f"tcp://{HOST}:0", str(endpoint)]))
    assert str(raised.value) == (
        f"cannot listen for statsd on {endpoint} (Address already in use): "
        "stop what listens there, or choose another address"
    )


def test_ports_are_free_again_after_the_end(run, tcp):
    page = run(source([f"udp://{HOST}:0", f"tcp://{HOST}:0"]))
    tcp(page).sendall(b"hit:1|c\n")
    udp_at, tcp_at = (endpoint.place for endpoint in page.exporter.statsd_endpoints)
    page.exporter.__exit__(None, None, None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker:
        taker.bind(tuple(udp_at))
    socket.create_server(tuple(tcp_at)).close()


def test_ipv6_address_is_listened_on(run, eventually):
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    page = run(source("[::1]:0"))
    [endpoint] = page.exporter.statsd_endpoints
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hit:1|c", tuple(endpoint.place))
        eventually(lambda: page("cache_lookups_total", "hit") == 1)
    assert str(endpoint).startswith("udp://[::1]:")
