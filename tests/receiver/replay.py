"""A server that repeats, in a given order, what a real server answered, and checks the requests.

A recording is a file of tests/recorded/: `request` (method, path, body) and `response` (status,
body, perhaps content_type). A request that differs from the recorded one is answered with 599
and fails the test at the end, as does a recording that nobody asked for.
"""

import dataclasses
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent.parent / "recorded"
#: Of a recording's `asked`: whatever the body is, it is right.
ANYTHING = object()
UNEXPECTED = 599


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request, and the answer to it."""

    name: str
    method: str
    #: With a query only when the query matters.
    path: str
    #: Body of the request as JSON; None for no body.
    asked: Any
    status: int
    #: Body of the answer; text is sent as it is, anything else as JSON.
    answer: Any
    content_type: str

    def but(self, **changes: Any) -> "Exchange":
        """The same with other values: what the recorded server would have said as well."""
        return dataclasses.replace(self, **changes)

    def fault(self, sent: "Sent") -> str | None:
        """In what the request differs from the recorded one."""
        path = sent.path if "?" in self.path else sent.path.partition("?")[0]
        if (sent.method, path) != (self.method, self.path):
            return f"{sent.method} {path} instead of {self.method} {self.path} ({self.name})"
        if self.asked is not ANYTHING and sent.body != self.asked:
            return f"{self.name}: the body is {sent.body!r} instead of {self.asked!r}"
        return None


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request as it came."""

    method: str
    path: str
    body: Any
    headers: Mapping[str, str]


def recorded(name: str) -> Exchange:
    """The recording of that name: "ray/get_running"."""
    exchange = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    request, response = exchange["request"], exchange["response"]
    text = isinstance(response["body"], str)
    return Exchange(
        name=name,
        method=request["method"],
        path=request["path"],
        asked=request["body"],
        status=response["status"],
        answer=response["body"],
        content_type=response.get("content_type")
        or ("text/plain; charset=utf-8" if text else "application/json"),
    )


@dataclass
class Script:
    """What is still to come, and what came."""

    exchanges: list[Exchange]
    sent: list[Sent] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, sent: Sent) -> Exchange:
        """The next recording, or one that tells of the fault."""
        with self.lock:
            self.sent.append(sent)
            fault = f"{sent.method} {sent.path}: nothing more was recorded"
            if self.exchanges:
                expected = self.exchanges.pop(0)
                if not (difference := expected.fault(sent)):
                    return expected
                fault = difference
            self.faults.append(fault)
            return Exchange(
                name="fault",
                method=sent.method,
                path=sent.path,
                asked=sent.body,
                status=UNEXPECTED,
                answer=fault,
                content_type="text/plain; charset=utf-8",
            )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        exchange = self.script.answer(
            Sent(
                method=self.command,
                path=self.path,
                body=json.loads(raw) if raw else None,
                headers=dict(self.headers),
            )
        )
        is_text = isinstance(exchange.answer, str)
        answer = (exchange.answer if is_text else json.dumps(exchange.answer)).encode()
        self.send_response(exchange.status)
        self.send_header("Content-Type", exchange.content_type)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815


class Replay:
    """A script and the address at which it is served."""

    def __init__(self, script: Script, url: str) -> None:
        self._script = script
        self.url = url

    @property
    def sent(self) -> list[Sent]:
        """Every request so far."""
        return self._script.sent

    def expect(self, *exchanges: Exchange | str) -> None:
        """Add exchanges, or names of recordings, to the end of the script."""
        made = [recorded(each) if isinstance(each, str) else each for each in exchanges]
        self._script.exchanges.extend(made)

    def forget(self) -> None:
        """Drop what is left of the script: nobody knows how often a test looks."""
        self._script.exchanges.clear()


@contextmanager
def replaying(*exchanges: Exchange | str) -> Iterator[Replay]:
    """Serve the exchanges on a free port of the loopback interface; fail at the end if they differ.

    Use it as `with replaying("ray/version") as server:`, or as a fixture with `expect` in tests.
    """
    script = Script([])
    handler = type("Bound", (_Handler,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        replay = Replay(script, f"http://127.0.0.1:{server.server_address[1]}")
        replay.expect(*exchanges)
        yield replay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert not script.faults, "\n".join(script.faults)
    left = [exchange.name for exchange in script.exchanges]
    assert not left, f"nobody asked for {left}"
