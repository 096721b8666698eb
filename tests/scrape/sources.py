"""What Prometheus scrapes in these tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

#: What Ray 2.60 showed after 100 calls of tests/ray_serve/serve_app.py, the series of Ray itself
#: left out but for a few.
RAY_SAMPLE = Path(__file__).with_name("ray-2.60.prom")


class _Pages(BaseHTTPRequestHandler):
    """Every path below /ray shows Ray's sample, every other one a page that names it."""

    def do_GET(self) -> None:
        page = f'asked{{path="{self.path}"}} 1\n'.encode()
        if self.path.startswith("/ray"):
            page = RAY_SAMPLE.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def pages() -> Iterator[str]:
    """Serve them; the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
