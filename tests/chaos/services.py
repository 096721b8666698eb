"""Many targets behind one admin API, each change counted; and an API that misbehaves at random."""

import contextlib
import itertools
import json
import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from receiver.target import Target

#: Between two bytes of a header that drips.
DRIP_SECONDS = 0.1


@dataclass
class Services(Target):
    """A deployment of one replica and a full cache under each name that is asked for."""

    numbers: dict[str, int] = field(default_factory=dict)
    #: Of each Idempotency-Key, how many requests there were.
    tellings: Counter[str] = field(default_factory=Counter)

    def answer(self, method: str, path: str, body: Any, key: str) -> tuple[int, dict[str, Any]]:
        match (method, path.removeprefix("/admin").strip("/").split("/")):
            case ("GET", ["deployments", name]):
                return 200, self._show(name)
            case ("PUT", ["deployments", name]):
                return self._set(name, body)
            case ("POST", ["caches", name, "clear"]):
                return 200, self._empty(name, key)
        return 404, {"error": "nothing here"}

    def _show(self, name: str) -> dict[str, Any]:
        number = self.numbers.get(name, 1)
        return {"name": name, "replicas": number, "ready_replicas": number, "generation": 1}

    def _set(self, name: str, body: Any) -> tuple[int, dict[str, Any]]:
        if body["expected_replicas"] != self.numbers.get(name, 1):
            return 409, {"error": f"there are {self.numbers.get(name, 1)} replicas"}
        self.numbers[name] = body["replicas"]
        self.effects.append(f"scale {name} {body['replicas']}")
        return 200, self._show(name)

    def _empty(self, name: str, key: str) -> dict[str, int]:
        self.tellings[key] += 1
        if key not in self.keys:
            self.keys[key] = {"cleared": self.cached}
            self.effects.append(f"clear {name}")
        return self.keys[key]


@dataclass
class Moody(Services):
    """Answers well every other time, and else in one of its moods, each as often as the others."""

    moods: tuple[str, ...] = ("slow",)
    chance: random.Random = field(default_factory=random.Random)
    coming: list[str] = field(default_factory=list)
    #: Seconds from a change to its answer, when it is slow.
    slowness: float = 0.5
    #: How often each mood was had.
    had: Counter[str] = field(default_factory=Counter)
    gone: threading.Event = field(default_factory=threading.Event)

    def mood(self) -> str:
        with self.lock:
            if not self.coming:
                self.coming = [*self.moods, *("well",) * len(self.moods)]
                self.chance.shuffle(self.coming)
            self.had[self.coming[-1]] += 1
            return self.coming.pop()


class MoodyHandler(BaseHTTPRequestHandler):
    """One request, carried out or not, and answered well or not."""

    protocol_version = "HTTP/1.1"
    target: Moody

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        mood = self.target.mood()
        status, answer = 500, b'{"error": "broken"}'
        if mood not in ("error", "silent", "drip"):
            with self.target.lock:
                key = self.headers.get("Idempotency-Key", "")
                body = json.loads(raw) if raw else None
                status, value = self.target.answer(self.command, self.path, body, key)
            answer = json.dumps(value).encode()
        self._speak(mood, status, answer)

    def _speak(self, mood: str, status: int, answer: bytes) -> None:
        if mood == "slow":
            self.target.gone.wait(self.target.slowness)
        if mood in ("drip", "drip after"):
            self._drip()
        if mood in ("silent", "silent after", "drip", "drip after"):
            self.close_connection = True
            return
        if mood == "error after":
            status, answer = 500, b"<html>"
        if mood == "garbage":
            answer = b'{"name": 7, "replicas": "many"}'
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer[: len(answer) // 2] if mood == "half" else answer)
        self.close_connection = self.close_connection or mood == "half"

    def _drip(self) -> None:
        """Send a header byte by byte, that has no end, to whoever still takes it."""
        header = itertools.chain(b"HTTP/1.1 200 OK\r\nX-Slow: ", itertools.repeat(ord("y")))
        with contextlib.suppress(OSError):
            for byte in header:
                self.wfile.write(bytes([byte]))
                if self.target.gone.wait(DRIP_SECONDS):
                    return

    do_GET = do_PUT = do_POST = _serve  # noqa: N815
