"""Lets deliveries that wait for the database share one transaction.

Whoever waits longest stores all that wait by then, its own delivery among them, and calls the next
one that waits. An answer is given only after the commit that covers the delivery.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from featurewatch_receiver.deliveries.inbox import Arrival
from featurewatch_receiver.errors import OverloadError

#: Deliveries that may wait for the database; the next one is refused.
MOST_WAITING = 24
#: How long one may wait for its turn.
PATIENCE_SECONDS = 4.0

Store = Callable[[Sequence[Arrival]], None]


@dataclass(eq=False)
class _Waiting:
    arrival: Arrival
    error: Exception | None = None
    #: It is this one's turn to store.
    leads: bool = False
    #: Set when it is done, and when it leads.
    called: threading.Event = field(default_factory=threading.Event)


class Batches:
    """Stores deliveries by `store`, which takes several and stores all of them or none."""

    def __init__(self, store: Store):
        self._store = store
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._led = False

    def take(self, arrival: Arrival) -> None:
        """Return when the delivery is on disk.

        Raises:
            OverloadError: too many wait, or it waited too long; it is not stored.
            sqlalchemy.exc.SQLAlchemyError: it is not stored.

        """
        mine = self._enter(arrival)
        if not mine.called.wait(PATIENCE_SECONDS):
            self._leave(mine)
            mine.called.wait()  # it is being stored now
        if mine.leads:
            self._lead()
        if mine.error:
            raise mine.error

    def _enter(self, arrival: Arrival) -> _Waiting:
        mine = _Waiting(arrival)
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                raise OverloadError(f"{MOST_WAITING} deliveries wait already")
            self._waiting.append(mine)
            if not self._led:
                self._call_first()
        return mine

    def _leave(self, mine: _Waiting) -> None:
        with self._lock:
            if mine in self._waiting and not mine.leads:
                self._waiting.remove(mine)
                raise OverloadError(f"the database was busy for {PATIENCE_SECONDS:g} s")

    def _call_first(self) -> None:
        """Let the one that waits longest lead; nobody does when none waits."""
        self._led = bool(self._waiting)
        if self._led:
            self._waiting[0].leads = True
            self._waiting[0].called.set()

    def _lead(self) -> None:
        """Store what waits, which begins with one's own delivery, and hand over."""
        with self._lock:
            batch, self._waiting = self._waiting, []
        error: Exception | None = None
        try:
            self._store([waiting.arrival for waiting in batch])
        except Exception as caught:
            error = caught
        for waiting in batch:
            waiting.error = error
            waiting.called.set()
        with self._lock:
            self._call_first()
