"""An open-loop load generator: ``python -m feature_server.load --url URL``.

Open loop: requests leave at their time, whether or not earlier ones have been answered, as those
of many independent users would. A slow server therefore meets the same load, not less.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from feature_server.lifetime import until_stopped
from feature_server.options import Parser, positive, zero_or_more

_MEAN_AGE = 12  # windows; younger ones are asked for more often
_IN_FLIGHT = 64  # requests; what can't leave in time beyond them is counted as dropped
_TIMEOUT = 5.0  # seconds


class Load:
    """Asks for windows at a mean rate, and remembers what came back."""

    def __init__(self, url: str, rate: float) -> None:
        self._url = url.rstrip("/")
        self._rate = rate
        self._windows = range(0)
        self._slots = threading.BoundedSemaphore(_IN_FLIGHT)
        self._lock = threading.Lock()
        self._seconds: list[float] = []
        self._outcomes: Counter[str] = Counter()

    def run(self, seconds: float, wait: Callable[[float], bool]) -> None:
        """Send until `seconds` have passed or `wait` says that it is time to end."""
        start = due = refresh = time.monotonic()
        with ThreadPoolExecutor(_IN_FLIGHT) as threads:
            while due < start + seconds and not wait(max(0.0, due - time.monotonic())):
                if due >= refresh:
                    threads.submit(self._refresh)
                    refresh = due + 0.5
                if self._windows:
                    self._send(threads)
                due += random.expovariate(self._rate)

    def summary(self) -> dict[str, Any]:
        """Counts by outcome, and the latency quantiles in milliseconds."""
        with self._lock:
            ordered = sorted(self._seconds)
            outcomes = dict(sorted(self._outcomes.items()))
        ranks = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
        quantiles = {
            name: round(1000 * ordered[int(rank * len(ordered))], 1) if ordered else None
            for name, rank in ranks.items()
        }
        return {"requests": len(ordered), **quantiles, "outcomes": outcomes}

    def _send(self, threads: ThreadPoolExecutor) -> None:
        if self._slots.acquire(blocking=False):
            threads.submit(self._ask, self._choose())
        else:
            self._note("dropped")

    def _choose(self) -> int:
        """A window, the younger the likelier, and none that is about to leave."""
        windows = self._windows
        age = int(random.expovariate(1 / _MEAN_AGE))
        return windows[-1 - age % max(1, len(windows) - 2)]

    def _ask(self, window: int) -> None:
        started = time.monotonic()
        try:
            outcome = str(self._get(f"/features?window={window}")["source"])
        except urllib.error.HTTPError as error:
            outcome = f"http_{error.code}"
            error.close()
        except (OSError, ValueError, KeyError):
            outcome = "unreachable"
        finally:
            self._slots.release()
        self._note(outcome, time.monotonic() - started)

    def _refresh(self) -> None:
        try:
            kept = self._get("/windows")
            self._windows = range(kept["first"], kept["last"] + 1)
        except (OSError, ValueError, KeyError):
            self._note("unreachable")

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self._url + path, timeout=_TIMEOUT) as reply:  # noqa: S310
            return json.load(reply)

    def _note(self, outcome: str, seconds: float | None = None) -> None:
        with self._lock:
            self._outcomes[outcome] += 1
            if seconds is not None:
                self._seconds.append(seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate load until told to stop; then print one JSON line about it."""
    options = _parser().parse_args(arguments)
    wait = until_stopped(exit_with_parent=options.exit_with_parent)
    load = Load(options.url, options.rate)
    load.run(options.seconds or math.inf, wait)
    print(json.dumps(load.summary()), flush=True)
    return 0


def _parser() -> Parser:
    parser = Parser(
        "feature_server.load", "Ask a feature server for windows, the younger ones more often."
    )
    add = parser.add_argument
    add("--url", type=_url, required=True, help="the feature server's url")
    add("--rate", type=positive, default=60.0, help="mean requests a second")
    add("--seconds", type=zero_or_more, default=0.0, help="how long; 0 means until terminated")
    add("--exit-with-parent", action="store_true", help="end when the starting process ends")
    return parser


def _url(word: str) -> str:
    if word.startswith(("http://", "https://")):
        return word
    raise argparse.ArgumentTypeError(f"{word!r} doesn't begin with http:// or https://")


if __name__ == "__main__":
    sys.exit(main())
