"""Executor slots: the names under which processes work, so that the work of a dead one is found.

A process claims a numbered slot by a lock that ends with it. What the engine says is in progress
under a slot that nobody has locked is left over from a process that ended, and may be handed to
the living.
"""

import fcntl
import os
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver.errors import SlotError
from featurewatch_receiver.store.database import (
    SLOT_LOCKS,
    file_of,
    is_sqlite,
    open_session,
    which_file,
)
from featurewatch_receiver.store.queue import Workflows

_PREFIX = "slot-"
# More processes than anyone runs.
MOST = 1000


class Locks(Protocol):
    """Locks by number. They end with the process, however it ends."""

    def take(self, number: int) -> bool:
        """Take a lock that nobody has; False if somebody has it."""

    def release(self, number: int) -> None:
        """Give one back."""

    def holds(self, number: int) -> bool:
        """Whether it is still held by this process."""

    def close(self) -> None:
        """Give all back."""


class FileLocks:
    """Locks on files beside an SQLite database. They are of no use without it."""

    def __init__(self, url: str):
        self._file = file_of(url)
        self._database = which_file(self._file)
        if self._database is None:
            raise SlotError(f"receiver.database: {url} is gone; bring its file back")
        self._files: dict[int, int] = {}

    def take(self, number: int) -> bool:
        """Take a lock that nobody has; False if somebody has it."""
        file = os.open(self._path(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._files[number] = file
        return True

    def release(self, number: int) -> None:
        """Give one back."""
        os.close(self._files.pop(number))

    def holds(self, number: int) -> bool:
        """Whether this file and the database are still the same, and not made since."""
        if which_file(self._file) != self._database:
            return False
        try:
            return os.path.samestat(os.fstat(self._files[number]), self._path(number).stat())
        except OSError:
            return False

    def close(self) -> None:
        """Give all back."""
        for number in list(self._files):
            self.release(number)

    def _path(self, number: int) -> Path:
        return Path(f"{self._file}.{_PREFIX}{number}")


class SessionLocks:
    """Advisory locks of a PostgreSQL session, on a connection of its own."""

    _HELD = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND pid = pg_backend_pid() AND classid = :space AND objid = :number"
    )

    def __init__(self, url: str):
        self._engine = open_session(url)
        self._session: Connection | None = None

    def take(self, number: int) -> bool:
        """Take a lock that nobody has; False if somebody has it."""
        if self._session is None:
            self._session = self._engine.connect()
        return bool(self._ask(text("SELECT pg_try_advisory_lock(:space, :number)"), number))

    def release(self, number: int) -> None:
        """Give one back."""
        self._ask(text("SELECT pg_advisory_unlock(:space, :number)"), number)

    def holds(self, number: int) -> bool:
        """Whether the session still lives, and has the lock."""
        try:
            return bool(self._ask(self._HELD, number))
        except SQLAlchemyError:
            return False

    def close(self) -> None:
        """End the session, and its locks with it."""
        if self._session is not None:
            self._session.invalidate()  # closes it, where close() would keep it in the pool
            self._session.close()
            self._session = None
        self._engine.dispose()

    def _ask(self, question: object, number: int) -> object:
        assert self._session is not None  # noqa: S101  # it is opened by the first take
        return self._session.scalar(question, {"space": SLOT_LOCKS, "number": number})  # type: ignore[call-overload]


class Slot:
    """The slot of this process, and the way to the work that the dead left in theirs."""

    def __init__(self, url: str, workflows: Workflows):
        """Claim the first slot that is free.

        Raises:
            SlotError: there is none, or no database.
            sqlalchemy.exc.SQLAlchemyError: the database can't be asked.

        """
        self._locks: Locks = FileLocks(url) if is_sqlite(url) else SessionLocks(url)
        self._workflows = workflows
        try:
            self.number = self._claim()
        except BaseException:
            self._locks.close()
            raise

    @property
    def name(self) -> str:
        """What the engine knows this process by."""
        return f"{_PREFIX}{self.number}"

    def is_held(self) -> bool:
        """Whether the slot is still this process's."""
        return self._locks.holds(self.number)

    def take_over(self) -> list[str]:
        """Queue again what is in progress under slots of the dead; return the workflows' ids."""
        left: list[str] = []
        for executor in self._workflows.executors():
            number = _number(executor)
            if number == self.number or not self._locks.take(number):
                continue
            try:  # asked anew under the lock: its owner may have just ended well
                left += self._workflows.queue_again(executor)
            finally:
                self._locks.release(number)
        return left

    def release(self) -> None:
        """Give the slot back; only when nothing runs any more."""
        self._locks.close()

    def _claim(self) -> int:
        for number in range(1, MOST):
            if self._locks.take(number):
                return number
        raise SlotError(f"receiver.database: all {MOST - 1} executor slots are taken; stop some")


def _number(executor: str) -> int:
    """The number in a slot's name; 0, which nobody claims, for a name that is no slot's."""
    digits = executor.removeprefix(_PREFIX)
    return int(digits) if digits.isdecimal() else 0
