"""A Prometheus that answers instant queries on the real wire format, as a test says."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

Samples = list[float]


class StandInPrometheus(ThreadingHTTPServer):
    """Serves on the loopback interface, on a free port."""

    daemon_threads = True

    def __init__(self) -> None:
        #: Values by a piece of the query; the first piece that is in the query counts.
        self.values: dict[str, Samples | Callable[[], Samples]] = {}
        #: Status and body instead of an answer.
        self.trouble: tuple[int, bytes] | None = None
        self.queries: list[str] = []
        super().__init__(("127.0.0.1", 0), type("Bound", (Handler,), {"prometheus": self}))
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, query: str) -> bytes:
        """Prometheus's answer, as in its HTTP API's documentation."""
        self.queries.append(query)
        found = next((v for piece, v in self.values.items() if piece in query), [])
        samples = found() if callable(found) else found
        result = [
            {"metric": {"n": str(n)}, "value": [1.7e9, _text(v)]} for n, v in enumerate(samples)
        ]
        data = {"resultType": "vector", "result": result}
        return json.dumps({"status": "success", "data": data}).encode()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone is no news."""

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    prometheus: StandInPrometheus

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        body = self.prometheus.answer(parse_qs(form)["query"][0])
        status, body = self.prometheus.trouble or (200, body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _text(value: float) -> str:
    """Go writes NaN and +Inf where Python writes nan and inf."""
    return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}.get(str(value), str(value))
