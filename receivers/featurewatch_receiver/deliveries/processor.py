"""Applies the deliveries of the inbox: episodes, alerts and decisions, in one transaction.

That transaction also deletes the rows, so each is applied exactly once, whatever dies when. One
processor of a database applies at a time. It gives way to deliveries that arrive, for a while: they
want the same processor and the same lock, and their senders wait.
"""

import threading
from datetime import datetime

from sqlalchemy.exc import InterfaceError, OperationalError

from featurewatch_receiver import logs
from featurewatch_receiver.core import Core
from featurewatch_receiver.deliveries import inbox
from featurewatch_receiver.deliveries.apply import Delivery, Receipt, accept, report
from featurewatch_receiver.deliveries.payload import parse
from featurewatch_receiver.logs import one_line
from featurewatch_receiver.loops import Duty, Loop
from featurewatch_receiver.store.database import lock
from featurewatch_receiver.store.queue import WorkQueue

# How often it looks for what other processes have stored.
LOOK_SECONDS = 0.5
#: How long the oldest delivery waits for those that arrive.
GIVE_WAY_SECONDS = 5.0
_GIVE_WAY_STEP_SECONDS = 0.02
# Alerts in one transaction: a delivery that arrives waits for its end.
_MOST_ALERTS = 200
#: How often a delivery that can't be applied is tried alone; more often when the database says so,
#: for that may pass.
ATTEMPTS = 2
DATABASE_ATTEMPTS = 20


class Processor:
    """Takes the oldest deliveries again and again."""

    def __init__(self, core: Core, queue: WorkQueue):
        self._core = core
        self._queue = queue
        self._stop = threading.Event()
        duty = Duty("inbox", self._look, core.metrics)
        self._loop = Loop("processor", [duty], LOOK_SECONDS, self._stop, wait=self._wait)
        self._turn = threading.Lock()
        #: How many of the next deliveries are tried alone.
        self._alone = 0
        #: How often the first one has failed alone, and which one that is.
        self._failures = 0
        self._failing: int | None = None

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def stop(self) -> None:
        """Leave the rest where it is."""
        self._stop.set()
        self._core.arrivals.came(0)
        self._loop.join()

    def _look(self) -> bool:
        """Apply what is there; True: there may be more, and nothing has failed."""
        return self._wait_for_turn() and self.step() and not self._failures

    def _wait(self, seconds: float) -> None:
        """After a failure those that arrive change nothing."""
        if self._failures:
            self._stop.wait(seconds)
        else:
            self._core.arrivals.wait(seconds)

    def _wait_for_turn(self) -> bool:
        """Wait while those that arrive go first; whether there is a delivery to be applied."""
        since = inbox.waiting_since(self._core)
        while since and not self._is_due(since):
            if self._stop.wait(_GIVE_WAY_STEP_SECONDS):
                return False
        return since is not None

    def _is_due(self, since: datetime) -> bool:
        # Either way: the clock may have been set back since it came.
        late = abs(self._core.now() - since).total_seconds() > GIVE_WAY_SECONDS
        return late or not self._core.arrivals.are_crowded()

    def step(self) -> bool:
        """Apply the next deliveries; whether there were any.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: they can't be looked for.

        """
        with self._turn:
            rows: list[inbox.Stored] = []
            try:
                deliveries, receipt = self._apply(rows)
            except Exception as error:
                if not rows:
                    raise
                self._failed(rows, error)
                return True
            self._alone = max(0, self._alone - 1)
            self._failures = 0
            report(self._core, deliveries, receipt)
            return bool(rows)

    def _apply(self, rows: list[inbox.Stored]) -> tuple[list[Delivery], Receipt]:
        """Apply what is found, and add it to `rows` before anything can go wrong with it."""
        with self._core.writer.begin() as connection:
            lock(connection, "inbox")
            rows += inbox.oldest(connection, 0 if self._alone else _MOST_ALERTS)
            found = [Delivery(webhook=parse(row.body), at=row.received_at) for row in rows]
            receipt = accept(self._core, self._queue, connection, found)
            inbox.remove(connection, rows)
        return found, receipt

    def _failed(self, rows: list[inbox.Stored], error: Exception) -> None:
        """Nothing of them was applied: try each alone, and set aside which is at fault."""
        if len(rows) > 1:
            self._alone = len(rows)
            return
        (row,) = rows
        self._failures = self._failures + 1 if row.id == self._failing else 1
        self._failing = row.id
        passing = isinstance(error, (OperationalError, InterfaceError))
        if self._failures < (DATABASE_ATTEMPTS if passing else ATTEMPTS):
            return
        with self._core.writer.begin() as connection:
            inbox.set_aside(connection, row, one_line(repr(error)))
        self._alone, self._failures = max(0, self._alone - 1), 0
        logs.trouble("delivery set aside", error, id=row.id)
