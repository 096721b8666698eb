"""Keeping a measurement from hurting what it measures.

What runs inside a request never raises: a measurement that cannot be recorded is dropped, and
the first of each kind is logged.
"""

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import ParamSpec

P = ParamSpec("P")

logger = logging.getLogger(__name__)

#: No duration, size or depth is larger, and sums of smaller ones stay finite.
LARGEST = 1e15

_logged: set[str] = set()


def log_dropped(what: str) -> None:
    """Log a drop and the exception in hand, the first of *what* as a warning, later ones at DEBUG.

    A wrong call in the request path would flood the log otherwise. Never raises itself, whatever
    the handlers of the log do.
    """
    with suppress(Exception):
        traceback = sys.exception() is not None
        logger.log(_level(what), "measurement dropped by %s", what, exc_info=traceback)


def log_left_out(what: str, fix: str) -> None:
    """Log in one line what was left out because of the exception in hand, and the *fix*.

    As :func:`log_dropped`, the first of *what* as a warning.
    """
    error = sys.exception()
    with suppress(Exception):
        logger.log(_level(what), "%s: %s: %s; %s", what, type(error).__name__, error, fix)


def _level(what: str) -> int:
    level = logging.DEBUG if what in _logged else logging.WARNING
    _logged.add(what)
    return level


def never_raises(record: Callable[P, None]) -> Callable[P, None]:
    """Decorate a function that is called inside a request."""

    @wraps(record)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            record(*args, **kwargs)
        except Exception:
            log_dropped(record.__qualname__)

    return guarded


def amount(value: float) -> float:
    """Return *value* as a number from 0 to ``LARGEST``; raise ``ValueError`` if it is none.

    One NaN or infinity would spoil a histogram's sum for ever; a negative number looks like a
    restarted counter to Prometheus.
    """
    number = float(value)
    if not 0 <= number <= LARGEST:
        raise ValueError(f"must be a number from 0 to {LARGEST:g}, not {value!r}")
    return number
