"""A target that speaks docs/http-backend.md, counts what is done to it, and can misbehave."""

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Target:
    """One deployment and one cache, as they are now."""

    replicas: int = 1
    ready_replicas: int = 1
    cached: int = 12
    #: Every change that was carried out, in order.
    effects: list[str] = field(default_factory=list)
    #: Every request: method, path, body, headers.
    requests: list[tuple[str, str, Any, dict[str, str]]] = field(default_factory=list)
    #: Seconds before each answer.
    delay: float = 0
    #: Sent instead of the answer, once for each entry: status and body.
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    #: So many requests are carried out, and then cut off without an answer.
    cuts: int = 0
    #: New replicas become ready at once.
    ready_at_once: bool = True
    #: The body comes byte by byte, with this pause.
    drip: float = 0
    keys: dict[str, dict[str, int]] = field(default_factory=dict)
    running: int = 0
    most_running: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, path: str, body: Any, key: str) -> tuple[int, dict[str, Any]]:
        match (method, path.removeprefix("/admin").strip("/").split("/")):
            case ("GET", ["deployments", name]):
                return 200, self._deployment(name)
            case ("PUT", ["deployments", name]):
                return self._scale(name, body)
            case ("POST", ["caches", _, "clear"]):
                return 200, self._clear(key)
        return 404, {"error": "nothing here"}

    def _deployment(self, name: str) -> dict[str, Any]:
        numbers = {"replicas": self.replicas, "ready_replicas": self.ready_replicas}
        return {"name": name, **numbers, "generation": 1}

    def _scale(self, name: str, body: Any) -> tuple[int, dict[str, Any]]:
        if body["expected_replicas"] != self.replicas:
            return 409, {"error": f"there are {self.replicas} replicas"}
        self.replicas = body["replicas"]
        self.effects.append(f"scale {self.replicas}")
        if self.ready_at_once:
            self.ready_replicas = self.replicas
        return 200, self._deployment(name)

    def _clear(self, key: str) -> dict[str, int]:
        if key not in self.keys:
            self.keys[key] = {"cleared": self.cached}
            self.effects.append("clear")
            self.cached = 0
        return self.keys[key]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: Target

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        target = self.target
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(raw) if raw else None
        with target.lock:
            target.running += 1
            target.most_running = max(target.most_running, target.running)
        time.sleep(target.delay)
        with target.lock:
            target.running -= 1
            target.requests.append((self.command, self.path, body, dict(self.headers)))
            key = self.headers.get("Idempotency-Key", "")
            status, answer = 0, b""
            if target.answers:
                status, answer = target.answers.pop(0)
            else:
                status, value = target.answer(self.command, self.path, body, key)
                answer = json.dumps(value).encode()
        if target.cuts:
            target.cuts -= 1
            self.close_connection = True
            return
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/admin/deployments/elsewhere")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self._write(answer)

    def _write(self, answer: bytes) -> None:
        try:
            if not self.target.drip:
                self.wfile.write(answer)
                return
            for byte in answer:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(self.target.drip)
        except OSError:
            pass  # the receiver has given up, as it should

    do_GET = do_PUT = do_POST = _serve  # noqa: N815


class TargetServer(ThreadingHTTPServer):
    """Serves a target on the loopback interface, by default on a free port."""

    daemon_threads = True

    def __init__(
        self, target: Target, port: int = 0, handler: type[BaseHTTPRequestHandler] = Handler
    ) -> None:
        super().__init__(("127.0.0.1", port), type("Bound", (handler,), {"target": target}))
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/admin"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone is no news."""

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join()
