"""Lets deliveries that wait for the database share one transaction.

Whoever gets the turn stores what waits by then, its own delivery among it; the others find theirs
done when their turn comes. An answer is given only after the commit that covers the delivery.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from featurewatch_receiver.errors import OverloadError
from featurewatch_receiver.intake import Receipt
from featurewatch_receiver.payload import Webhook

#: Deliveries that may wait for the database; the next one is refused.
MOST_WAITING = 24
#: How long one may wait for its turn.
PATIENCE_SECONDS = 4.0
#: Alerts in one transaction: what lasts longer keeps the worker from writing.
_MOST_ALERTS = 500

Store = Callable[[Sequence[Webhook]], Sequence[Receipt]]


@dataclass(eq=False)
class _Waiting:
    webhook: Webhook
    receipt: Receipt | None = None
    error: Exception | None = None

    @property
    def done(self) -> bool:
        return self.receipt is not None or self.error is not None


class Batches:
    """Stores deliveries by `store`, which takes several and stores all of them or none."""

    def __init__(self, store: Store):
        self._store = store
        self._waiting: deque[_Waiting] = deque()
        self._queue = threading.Lock()
        self._turn = threading.Lock()

    def take(self, webhook: Webhook) -> Receipt:
        """Return when the delivery is on disk.

        Raises:
            OverloadError: too many wait, or it waited too long; it is not stored.
            sqlalchemy.exc.SQLAlchemyError: it is not stored.

        """
        mine = self._enter(webhook)
        if not self._turn.acquire(timeout=PATIENCE_SECONDS):
            self._leave(mine)
            self._turn.acquire()  # it is being stored now
        try:
            while not mine.done:
                self._store_batch(self._next_batch())
        finally:
            self._turn.release()
        if mine.error:
            raise mine.error
        assert mine.receipt is not None  # noqa: S101  # it is done, and has no error
        return mine.receipt

    def _enter(self, webhook: Webhook) -> _Waiting:
        mine = _Waiting(webhook)
        with self._queue:
            if len(self._waiting) >= MOST_WAITING:
                raise OverloadError(f"{MOST_WAITING} deliveries wait already")
            self._waiting.append(mine)
        return mine

    def _leave(self, mine: _Waiting) -> None:
        with self._queue:
            if mine in self._waiting:
                self._waiting.remove(mine)
                raise OverloadError(f"the database was busy for {PATIENCE_SECONDS:g} s")

    def _next_batch(self) -> list[_Waiting]:
        with self._queue:
            batch = [self._waiting.popleft()]
            alerts = len(batch[0].webhook.alerts)
            while self._waiting:
                alerts += len(self._waiting[0].webhook.alerts)
                if alerts > _MOST_ALERTS:
                    break
                batch.append(self._waiting.popleft())
            return batch

    def _store_batch(self, batch: list[_Waiting]) -> None:
        try:
            receipts = self._store([waiting.webhook for waiting in batch])
        except Exception as error:
            if len(batch) == 1 or isinstance(error, (OperationalError, PoolTimeoutError)):
                for waiting in batch:
                    waiting.error = error
                return
            for waiting in batch:  # one of them is at fault, and must not take the others with it
                self._store_batch([waiting])
        else:
            for waiting, receipt in zip(batch, receipts, strict=True):
                waiting.receipt = receipt
