"""What released versions left behind: databases that are taken up, revisions that stay."""

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from featurewatch_receiver.cli import main
from featurewatch_receiver.errors import ConfigError
from featurewatch_receiver.store import schema
from featurewatch_receiver.store.migrate import migrate, prepare, take_back
from receiver.payloads import Json
from receiver.store.opened import differences, with_connection
from receiver.store.released_databases import FOLDER, load

VERSIONS = files("featurewatch_receiver.store.migrations.versions")
RELEASED = sorted(FOLDER.glob("*.sql"))
#: The last revision that can be taken back, and what was before it.
BACK_TO = "0003"


@pytest.fixture(params=RELEASED, ids=[file.stem for file in RELEASED])
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The database of a released version."""
    url = f"sqlite:///{tmp_path}/receiver.db"
    server = None
    if ".postgresql." in request.param.name:
        server = request.getfixturevalue("postgresql")
        url = server.create()
    load(request.param, url)
    yield url
    if server:
        server.drop(url)


def contents(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of ours."""
    found = sa.MetaData()
    found.reflect(connection, only=lambda name, _: name in schema.metadata.tables)
    return {
        name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
        for name, table in found.tables.items()
    }


def test_a_released_database_is_taken_up_with_all_that_it_holds_and_back_again(
    released: str,
) -> None:
    before = with_connection(released, contents)
    assert {"episodes", "alerts", "remediations", "leases", "audit"} <= before.keys()
    migrate(released)
    prepare(released)
    assert with_connection(released, differences) == []
    after = with_connection(released, contents)
    for name, rows in before.items():
        kept = [{column: row[column] for column in rows[0]} for row in after[name]]
        assert kept == rows, name
    assert [line[:5] for line in take_back(released, BACK_TO)] == ["0004:"]
    back = with_connection(released, contents)
    for row in after["alerts"]:
        del row["sender"]
    assert back == after


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("0002", "0003 can't be taken back; restore the backup that was made before 0003 was"),
        ("0009", "0009 is no revision that was applied; those are 0001, 0002, 0003, 0004"),
    ],
)
def test_what_cannot_be_taken_back_is_one_line_and_nothing_is(url: str, to: str, said: str) -> None:
    migrate(url)
    with pytest.raises(ConfigError) as refused:
        take_back(url, to)
    assert refused.value.problems[0].startswith(f"--to: {said}")
    assert migrate(url) == []


def test_the_command_takes_back(
    settings: Json, write_config: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    settings["receiver"]["database"] = f"sqlite:///{tmp_path}/receiver.db"
    file = str(write_config())
    assert main(["migrate", "--config", file]) == 0
    capsys.readouterr()
    assert main(["migrate", "--config", file, "--to", BACK_TO]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("took back 0004: ")
    assert last.endswith(": is at 0003")


def test_a_published_revision_is_as_it_was_published() -> None:
    """Databases have it already: what is missing there comes as a new revision."""
    lines = (FOLDER / "hashes.txt").read_text(encoding="utf-8").splitlines()
    published = {name: known for known, name in (line.split() for line in lines)}
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VERSIONS.iterdir()
        if file.name.startswith("revision_")
    }
    changed = {name for name in published if found.get(name) != published[name]}
    assert not changed, "restore them, and write what they lack as a new revision"
    assert not found.keys() - published, "add its hash, and its database (released_databases.py)"
