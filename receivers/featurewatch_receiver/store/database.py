"""Opens the database: one connection that writes, several that only read.

SQLite knows one writer at a time, and its busy handler is unfair; so writers of one process
queue for one connection, and a transaction takes SQLite's write lock when it begins. On PostgreSQL
it takes an advisory lock then, for the same reason of another kind: what reads before it writes is
right on both, however many processes run.
"""

import sqlite3
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError

from featurewatch_receiver.logs import one_line

# Longer than any transaction of ours, shorter than Alertmanager's patience.
LOCK_WAIT_SECONDS = 2
# PostgreSQL ends a transaction, and frees its locks, when its client says nothing for so long.
SILENCE_SECONDS = 10
# Of the advisory locks; any two numbers that no other program in this database uses.
WRITER_LOCK = 7_304_211
SLOT_LOCKS = 7_304_212
# A network that is gone is noticed by either side without waiting for the kernel's two hours.
_KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
_CLIENT = {"connect_timeout": 2, "tcp_user_timeout": 8_000, **_KEEPALIVES}
# Later than the client, so that it is gone before its locks are.
_SERVER = (
    "tcp_keepalives_idle=10",
    "tcp_keepalives_interval=5",
    "tcp_keepalives_count=4",
    "tcp_user_timeout=30000",
    f"lock_timeout={LOCK_WAIT_SECONDS * 1000}",
    f"idle_in_transaction_session_timeout={SILENCE_SECONDS * 1000}",
)


def is_sqlite(url: str) -> bool:
    """Whether the database is a file of this machine."""
    return make_url(url).get_backend_name() == "sqlite"


def file_of(url: str) -> Path:
    """Where SQLite keeps it."""
    return Path(make_url(url).database or "")


def which_file(path: Path) -> tuple[int, int] | None:
    """Tell a file from another one of its name; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def keep_private(file: Path) -> None:
    """Take the file from others: it holds the history, and hashes of sessions.

    What SQLite makes beside it has the same rights.
    """
    for part in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
        with suppress(FileNotFoundError, PermissionError):  # another user's, who may write
            mode = stat.S_IMODE(part.stat().st_mode)
            if mode & stat.S_IRWXO:
                part.chmod(mode & ~stat.S_IRWXO)


def open_writer(url: str) -> Engine:
    """The engine for transactions that write."""
    engine = _open_writer(url, foreign_keys="ON")
    return _leave_what_is_gone(engine, url) if is_sqlite(url) else engine


def open_for_migration(url: str) -> Engine:
    """The engine for changes of tables: SQLite would follow the foreign keys of a copied one."""
    return _open_writer(url, foreign_keys="OFF")


def open_reader(url: str) -> Engine:
    """The engine for history: it can't write, and no writer waits for it."""
    if is_sqlite(url):
        engine = create_engine(url, poolclass=QueuePool, pool_size=4)
        _prepare_sqlite(engine, begin="BEGIN", pragmas=("query_only=ON",))
        return _leave_what_is_gone(engine, url)
    return _open_postgresql(url, "default_transaction_read_only=on", pool_size=4)


def open_session(url: str) -> Engine:
    """The engine for one PostgreSQL session that holds locks for as long as it lasts."""
    engine = _open_postgresql(url, pool_size=1, max_overflow=0, pool_pre_ping=False)
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def complaint(url: str, error: SQLAlchemyError) -> str:
    """What can't be done with the database, and the fix, on one line."""
    cause = one_line(str(getattr(error, "orig", None) or error))
    fix = "see that the server runs, and lets this user in"
    if is_sqlite(url):
        fix = "create its folder and let this user write there"
    return f"receiver.database: {url} can't be opened ({cause}); {fix}"


def _open_writer(url: str, *, foreign_keys: str) -> Engine:
    single: dict[str, Any] = {
        "pool_size": 1,
        "max_overflow": 0,
        "pool_timeout": 2 * LOCK_WAIT_SECONDS,
    }
    if is_sqlite(url):
        engine = create_engine(url, poolclass=QueuePool, **single)
        pragmas = ("journal_mode=WAL", f"foreign_keys={foreign_keys}")
        return _prepare_sqlite(engine, begin="BEGIN IMMEDIATE", pragmas=pragmas)
    engine = _open_postgresql(url, **single)

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")

    return engine


def _prepare_sqlite(engine: Engine, *, begin: str, pragmas: tuple[str, ...]) -> Engine:
    wait = f"busy_timeout={LOCK_WAIT_SECONDS * 1000}"

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver would begin too late, and only on writes
        for pragma in (wait, "synchronous=FULL", *pragmas):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _leave_what_is_gone(engine: Engine, url: str) -> Engine:
    """Don't write to a file that was deleted or replaced: nobody would ever read it."""
    path = file_of(url)

    @event.listens_for(engine, "do_connect")
    def require(*_: object) -> None:
        if which_file(path) is None:  # SQLite would make an empty one
            raise sqlite3.OperationalError("the file is gone")

    @event.listens_for(engine, "connect")
    def note(_: object, record: Any) -> None:
        record.info["file"] = which_file(path)

    @event.listens_for(engine, "checkout")
    def compare(_: object, record: Any, __: object) -> None:
        if record.info["file"] != which_file(path):
            raise DisconnectionError

    return engine


def _open_postgresql(url: str, *settings: str, pool_pre_ping: bool = True, **pool: Any) -> Engine:
    engine = create_engine(url, connect_args=_CLIENT, pool_pre_ping=pool_pre_ping, **pool)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        for setting in (*_SERVER, *settings):
            connection.execute(f"SET {setting}")
        connection.commit()

    return engine


def lock(connection: Connection, *names: str) -> None:
    """Let no other process decide about these until the transaction ends.

    SQLite needs none: its transactions that write come one after the other.
    """
    if connection.dialect.name == "postgresql":
        for name in sorted(set(names)):
            key = text("select pg_advisory_xact_lock(hashtextextended(:name, 0))")
            connection.execute(key, {"name": name})


def without_nul(text: str) -> str:
    """Return the text as PostgreSQL can hold it."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
