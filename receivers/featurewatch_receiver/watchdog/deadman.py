"""The dead man's switch: tells people itself when the Watchdog's heartbeat is missing.

Of several receivers on one database one looks; the others take over when it has not looked for
`LEASE`. What was told is stored when it has been told: a process that dies in between tells again.
"""

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from featurewatch_receiver import logs
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import TellError
from featurewatch_receiver.loops import Duty, Loop
from featurewatch_receiver.store.database import lock
from featurewatch_receiver.store.schema import watch, watch_told
from featurewatch_receiver.watchdog.tell import News, Tell, unusable, ways

LOOK_SECONDS = 15.0
WATCHDOG = "watchdog"
# Longer than one way of telling takes.
LEASE = timedelta(seconds=90)
# When nobody has looked for so long, nobody could have heard: the waiting begins anew.
GAP = timedelta(minutes=3)


@dataclass(frozen=True, kw_only=True)
class HeartbeatState:
    """What is known of the heartbeat."""

    #: When it last arrived.
    heard_at: datetime | None
    #: Since when somebody waits for it.
    since: datetime
    #: When each way was last used to tell that it is missing; without the ways that are not owed
    #: an end.
    told: Mapping[str, datetime]


@dataclass(frozen=True, kw_only=True)
class Due:
    """What is to be told now, and by which ways."""

    missing: bool
    ways: tuple[str, ...]


def heard(connection: Connection, now: datetime) -> None:
    """Remember that the heartbeat has arrived."""
    _row(connection)
    connection.execute(update(watch).where(watch.c.name == WATCHDOG).values(heard_at=now))


def last_heard(core: Core) -> float:
    """When the heartbeat last arrived at any receiver of this database, as a Unix time; 0: never.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database can't be read.

    """
    with core.reader.begin() as connection:
        moment = connection.scalar(select(watch.c.heard_at).where(watch.c.name == WATCHDOG))
    return moment.timestamp() if moment else 0.0


def decide(
    state: HeartbeatState,
    names: tuple[str, ...],
    now: datetime,
    timeout: timedelta,
    repeat: timedelta,
) -> Due | None:
    """What is due. Neither missing nor there is what has not been waited for long enough."""
    # Either way: the clock may have been set back since it came.
    if state.heard_at is not None and abs(now - state.heard_at) <= timeout:
        owed = tuple(name for name in names if name in state.told)
        return Due(missing=False, ways=owed) if owed else None
    if now - state.since <= timeout:
        return None
    owed = tuple(n for n in names if n not in state.told or now - state.told[n] >= repeat)
    return Due(missing=True, ways=owed) if owed else None


class DeadMansSwitch:
    """Looks whether the heartbeat has come, and tells when it has not."""

    def __init__(self, core: Core, found: Mapping[str, Tell] | None = None):
        self._core = core
        self._ways = dict(ways(core.config) if found is None else found)
        self._id = uuid.uuid4().hex
        self._failing: set[str] = set()
        for name in self._ways:
            core.metrics.watch_failures.labels(name)  # 0 before the first one, which counts

    def look(self) -> None:
        """Look once.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: nothing was looked at, or not all was noted.

        """
        state = self._take()
        if state is None:
            return
        now = self._core.now()
        settings = self._core.config.watchdog
        timeout, repeat = (
            timedelta(seconds=seconds(text)) for text in (settings.timeout, settings.repeat)
        )
        due = decide(state, tuple(self._ways), now, timeout, repeat)
        for name in due.ways if due else ():
            if due and self._take():  # again, since each way may take a while
                self._tell(name, due, state, now)

    def _take(self) -> HeartbeatState | None:
        with self._core.writer.begin() as connection:
            return _take_watch(connection, self._id, self._core.now())

    def _tell(self, name: str, due: Due, state: HeartbeatState, now: datetime) -> None:
        url = self._core.config.receiver.url
        news = News(missing=due.missing, source=url, heard_at=state.heard_at, at=now)
        try:
            self._ways[name](news)
        except TellError as error:
            self._core.metrics.watch_failures.labels(name).inc()
            if name not in self._failing:
                logs.trouble("watchdog can't be told", error, path=name)
            self._failing.add(name)
            return
        self._failing.discard(name)
        with self._core.writer.begin() as connection:
            _note(connection, name, now if due.missing else None)


def watching(core: Core, stop: threading.Event, pause: float = LOOK_SECONDS) -> Loop | None:
    """The loop that looks for the heartbeat; None while the switch is off."""
    if not core.config.watchdog.enabled:
        return None
    for name, error in unusable(core.config):  # rather now than when it is needed
        logs.trouble("watchdog can't be told", error, path=name)
    switch = DeadMansSwitch(core)
    return Loop("watcher", [Duty("watchdog", switch.look, core.metrics)], pause, stop)


def _take_watch(connection: Connection, who: str, now: datetime) -> HeartbeatState | None:
    """Keep or take over the watch; None while another process has it."""
    row = _row(connection)
    unwatched = abs(now - row.looked_at) if row.looked_at else None
    if unwatched is not None and row.looked_by != who and unwatched < LEASE:
        return None
    gap = unwatched is None or unwatched > GAP or row.since is None
    since = now if gap else row.since
    values = {"since": since, "looked_at": now, "looked_by": who}
    connection.execute(update(watch).where(watch.c.name == WATCHDOG).values(values))
    told = connection.execute(select(watch_told.c.path, watch_told.c.told_at))
    return HeartbeatState(
        heard_at=row.heard_at, since=since, told={row.path: row.told_at for row in told}
    )


def _row(connection: Connection) -> Row[Any]:
    """The row of the Watchdog, which is made when it is missing; locked until the end."""
    lock(connection, WATCHDOG)
    query = select(watch).where(watch.c.name == WATCHDOG)
    if (row := connection.execute(query).one_or_none()) is None:
        connection.execute(insert(watch).values(name=WATCHDOG))
        row = connection.execute(query).one()
    return row


def _note(connection: Connection, path: str, told_at: datetime | None) -> None:
    connection.execute(delete(watch_told).where(watch_told.c.path == path))
    if told_at:
        connection.execute(insert(watch_told).values(path=path, told_at=told_at))
