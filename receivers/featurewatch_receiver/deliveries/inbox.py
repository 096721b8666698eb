"""The deliveries that are on disk and not yet applied: what an answer of 200 promises.

A delivery is one row here before it is answered. `processor` makes episodes and decisions of the
rows, in their order, and deletes them.
"""

import threading
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, case, delete, func, insert, select, update

from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import OverloadError
from featurewatch_receiver.store.schema import inbox
from featurewatch_receiver.watchdog import deadman

#: How many deliveries, and bytes as they are stored, may wait; the next one is refused.
MOST_DELIVERIES = 10_000
MOST_BYTES = 64 * 1024 * 1024
# Counted so often: a little more may be stored meanwhile.
_COUNT_SECONDS = 0.25
# Deliveries that are looked at for one batch.
_MOST_ROWS = 200
_ZLIB_LEVEL = 1
# Smaller ones take longer to pack than to write.
_WORTH_PACKING_BYTES = 4096
# What zlib begins with, and no JSON does.
_PACKED = b"x"

_waits = inbox.c.fault.is_(None)
_insert = insert(inbox)  # made once: it is used for every delivery


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A delivery, found valid."""

    packed: bytes
    alerts: int
    is_heartbeat: bool


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A row."""

    id: int
    received_at: datetime
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What waits to be applied, and what was set aside."""

    deliveries: int
    bytes: int
    set_aside: int

    @property
    def is_full(self) -> bool:
        """Whether nothing more is taken."""
        return self.deliveries >= MOST_DELIVERIES or self.bytes >= MOST_BYTES


class Inbox:
    """The way in; `put` is called by one thread at a time."""

    def __init__(self, core: Core):
        self._core = core
        self._backlog: Backlog | None = None
        self._counted_at = 0.0

    def put(self, arrivals: Sequence[Arrival]) -> None:
        """Store all of them or none; they are on disk when it returns.

        Raises:
            OverloadError: too many wait to be applied.
            sqlalchemy.exc.SQLAlchemyError: nothing was stored.

        """
        if self._count().is_full:
            raise OverloadError("its inbox is full")
        now = self._core.now()
        with self._core.writer.begin() as connection:
            connection.execute(_insert, [_row(arrival, now) for arrival in arrivals])
            if any(arrival.is_heartbeat for arrival in arrivals):
                deadman.heard(connection, now)
        self._core.arrivals.came(len(arrivals))

    def _count(self) -> Backlog:
        now = time.monotonic()
        if self._backlog is None or now - self._counted_at >= _COUNT_SECONDS:
            self._backlog, self._counted_at = count(self._core), now
        return self._backlog


def packed(body: bytes) -> bytes:
    """A body as it is stored: alerts of a group repeat each other, and the disk is slow."""
    return zlib.compress(body, _ZLIB_LEVEL) if len(body) >= _WORTH_PACKING_BYTES else body


def _unpacked(body: bytes) -> bytes:
    return zlib.decompress(body) if body.startswith(_PACKED) else body


def _row(arrival: Arrival, now: datetime) -> dict[str, object]:
    return {
        "received_at": now,
        "alerts": arrival.alerts,
        "size": len(arrival.packed),
        "body": arrival.packed,
    }


def count(core: Core) -> Backlog:
    """Count what is there.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database can't be read.

    """
    aside = func.count(inbox.c.fault)
    numbers = select(func.count() - aside, func.sum(case((_waits, inbox.c.size))), aside)
    with core.reader.begin() as connection:
        deliveries, size, set_aside = connection.execute(numbers).one()
    return Backlog(deliveries=deliveries, bytes=size or 0, set_aside=set_aside)


def waiting_since(core: Core) -> datetime | None:
    """When the oldest of those that wait came; None when none waits.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database can't be read.

    """
    first = select(inbox.c.received_at).where(_waits).order_by(inbox.c.id).limit(1)
    with core.reader.begin() as connection:
        moment: datetime | None = connection.scalar(first)
    return moment


def oldest(connection: Connection, most_alerts: int) -> list[Stored]:
    """Read the deliveries whose turn it is: one, and more while they have no more alerts."""
    columns = inbox.c.id, inbox.c.alerts
    first = select(*columns).where(_waits).order_by(inbox.c.id).limit(_MOST_ROWS)
    ids: list[int] = []
    alerts = 0
    for row in connection.execute(first):
        alerts += row.alerts
        if ids and alerts > most_alerts:
            break
        ids.append(row.id)
    of_them = select(inbox.c.id, inbox.c.received_at, inbox.c.body).where(inbox.c.id.in_(ids))
    rows = connection.execute(of_them.order_by(inbox.c.id)) if ids else ()
    return [
        Stored(id=row.id, received_at=row.received_at, body=_unpacked(row.body)) for row in rows
    ]


def remove(connection: Connection, rows: Sequence[Stored]) -> None:
    """Delete what was applied."""
    connection.execute(delete(inbox).where(inbox.c.id.in_([row.id for row in rows])))


def set_aside(connection: Connection, row: Stored, fault: str) -> None:
    """Keep a delivery that can't be applied, so that the others get their turn."""
    connection.execute(update(inbox).where(inbox.c.id == row.id).values(fault=fault))


#: Deliveries that may wait for the database; the next one is refused. As many have a thread.
MOST_WAITING = 56
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
