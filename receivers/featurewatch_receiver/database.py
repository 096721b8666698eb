"""Opens the database: one connection that writes, several that only read.

SQLite knows one writer at a time, and its busy handler is unfair; so writers of one process
queue for one connection, and a transaction takes SQLite's write lock when it begins.
"""

from typing import Any

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver.errors import ConfigError
from featurewatch_receiver.schema import metadata

# Longer than any transaction of ours, shorter than Alertmanager's patience.
LOCK_WAIT_SECONDS = 2


def open_writer(url: str) -> Engine:
    """The engine for transactions that write."""
    engine = create_engine(
        url, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=2 * LOCK_WAIT_SECONDS
    )
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, begin="BEGIN IMMEDIATE", pragmas=("journal_mode=WAL",))
    return engine


def open_reader(url: str) -> Engine:
    """The engine for history: it can't write, and no writer waits for it."""
    engine = create_engine(url, poolclass=QueuePool, pool_size=4)
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, begin="BEGIN", pragmas=("query_only=ON",))
    return engine


def create_tables(url: str) -> None:
    """Create what is missing.

    Raises:
        ConfigError: the database can't be opened or written.

    """
    if make_url(url).database in (None, "", ":memory:"):
        raise ConfigError([f"receiver.database: {url} names no file; write sqlite:////PATH"])
    engine = open_writer(url)
    try:
        with engine.begin() as connection:
            metadata.create_all(connection)
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        mend = "create its folder and let this user write there"
        raise ConfigError(
            [f"receiver.database: {url} can't be opened ({cause}); {mend}"]
        ) from error
    finally:
        engine.dispose()


def _prepare_sqlite(engine: Engine, *, begin: str, pragmas: tuple[str, ...]) -> None:
    wait = f"busy_timeout={LOCK_WAIT_SECONDS * 1000}"

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver would begin too late, and only on writes
        for pragma in (wait, "synchronous=FULL", "foreign_keys=ON", *pragmas):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
