"""Waiting for what must come: one helper and one patience for all tests.

Nobody waits longer than it takes: the patience is spent only where something has gone wrong. It
is what a machine needs that is ten times slower than a laptop and has other work as well.
"""

import contextlib
import time
from collections.abc import Callable
from typing import TypeVar

#: For what takes moments on an idle machine: a server that starts, an alert that is sent.
PATIENCE_SECONDS = 150.0
#: For one answer of a server that runs, and for a command that ends by itself.
ANSWER_SECONDS = 60.0
_PAUSE_SECONDS = 0.02

Value = TypeVar("Value")


def eventually(
    ask: Callable[[], Value],
    seconds: float = PATIENCE_SECONDS,
    *,
    despite: tuple[type[Exception], ...] = (),
    what: str = "",
) -> Value:
    """Ask until the answer is truthy, and return it; an error of `despite` is no answer yet."""
    end = time.monotonic() + seconds
    while True:
        answer: object = None
        with contextlib.suppress(*despite):
            if found := ask():
                return found
            answer = found
        assert time.monotonic() < end, f"not within {seconds:g} s: {what} {answer!r}"
        time.sleep(_PAUSE_SECONDS)
