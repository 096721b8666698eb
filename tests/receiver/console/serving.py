"""The console on a real port, a Prometheus that knows one course of values, and a browser."""

import contextlib
import json
import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import unpacked
from flask import Flask
from werkzeug.serving import make_server


@contextlib.contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve the application on a free port, and return its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Course(BaseHTTPRequestHandler):
    """Answers every query_range: a value that climbs beyond its threshold of 0.15, and wavers."""

    #: By how many seconds the last value is older than what was asked for.
    ends_before: float = 0

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = {name: values[0] for name, values in parse_qs(form).items()}
        data = _matrix(asked, self.ends_before)
        body = json.dumps({"status": "success", "data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _matrix(asked: dict[str, str], ends_before: float) -> dict[str, Any]:
    start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
    count = int((end - ends_before - start) / step) + 1
    flat = "threshold" in asked["query"]
    values = []
    for n in range(count):
        share = n / count
        climbed = 0.09 + 0.14 / (1 + math.exp(-14 * (share - 0.45)))
        values.append([start + n * step, str(0.15 if flat else climbed + 0.012 * math.sin(n / 2))])
    return {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}


@contextlib.contextmanager
def course_server(ends_before: float = 0) -> Iterator[str]:
    """Serve Prometheus's query_range on a free port, and return its address."""
    handler = type("Course", (Course,), {"ends_before": ends_before})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Start Debian's chromium, without the sandbox, which not every user and container may have."""
    from playwright.sync_api import sync_playwright

    program = unpacked.find("chromium", ".tools-chromium", "usr/lib/chromium/chromium")
    assert program, "no chromium; run `make servers` (Debian, Ubuntu), or put one on PATH"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=program.path,
            env=dict(program.environment),
            chromium_sandbox=False,
        )
        try:
            yield found
        finally:
            found.close()
