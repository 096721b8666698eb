"""Time: the wall clock for records, the monotonic one for deadlines."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

Clock = Callable[[], datetime]
# A machine's clock drifts by milliseconds within that.
COMPARE_SECONDS = 60.0


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class DatabaseClock:
    """PostgreSQL's time, so that processes on several machines agree.

    It is asked for once a minute; between, and while it is away, this machine's monotonic clock
    goes on from there.
    """

    def __init__(self, engine: Engine):
        self._engine = engine
        self._compared: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        """Return the time, in UTC.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database could never be asked.

        """
        compared = self._compared
        if compared is None or time.monotonic() - compared[1] >= COMPARE_SECONDS:
            compared = self._compare()
        moment, since = compared
        return moment + timedelta(seconds=time.monotonic() - since)

    def _compare(self) -> tuple[datetime, float]:
        try:
            with self._engine.connect() as connection:
                moment = connection.scalar(text("SELECT clock_timestamp()"))
                self._compared = moment.astimezone(UTC), time.monotonic()
        except SQLAlchemyError:
            if self._compared is None:
                raise
        return self._compared


class Deadline:
    """A moment by which something must have ended; unmoved when the wall clock is set."""

    def __init__(self, seconds: float):
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self._end - time.monotonic()
