"""Executor slots: a lock that ends with its process, and what is handed to the living."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from waiting import eventually

from featurewatch_receiver.store.database import open_writer
from featurewatch_receiver.store.migrate import migrate
from featurewatch_receiver.store.queue import Workflows
from featurewatch_receiver.store.slots import Slot
from receiver.in_process import Receiver
from receiver.payloads import alert
from receiver.postgres import Server
from receiver.processes import ROOT
from receiver.target import Target

CACHE = "FeatureExtractionCacheHitRateLow"
HOLDER = """
import sys
from featurewatch_receiver.store.database import open_writer
from featurewatch_receiver.store.queue import Workflows
from featurewatch_receiver.store.slots import Slot
slot = Slot(sys.argv[1], Workflows(open_writer(sys.argv[1])))
print(slot.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def claim(database: str) -> Iterator[Callable[[], Slot]]:
    """Claim a slot, as another process would."""
    engine = open_writer(database)
    workflows = Workflows(engine)
    claimed: list[Slot] = []

    def claim() -> Slot:
        claimed.append(Slot(database, workflows))
        return claimed[-1]

    yield claim
    for slot in claimed:
        slot.release()
    workflows.close()
    engine.dispose()


def test_each_process_has_a_slot_of_its_own_and_a_free_one_is_used_again(
    claim: Callable[[], Slot],
) -> None:
    first, second = claim(), claim()
    assert [first.name, second.name] == ["slot-1", "slot-2"]
    assert first.is_held()
    first.release()
    assert claim().name == "slot-1"
    assert second.is_held()


def test_a_slot_is_free_when_its_process_is_killed(
    database: str, claim: Callable[[], Slot]
) -> None:
    command = [sys.executable, "-c", HOLDER, database]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    path = {"PYTHONPATH": str(ROOT / "receivers")}
    with subprocess.Popen(command, env=path, **pipes) as holder:
        try:
            assert holder.stdout
            assert holder.stdout.readline() == "slot-1\n"
            assert claim().name == "slot-2"
        finally:
            holder.kill()
    assert eventually(lambda: claim().name == "slot-1")


def test_a_slot_whose_file_was_replaced_is_lost(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/receiver.db"
    migrate(url)
    engine = open_writer(url)
    slot = Slot(url, Workflows(engine))
    assert slot.is_held()
    file = tmp_path / "receiver.db.slot-1"
    file.unlink()
    assert not slot.is_held()
    file.touch()
    assert not slot.is_held()
    slot.release()
    engine.dispose()


def test_a_session_that_the_server_ended_has_lost_its_slot(postgresql: Server) -> None:
    url = postgresql.create()
    migrate(url)
    engine = open_writer(url)
    slot = Slot(url, Workflows(engine))
    assert slot.is_held()
    ended = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    postgresql.execute(f"{ended} AND objid = {slot.number} AND objsubid = 2")
    assert not slot.is_held()
    slot.release()
    engine.dispose()
    postgresql.drop(url)


@pytest.mark.parametrize("executor", ["slot-7", "local"])
def test_work_is_taken_over_from_the_dead_and_from_nobody_else(
    make_receiver: Callable[[], Receiver], target: Target, executor: str
) -> None:
    """An action is under way when its process ends without a word."""
    target.ready_at_once = False
    receiver = make_receiver()
    receiver.start()
    receiver.deliver(alert())
    eventually(lambda: target.effects)
    workflows = Workflows(receiver.core.writer)
    other = Slot(receiver.core.config.receiver.database, workflows)
    assert workflows.executors() == ["slot-1"]
    assert other.take_over() == []
    receiver.stop()
    died = text("UPDATE workflow_status SET executor_id = :name WHERE status = 'PENDING'")
    with receiver.core.writer.begin() as connection:
        connection.execute(died, {"name": executor})
    assert len(other.take_over()) == 1
    assert other.take_over() == []
    assert workflows.executors() == []
    other.release()
    receiver.start()
    target.ready_replicas = 2
    receiver.finished()
    assert target.effects == ["scale 2"]
