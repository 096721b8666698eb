"""What holds on SQLite holds on PostgreSQL: the same tests, with their fixtures from here."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import JSON, Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from waiting import eventually

from featurewatch_receiver.access.token_files import read_tokens
from featurewatch_receiver.clock import DatabaseClock, utc_now
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.core import open_core
from featurewatch_receiver.history.retention import delete_old
from featurewatch_receiver.store import database as database_module
from featurewatch_receiver.store import schema
from featurewatch_receiver.store.database import open_reader, open_writer
from featurewatch_receiver.store.migrate import migrate
from featurewatch_receiver.store.queue import Workflows
from receiver.automation.test_remediator import *  # noqa: F403
from receiver.deliveries.test_episodes import *  # noqa: F403
from receiver.in_process import Clock, Receiver
from receiver.payloads import Json, alert, at
from receiver.postgres import Server, name_of
from receiver.web.test_webhook import *  # noqa: F403


@pytest.fixture(scope="module")
def blank_postgresql(postgresql: Server) -> str:
    """A database with every table, to be copied by each test."""
    url = postgresql.create()
    migrate(url)
    return url


@pytest.fixture
def database(postgresql: Server, blank_postgresql: str) -> Iterator[str]:
    url = postgresql.create(name_of(blank_postgresql))
    # The tests of SQLite name the engine's tables without their schema.
    postgresql.execute(f"ALTER DATABASE {name_of(url)} SET search_path = public, dbos")
    yield url
    postgresql.drop(url)


@pytest.fixture
def make_receiver(settings: Json, database: str) -> Iterator[Callable[[], Receiver]]:
    """The one of conftest.py, on PostgreSQL."""
    settings["receiver"]["database"] = database
    made: list[Receiver] = []

    def make() -> Receiver:
        config = ReceiverConfig.model_validate(settings)
        clock = Clock()
        made.append(Receiver(open_core(config, read_tokens(config), clock), clock))
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()
    # One of the engine's threads would try for ever to reach a database that is dropped.
    eventually(lambda: not any(t.name.startswith("dbos-") for t in threading.enumerate()))


def test_writers_take_turns_also_when_they_are_strangers(database: str) -> None:
    """Each reads the highest level and stores one more; with a race two would store the same."""
    engines = [open_writer(database) for _ in range(4)]
    columns = schema.alerts.c

    def add(number: int) -> None:
        with engines[number % 4].begin() as connection:
            highest = connection.scalar(select(func.max(columns.level))) or 0
            time.sleep(0.005)
            row = {"episode_id": "e", "fingerprint": str(number), "starts_at": at(0)}
            connection.execute(insert(schema.alerts), row | {"level": highest + 1})

    with engines[0].begin() as connection:
        row: Json = dict.fromkeys(("id", "identity", "alertname"), "e")
        row |= {"labels": {}, "annotations": {}, "escalation_level": 1, "started_at": at(0)}
        connection.execute(insert(schema.episodes), row)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(40)))
    with engines[0].begin() as connection:
        assert sorted(connection.scalars(select(columns.level))) == list(range(1, 41))
    for engine in engines:
        engine.dispose()


def test_readers_can_not_write(database: str) -> None:
    reader = open_reader(database)
    with pytest.raises(SQLAlchemyError, match="read-only"), reader.begin() as connection:
        connection.execute(schema.episodes.delete())
    reader.dispose()


def test_a_writer_that_falls_silent_is_thrown_out(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine may have vanished in mid-transaction, with the lock that all wait for."""
    quick = ("idle_in_transaction_session_timeout=300",)
    monkeypatch.setattr(database_module, "_SERVER", (*database_module._SERVER, *quick))
    silent, other = open_writer(database), open_writer(database)
    held = silent.connect()
    held.execute(text("SELECT 1"))
    with other.begin() as connection:  # it waits for up to 2 s, which is longer
        assert connection.scalar(text("SELECT 1")) == 1
    with pytest.raises(DBAPIError, match="idle-in-transaction"):
        held.execute(text("SELECT 1"))
    held.close()
    silent.dispose()
    other.dispose()


def test_the_time_is_the_servers_and_goes_on_without_it(
    postgresql: Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = open_reader(database)
    clock = DatabaseClock(reader)
    assert abs(clock() - utc_now()) < timedelta(seconds=5)
    monkeypatch.setattr("featurewatch_receiver.clock.COMPARE_SECONDS", 0)
    before = clock()
    postgresql.stop()
    try:
        assert before < clock() < before + timedelta(seconds=30)
    finally:
        postgresql.start()
    reader.dispose()


def test_nothing_of_a_finished_episode_is_kept_for_ever(
    working: Receiver, postgresql: Server
) -> None:
    working.deliver(alert("FeatureExtractionCacheHitRateLow"))
    working.finished()
    working.deliver(alert("FeatureExtractionCacheHitRateLow", end=at(30)))
    with working.core.writer.begin() as connection:
        for table in (schema.remediations, schema.leases, schema.audit):
            connection.execute(insert(table), _minimal(table))
    workflows = Workflows(working.core.writer)
    eventually(lambda: not workflows.executors())  # the engine, too, has noted the end
    working.clock.now = utc_now() + timedelta(days=31)
    assert delete_old(working.core, workflows) == 1
    counts = _rows(working)
    kept = {name for name, count in counts.items() if count}
    # One row each: the revision, the engine's revision, its queue and its version.
    assert kept <= {"alembic_version", "dbos_migrations", "queues", "application_versions"}, counts


def _minimal(table: Table) -> Json:
    """A row of something that ended, and belongs to no episode."""
    ended = {"finished_at": at(0), "ended_at": at(0)}
    row: Json = {name: moment for name, moment in ended.items() if name in table.c}
    for column in table.c:
        if not column.nullable and column.name not in row:
            row[column.name] = _any_value(column.type)
    return row


def _any_value(kind: Any) -> Any:
    if isinstance(kind, schema.UtcTime):
        return at(0)
    return {} if isinstance(kind, JSON) else kind.python_type(1)


def _rows(receiver: Receiver) -> dict[str, Any]:
    named = text(
        "SELECT table_schema, table_name FROM information_schema.tables"
        " WHERE table_schema IN ('public', 'dbos') AND table_type = 'BASE TABLE'"
    )
    with receiver.core.reader.begin() as connection:
        tables = connection.execute(named).all()
        return {
            name: connection.scalar(text(f'SELECT count(*) FROM "{place}"."{name}"'))  # noqa: S608
            for place, name in tables
        }
