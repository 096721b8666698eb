"""What those who take deliveries in tell the processor of the same process."""

import threading
import time

# Deliveries that met so long ago say that more are coming.
_CROWDED_SECONDS = 0.25


class Arrivals:
    """Wakes the processor, and tells it whether deliveries wait for one another."""

    def __init__(self) -> None:
        self._came = threading.Event()
        self._crowded_until = 0.0

    def came(self, number: int) -> None:
        """So many were stored at once; 0 only wakes."""
        if number > 1:
            self._crowded_until = time.monotonic() + _CROWDED_SECONDS
        self._came.set()

    def wait(self, seconds: float) -> None:
        """Wait until some came since the last time, and no longer than that."""
        self._came.wait(seconds)
        self._came.clear()

    def are_crowded(self) -> bool:
        """Whether several came at once a moment ago."""
        return time.monotonic() < self._crowded_until
