"""What is in the database when all is over."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Row, func, select, text
from waiting import eventually

from featurewatch_receiver.states import OPEN, State
from featurewatch_receiver.store.database import is_sqlite, open_reader
from featurewatch_receiver.store.schema import episodes, inbox, remediations


class Aftermath:
    """Looks without a receiver."""

    def __init__(self, url: str) -> None:
        self._url = url

    def wait_until_quiet(self) -> None:
        """Everything was applied and has ended, for the engine too."""
        eventually(lambda: self._unfinished() == (0, 0, 0))

    def _unfinished(self) -> tuple[int, int, int]:
        place = "" if is_sqlite(self._url) else "dbos."
        unended = f"SELECT count(*) FROM {place}workflow_status WHERE status <> 'SUCCESS'"  # noqa: S608
        with self._read() as connection:
            waits = connection.scalar(select(func.count()).select_from(inbox)) or 0
            going_on = select(func.count()).where(remediations.c.state.in_(OPEN))
            runs = connection.scalar(going_on) or 0
            return waits, runs, connection.scalar(text(unended)) or 0

    def episodes(self) -> list[Row[Any]]:
        with self._read() as connection:
            return list(connection.execute(select(episodes)))

    def extractors(self) -> set[str]:
        return {row.extractor for row in self.episodes()}

    def done(self) -> list[Row[Any]]:
        """Remediations that brought their target to where they wanted it."""
        return [row for row in self.remediations() if row.state == State.DONE]

    def remediations(self) -> list[Row[Any]]:
        with self._read() as connection:
            return list(connection.execute(select(remediations)))

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        engine = open_reader(self._url)
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()
