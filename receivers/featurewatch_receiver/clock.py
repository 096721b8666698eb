"""Time: the wall clock for records, the monotonic one for deadlines."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class Deadline:
    """A moment by which something must have ended; unmoved when the wall clock is set."""

    def __init__(self, seconds: float):
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self._end - time.monotonic()
