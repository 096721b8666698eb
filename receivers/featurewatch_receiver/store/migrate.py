"""Brings the tables to the state that this version works with: ours by Alembic, the engine's by it.

The revisions are in `migrations/versions`. All that is pending is applied in one transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from dbos import DBOS
from sqlalchemy import Connection, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver.errors import ConfigError
from featurewatch_receiver.store.database import (
    complaint,
    file_of,
    is_sqlite,
    keep_private,
    open_for_migration,
)
from featurewatch_receiver.store.queue import register_queue
from featurewatch_receiver.store.schema import metadata

# The tables as they were before revisions were counted.
FIRST = "0001"


def migrate(url: str) -> list[str]:
    """Apply what is pending, and return a line for each revision that was.

    Raises:
        ConfigError: the database can't be used, or is of a newer version.

    """
    _require_file(url)
    with _opened(url) as connection:
        if is_sqlite(url):
            keep_private(file_of(url))
        config = alembic_config(connection)
        if _revision(connection) is None and inspect(connection).has_table("episodes"):
            command.stamp(config, FIRST)
        done = _pending(connection)
        command.upgrade(config, "head")
        _require_columns(connection)
        connection.commit()
        DBOS.migrate(url)
    register_queue(url)
    return done


def take_back(url: str, to: str) -> list[str]:
    """Take revisions back so that this one is the last, and return a line for each that was.

    Raises:
        ConfigError: there is no such revision, or what came after it can't be taken back.

    """
    with _opened(url) as connection:
        config = alembic_config(connection)
        steps = _later(connection, to)
        for step in steps:
            if not hasattr(step.module, "downgrade"):
                fix = f"restore the backup that was made before {step.revision} was applied"
                raise ConfigError([f"--to: {step.revision} can't be taken back; {fix}"])
        command.downgrade(config, to)
        connection.commit()
    return [f"{step.revision}: {step.doc}" for step in steps]


def check(url: str) -> None:
    """Make sure that nothing is pending.

    Raises:
        ConfigError: the database can't be used, or a revision is to be applied first.

    """
    with _opened(url) as connection:
        pending = len(_pending(connection))
        if not pending:
            _require_columns(connection)
    if pending:
        fix = "run `featurewatch-receiver migrate`"
        raise ConfigError([f"receiver.database: {url} is {pending} revisions behind; {fix}"])
    register_queue(url)


def prepare(url: str) -> None:
    """Make the database usable: migrate SQLite, and check PostgreSQL, which others may be using.

    Raises:
        ConfigError: the database can't be used.

    """
    if is_sqlite(url):
        migrate(url)
    else:
        check(url)


def alembic_config(connection: Connection) -> Config:
    """What a command of Alembic's is given."""
    config = Config()
    scripts = files("featurewatch_receiver.store") / "migrations"
    config.set_main_option("script_location", str(scripts))
    config.attributes["connection"] = connection
    return config


def _later(connection: Connection, to: str) -> list[Script]:
    """The revisions that were applied after this one, the last one first."""
    _pending(connection)  # one that this version does not know is told there
    script = ScriptDirectory.from_config(alembic_config(connection))
    applied = list(script.iterate_revisions(_revision(connection) or "base", "base"))
    names = [step.revision for step in applied]
    if to not in names:
        known = ", ".join(reversed(names)) or "none"
        raise ConfigError([f"--to: {to} is no revision that was applied; those are {known}"])
    return applied[: names.index(to)]


def _pending(connection: Connection) -> list[str]:
    script = ScriptDirectory.from_config(alembic_config(connection))
    known = [revision.revision for revision in script.walk_revisions()]
    current = _revision(connection)
    if current is not None and current not in known:
        fix = "start the version that made it, or a newer one"
        raise ConfigError(
            [f"receiver.database: its revision {current} is not known to this version; {fix}"]
        )
    steps = script.iterate_revisions("head", current or "base")
    return [f"{step.revision}: {step.doc}" for step in reversed(list(steps))]


def _require_columns(connection: Connection) -> None:
    """Raise ConfigError where the tables are not those of the revision that they say."""
    seen = inspect(connection)
    for table in metadata.sorted_tables:
        there = seen.has_table(table.name)
        known = {column["name"] for column in seen.get_columns(table.name)} if there else set()
        if missing := sorted({column.name for column in table.columns} - known):
            fix = "it was made by an unreleased version; restore a backup, or begin anew:"
            fix += f" {_begin_anew(connection)}"
            message = f"table {table.name} has no {', '.join(missing)}; {fix}"
            raise ConfigError([f"receiver.database: {message}"])


def _begin_anew(connection: Connection) -> str:
    """The command that leaves an empty database, and keeps this one."""
    name = connection.engine.url.database
    if connection.dialect.name == "sqlite":
        return f"mv {name} {name}.old"
    return f'psql postgres -c \'ALTER DATABASE "{name}" RENAME TO "{name}-old"\'; createdb {name}'


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _require_file(url: str) -> None:
    if is_sqlite(url) and make_url(url).database in (None, "", ":memory:"):
        raise ConfigError([f"receiver.database: {url} names no file; write sqlite:////PATH"])


@contextmanager
def _opened(url: str) -> Iterator[Connection]:
    """A transaction that no other writer of ours runs beside."""
    engine = open_for_migration(url)
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise ConfigError([complaint(url, error)]) from error
    finally:
        engine.dispose()
