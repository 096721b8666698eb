"""What of Alertmanager's memory is on disk: it is written now and then, and at the end."""

from typing import Generic, TypeVar

#: Seconds between the writings (--data.maintenance-interval).
MAINTENANCE_SECONDS = 900.0

Memory = TypeVar("Memory")


class Disk(Generic[Memory]):
    """The state at the last writing since the start."""

    def __init__(self, started: float, memory: Memory) -> None:
        self._started = self.written_at = started
        self.kept = memory

    def keep(self, memory: Memory, now: float) -> bool:
        """Write the memory, which has not changed since the last moment to write, if there was one.

        Whether there was one since it was last asked.
        """
        last = now - (now - self._started) % MAINTENANCE_SECONDS
        due = last > self.written_at
        if due:
            self.written_at, self.kept = last, memory
        return due
