"""What the workflow engine reads from the database, which others may be able to write, is data."""

import base64
import pickle
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import eventually

from featurewatch_receiver.store.engine_values import read
from receiver.payloads import Json, alert, payload
from receiver.processes import Replica
from receiver.target import Target

PICKLE = "py_pickle"


class Code:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def pickled(value: object) -> str:
    return base64.b64encode(pickle.dumps(value)).decode()


@pytest.mark.parametrize(
    "value", [None, True, "text", {"args": ("id:clear_cache:1",), "kwargs": {}}], ids=repr
)
def test_data_of_an_older_receiver_is_read(value: object) -> None:
    assert read(None, pickled(value)) == value


def test_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"names code: pathlib.*Path.*|getattr"):
        read(None, pickled(Code(tmp_path / "made")))
    assert not (tmp_path / "made").exists()


class Engine:
    """The rows of the engine of a receiver that serves."""

    def __init__(self, database: Path, served: Replica) -> None:
        self.served = served
        self._database = database

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self._database, timeout=60) as connection:
            found = connection.execute(query, values).fetchall()
        connection.close()
        return found

    def status(self, workflow: str) -> str:
        found = "SELECT status FROM workflow_status WHERE workflow_uuid = ?"
        return str(self.rows(found, workflow)[0][0])

    def queue(self, workflow: str, inputs: str, target: str) -> None:
        """Queue another one like that which has ended, as an older receiver stored it."""
        columns = [name for _, name, *_ in self.rows("PRAGMA table_info(workflow_status)")]
        new = {
            "workflow_uuid": workflow,
            "status": "ENQUEUED",
            "serialization": PICKLE,
            "queue_partition_key": target,
            "executor_id": None,
            "started_at_epoch_ms": None,
            "completed_at": None,
        }
        values = ", ".join("?" if name in new else name for name in columns)
        self.rows(
            f"INSERT INTO workflow_status SELECT {values} FROM workflow_status LIMIT 1",  # noqa: S608
            *(new[name] for name in columns if name in new),
        )
        of_another = "SELECT ?, ?, retention_timestamp FROM workflow_input LIMIT 1"
        self.rows(f"INSERT INTO workflow_input {of_another}", workflow, inputs)


@pytest.fixture
def engine(write_config: Callable[[], Path], settings: Json, tmp_path: Path) -> Iterator[Engine]:
    """Of a receiver that has carried out one remediation."""
    settings["receiver"]["listen"] = "127.0.0.1:0"
    served = Replica(write_config(), tmp_path / "served.log")
    try:
        served.ready()
        served.post(payload(alert()))
        eventually(lambda: [r["state"] for r in served.remediations()] == ["done"])
        database = Path(settings["receiver"]["database"].removeprefix("sqlite:///"))
        yield Engine(database, served)
    finally:
        served.kill()


def test_what_is_stored_is_json(engine: Engine) -> None:
    kinds = "SELECT serialization FROM workflow_status UNION SELECT serialization FROM"
    assert engine.rows(f"{kinds} operation_outputs") == [("portable_json",)]
    inputs = engine.rows("SELECT inputs FROM workflow_input")
    assert [text[0][0] for text in inputs] == ["{"]


def test_code_in_the_database_is_not_run_and_work_goes_on(
    engine: Engine, target: Target, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    inputs = pickled({"args": (Code(made),), "kwargs": {}})
    engine.queue("planted", inputs, "planted")
    served = engine.served
    served.post(payload(alert(extractor="other_extractor")))
    eventually(lambda: [r["state"] for r in served.remediations()] == ["done"] * 2)
    eventually(lambda: engine.status("planted") != "ENQUEUED")
    assert not made.exists()


def test_work_that_an_older_receiver_has_queued_is_done(engine: Engine) -> None:
    (mine,) = engine.served.remediations()
    engine.queue("older", pickled({"args": (mine["id"],), "kwargs": {}}), "older")
    eventually(lambda: engine.status("older") == "SUCCESS")
