"""What the intake is measured with is what Alertmanager sends, and what it counts is true."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

import pytest

from bench.deliveries import PATH, TOKEN, bodies, send
from bench.figures import BenchError
from featurewatch_receiver.deliveries.payload import parse


class Server(ThreadingHTTPServer):
    """Answers with `statuses` in turn, the last one for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        self.statuses = [200]
        self.taken: list[tuple[str, str, bytes]] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.path, self.headers["Authorization"], body))
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("size", [1, 50])
def test_no_two_deliveries_tell_of_the_same_alert(size: int) -> None:
    deliveries = [parse(body) for body in islice(bodies(size, "X"), 5)]
    alerts = [alert for delivery in deliveries for alert in delivery["alerts"]]
    assert len({alert["fingerprint"] for alert in alerts}) == 5 * size
    assert len({json.dumps(alert["labels"]) for alert in alerts}) == 5 * size


def test_every_delivery_is_sent_once_and_timed(server: Server) -> None:
    sent = send(server.server_port, bodies(1, "X"), lambda number, _: number <= 40)
    assert [(path, word) for path, word, _ in server.taken] == [(PATH, f"Bearer {TOKEN}")] * 40
    assert len({body for _, _, body in server.taken}) == 40
    assert (sent.statuses, len(sent.times)) == ({200: 40}, 40)
    assert sent.rate == pytest.approx(40 / sent.seconds)


def test_a_measurement_with_refusals_is_refused(server: Server) -> None:
    server.statuses = [200, 503, 200]
    sent = send(server.server_port, bodies(1, "X"), lambda number, _: number <= 20)
    assert sent.statuses == {200: 19, 503: 1}
    with pytest.raises(BenchError, match="all must be accepted"):
        sent.only_accepted()
