"""The database's tables: made, brought up to date, refused."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, text

from featurewatch_receiver.cli import main
from featurewatch_receiver.errors import ConfigError
from featurewatch_receiver.store import schema
from featurewatch_receiver.store.migrate import FIRST, alembic_config, migrate, prepare
from receiver.payloads import Json
from receiver.postgres import Server
from receiver.store.opened import differences, with_connection

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def first_revision(connection: Connection) -> None:
    """The tables as they were before revisions were counted, with one episode fixed."""
    command.upgrade(alembic_config(connection), FIRST)
    connection.execute(text("DROP TABLE alembic_version"))
    moment = MOMENT if connection.dialect.name != "sqlite" else MOMENT.replace(tzinfo=None)
    connection.execute(
        text(
            "INSERT INTO episodes (id, identity, alertname, labels, annotations,"
            " escalation_level, started_at) VALUES ('e', 'i', 'Slow', :labels, '{}', 2, :at)"
        ),
        {"labels": json.dumps({"alertname": "Slow"}), "at": str(moment)},
    )
    connection.execute(
        text(
            "INSERT INTO alerts (episode_id, fingerprint, level, starts_at)"
            " VALUES ('e', 'f', 2, :at)"
        ),
        {"at": str(moment)},
    )
    for action, state in (("clear_cache", "succeeded"), ("restart_deployment", "running")):
        row = {"id": f"e:{action}", "action": action, "state": state, "at": str(moment)}
        connection.execute(
            text(
                "INSERT INTO remediations (id, episode_id, action, target, state, plan, created_at)"
                " VALUES (:id, 'e', :action, 'x', :state, '{\"cache\": \"c\"}', :at)"
            ),
            row,
        )
        connection.execute(
            text(
                "INSERT INTO remediation_steps (remediation_id, at, actor, state)"
                " VALUES (:id, :at, 'worker', :state)"
            ),
            row,
        )


def rows(connection: Connection, table: str, *columns: str) -> list[tuple[Any, ...]]:
    found = connection.execute(schema.metadata.tables[table].select()).mappings()
    return sorted(tuple(row[column] for column in columns) for row in found)


def test_after_all_revisions_the_tables_are_those_of_the_schema(url: str) -> None:
    assert [line[:5] for line in migrate(url)] == ["0001:", "0002:", "0003:", "0004:"]
    assert with_connection(url, differences) == []
    assert migrate(url) == []


def test_what_a_database_without_revisions_remembers_survives(url: str) -> None:
    with_connection(url, first_revision)
    assert [line[:5] for line in migrate(url)] == ["0002:", "0003:", "0004:"]
    assert with_connection(url, differences) == []

    def read(connection: Connection) -> None:
        assert rows(connection, "episodes", "id", "labels", "started_at") == [
            ("e", {"alertname": "Slow"}, MOMENT)
        ]
        assert rows(connection, "alerts", "episode_id", "fingerprint", "level") == [("e", "f", 2)]
        kept = ("id", "episode_id", "origin", "queued", "state", "plan", "created_at")
        plan = {"cache": "c"}
        assert rows(connection, "remediations", *kept) == [
            ("e:clear_cache", "e", "alert", 1, "inconclusive", plan, MOMENT),
            ("e:restart_deployment", "e", "alert", 1, "in_doubt", plan, MOMENT),
        ]
        assert rows(connection, "remediation_steps", "remediation_id", "state", "actor") == [
            ("e:clear_cache", "inconclusive", "worker"),
            ("e:restart_deployment", "in_doubt", "migration"),
            ("e:restart_deployment", "running", "worker"),
        ]

    with_connection(url, read)


def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    migrate(url)
    newer = text("UPDATE alembic_version SET version_num = '9999'")
    with_connection(url, lambda connection: connection.execute(newer))
    line = "receiver.database: its revision 9999 is not known to this version; "
    line += "start the version that made it, or a newer one"
    for use in (migrate, prepare):
        with pytest.raises(ConfigError, match="9999") as refused:
            use(url)
        assert refused.value.problems == [line]


def test_postgresql_is_migrated_by_command_alone(
    postgresql: Server,
    settings: Json,
    write_config: Callable[[], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Other processes may be using it, so serving never changes it."""
    url = postgresql.create()
    settings["receiver"] |= {"listen": "127.0.0.1:0", "database": url}
    file = str(write_config())
    behind = f"receiver.database: {url} is 4 revisions behind; run `featurewatch-receiver migrate`"
    for name in ("serve", "worker"):
        assert main([name, "--config", file]) == 2
        assert capsys.readouterr() == ("", f"{behind}\n")
    for before in ([f"applied 000{n}: " for n in (1, 2, 3, 4)], []):
        assert main(["migrate", "--config", file]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line[:14] for line in lines[:-1]] == before
        assert lines[-1] == f"{url}: is up to date"
    prepare(url)
    postgresql.drop(url)


def test_a_server_that_is_not_there_is_one_line(
    postgresql: Server,
    settings: Json,
    write_config: Callable[[], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = postgresql.url("nowhere")
    settings["receiver"]["database"] = url
    assert main(["migrate", "--config", str(write_config())]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(f"receiver.database: {url} can't be opened (")
    assert err.endswith("; see that the server runs, and lets this user in\n")


@pytest.mark.parametrize("part", ["featurewatch:secret@host/db", "host/db?password=secret"])
def test_a_password_has_no_place_in_the_configuration(
    part: str, settings: Json, write_config: Callable[[], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    settings["receiver"]["database"] = f"postgresql+psycopg://{part}"
    assert main(["check-config", "--config", str(write_config())]) == 2
    out, err = capsys.readouterr()
    assert "receiver.database: must hold no password; write it into a pgpass file" in err
    assert "secret" not in out + err


def test_tables_that_are_not_those_of_their_revision_are_refused_in_one_line(url: str) -> None:
    """As of a revision that was changed after it had been applied."""
    migrate(url)
    drop = text("ALTER TABLE episodes DROP COLUMN acknowledged_until")
    with_connection(url, lambda connection: connection.execute(drop))
    for start in (migrate, prepare):
        with pytest.raises(ConfigError, match="table episodes has no acknowledged_until; it") as no:
            start(url)
        command = "mv " if url.startswith("sqlite") else "psql postgres -c 'ALTER DATABASE "
        assert f"restore a backup, or begin anew: {command}" in no.value.problems[0]
