"""Many scraped instances on one address: the path says which one is asked."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from bench.exposition import Exposition

HOST = "127.0.0.1"


class Targets:
    """Answers /<extractor>/<number> with that instance's metrics; a context manager."""

    def __init__(self, exposition: Exposition):
        self._exposition = exposition

    def __enter__(self) -> "Targets":
        self._server = _Server((HOST, 0), _handler(self._exposition))
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{HOST}:{self._server.server_port}"


class _Server(ThreadingHTTPServer):
    # Prometheus opens a thousand connections within one scrape interval.
    request_queue_size = 1024
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a Prometheus that hung up: it ends while scrapes run."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(exposition: Exposition) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = exposition.page(self.path.split("/")[1])
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: Any) -> None:
            """Hundreds of scrapes a second are no news."""

    return Handler


def scrape_config(job: str, address: str, extractors: list[str], instances: int) -> dict[str, Any]:
    """A job that scrapes the instances, spread evenly over the extractors, from one address."""
    each = [f"{extractors[n % len(extractors)]}:{n}" for n in range(instances)]
    return {
        "job_name": job,
        "static_configs": [{"targets": each}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "instance"},
            {
                "source_labels": ["__address__"],
                "regex": "(.+):(.+)",
                "replacement": "/$1/$2",
                "target_label": "__metrics_path__",
            },
            {"replacement": address, "target_label": "__address__"},
        ],
    }
