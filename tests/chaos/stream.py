"""Senders that repeat each delivery until it is answered 200, and some of them once more."""

import random
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import requests
from receiver.in_process import AUTHORIZED
from receiver.payloads import Json, alert, payload

ALERTS = ("FeatureExtractionCacheHitRateLow", "FeatureExtractionLatencyCritical")
MOST_AT_ONCE = 3


def alert_of(name: str) -> str:
    """Which alert fires about an extractor: half of them want this, half that."""
    return ALERTS[int(name.rpartition("-")[2]) % len(ALERTS)]


def effect_of(action: str, name: str) -> str:
    """What the target writes down when it is done."""
    return f"clear {name}" if action == "clear_cache" else f"scale {name} 2"


class Stream:
    """A context manager: the senders of it run until its block ends."""

    def __init__(self, urls: Sequence[str], names: Sequence[str], seed: int, senders: int = 4):
        self._urls = urls
        self._began = datetime.now(UTC)
        self._stop = threading.Event()
        # Each sender has its own extractors: what it says of one comes in order.
        self._senders = [
            threading.Thread(target=self._run, args=(f"{seed}/{n}", names[n::senders]))
            for n in range(senders)
        ]
        self._lock = threading.Lock()
        #: Of whom an alert, or its end, was answered 200.
        self.fired: set[str] = set()
        self.ended: set[str] = set()
        self.posts = 0
        self.answered = 0
        #: How often the answer was 503.
        self.refused = 0

    def __enter__(self) -> "Stream":
        for sender in self._senders:
            sender.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for sender in self._senders:
            sender.join()

    def _run(self, seed: str, names: Sequence[str]) -> None:
        rng = random.Random(seed)  # noqa: S311
        new, told = list(names), list[str]()
        while not self._stop.wait(rng.uniform(0, 0.15)):
            draw = rng.random()
            if new and (draw < 0.4 or not told):
                some = [new.pop(0) for _ in range(min(len(new), rng.randint(1, MOST_AT_ONCE)))]
                if self._insist(rng, [self._alert(name) for name in some]):
                    told += some
                    self._note(self.fired, some)
            elif draw < 0.5:
                name = rng.choice(told)
                if self._insist(rng, [self._alert(name, end=datetime.now(UTC))]):
                    self._note(self.ended, [name])
            else:  # the whole group again, as Alertmanager does
                some = rng.sample(told, min(len(told), MOST_AT_ONCE))
                self._insist(rng, [self._alert(name) for name in some])

    def _alert(self, name: str, **times: Any) -> Json:
        return alert(alert_of(name), extractor=name, start=self._began, **times)

    def _insist(self, rng: random.Random, alerts: list[Json]) -> bool:
        """Send it to any receiver until one has answered 200; False at the end of the stream."""
        while not self._post(rng, alerts):
            if self._stop.wait(rng.uniform(0.05, 0.3)):
                return False
        return True

    def _post(self, rng: random.Random, alerts: list[Json]) -> bool:
        url = f"{rng.choice(self._urls)}/api/v1/webhook/alertmanager"
        code = 0
        with suppress(requests.RequestException):
            code = requests.post(
                url, json=payload(*alerts), headers=AUTHORIZED, timeout=15
            ).status_code
        assert code in (0, 200, 503), code
        with self._lock:
            self.posts += 1
            self.answered += code == 200
            self.refused += code == 503
        return code == 200

    def _note(self, names: set[str], some: list[str]) -> None:
        with self._lock:
            names |= set(some)
