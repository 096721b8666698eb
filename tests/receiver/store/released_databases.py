"""Databases of released versions, as SQL: one row in every table of ours, at their last revision.

When a revision is published, its hash goes into `released/hashes.txt`, and what it led to is
written down by `cd tests && python -m receiver.store.released_databases NAME`.
"""

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import sqlalchemy as sa
from waiting import PATIENCE_SECONDS

from featurewatch_receiver.store import schema
from featurewatch_receiver.store.database import open_for_migration
from featurewatch_receiver.store.migrate import migrate
from receiver.postgres import binaries, running

FOLDER = Path(__file__).parent / "released"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
#: Every row has this key, and belongs to the rows that do.
KEY = "e"
_KEYS = ("id", "episode_id", "remediation_id")


def dump(url: str) -> str:
    """All of ours in a database, after a row in every table that has none."""
    fill(url)
    if url.startswith("sqlite:"):
        return _dump_sqlite(sa.make_url(url).database or "")
    # As libpq knows it.
    command = [binaries() / "pginstall/bin/pg_dump", "--schema=public", "--inserts", "--no-owner"]
    said = subprocess.run(
        [*command, url.replace("+psycopg", "")],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    # Comments and psql's own commands.
    lines = (line for line in said.stdout.splitlines() if line and line[:2] not in {"--", r"\r"})
    return "".join(f"{line}\n" for line in lines if not line.startswith(("\\", "CREATE SCHEMA")))


def _dump_sqlite(file: str) -> str:
    known = {*schema.metadata.tables, "alembic_version"}
    with closing(sqlite3.connect(file)) as connection:
        return "".join(f"{line}\n" for line in connection.iterdump() if _is_ours(line, known))


def _is_ours(statement: str, tables: set[str]) -> bool:
    """Not about the workflow engine's tables, which are beside ours in SQLite."""
    words = statement.replace('"', " ").replace("(", " ").split()
    return words[0] in {"BEGIN", "COMMIT;"} or not tables.isdisjoint(words[:7])


def fill(url: str) -> None:
    """Write a row into every table of ours."""
    engine = open_for_migration(url)
    found = sa.MetaData()
    with engine.begin() as connection:
        found.reflect(connection, only=lambda name, _: name in schema.metadata.tables)
        for table in found.sorted_tables:
            row = {column.name: _value(column) for column in table.columns}
            connection.execute(table.insert().values(row))
    engine.dispose()


def _value(column: sa.Column[Any]) -> Any:
    if column.name in _KEYS and isinstance(column.type, sa.Text | sa.VARCHAR):
        return KEY
    plain = {
        sa.DateTime: MOMENT,
        sa.Integer: 1,
        sa.Boolean: False,
        sa.JSON: {"word": "\N{LATIN SMALL LETTER U WITH DIAERESIS}bel"},
        sa.LargeBinary: b"{}",
    }
    values = (value for kind, value in plain.items() if isinstance(column.type, kind))
    return next(values, f"{column.name} of it")


def load(file: Path, url: str) -> None:
    """Make that database anew."""
    text = file.read_text(encoding="utf-8")
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(sa.make_url(url).database or "")) as connection:
            connection.executescript(text)
    else:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute(text.encode())


def _record(name: str) -> None:
    """Write down what all revisions together lead to."""
    with TemporaryDirectory() as folder, running() as server:
        for kind, url in (
            ("sqlite", f"sqlite:///{folder}/receiver.db"),
            ("postgresql", server.create()),
        ):
            migrate(url)
            (FOLDER / f"{name}.{kind}.sql").write_text(dump(url), encoding="utf-8")


if __name__ == "__main__":
    _record(sys.argv[1])
