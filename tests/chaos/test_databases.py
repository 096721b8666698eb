"""A database that is locked, full, gone or stopped: 503 meanwhile, nothing lost, and no restart."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from receiver.payloads import Json, alert, payload
from receiver.postgres import Server
from receiver.processes import Replica
from waiting import PATIENCE_SECONDS, eventually

from chaos.aftermath import Aftermath
from chaos.attacks import let_act
from chaos.fleet import Fleet
from chaos.services import Moody
from chaos.stream import Stream, alert_of

NAMES = [f"service-{n}" for n in range(400)]
# Alertmanager would wait longer.
# Of a disk that is about to be full.
DISK_BYTES = 1_500_000
#: What of a file may be written when the disk is "full" to a plain user.
FILE_BYTES = 16_384


class Box:
    """One receiver on SQLite, in a folder of its own, and all that it has answered 200."""

    def __init__(self, settings: Json, folder: Path, store: Path) -> None:
        self.file = store / "receiver.db"
        let_act(settings, f"sqlite:///{self.file}", NAMES)
        self.fleet = Fleet(settings, folder, 1)
        self.aftermath = Aftermath(settings["receiver"]["database"])
        self.accepted: set[str] = set()
        self._names = iter(NAMES)

    def start(self) -> None:
        self.fleet.start()
        self.fleet.ready(0)

    @property
    def replica(self) -> Replica:
        return self.fleet.replicas[0]

    def send(self, name: str | None = None) -> int:
        """Tell of an extractor, of a new one if none is named; return the answer's status."""
        name = name or next(self._names)
        note = "x" * 2000  # a disk is full the sooner
        code = self.replica.post(payload(alert(alert_of(name), extractor=name), note=note))
        if code == 200:
            self.accepted.add(name)
        return code

    def works_again(self) -> None:
        """Without anybody's help, and the process that served before serves still."""
        eventually(lambda: self.replica.answers("/readyz"))
        eventually(lambda: self.send() == 200)
        self.aftermath.wait_until_quiet()
        assert self.accepted <= self.aftermath.extractors()


@pytest.fixture
def box(settings: Json, tmp_path: Path) -> Iterator[Box]:
    box = Box(settings, tmp_path, tmp_path)
    yield box
    box.fleet.close()


def test_while_another_process_holds_the_lock_deliveries_are_put_off(
    box: Box, target: Moody
) -> None:
    box.start()
    assert box.send() == 200
    with closing(sqlite3.connect(box.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert box.send() == 503
        other.execute("ROLLBACK")
    box.works_again()
    assert len(target.effects) == len(box.accepted)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of its own, of a megabyte and a half; it takes root to mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"a disk that can be mounted: {error} (make chaos)")
    if done.returncode:
        pytest.skip(f"a disk that can be mounted: {done.stderr.splitlines()[0]} (make chaos)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607


def test_a_full_disk_puts_deliveries_off_until_there_is_room(
    settings: Json, tmp_path: Path, target: Moody
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        box = Box(settings, tmp_path, disk)
        try:
            filler = disk / "filler"
            box.start()
            fill(filler)
            refuses_once_full(box)
            filler.unlink()
            box.works_again()
            assert len(target.effects) == len(box.accepted)
        finally:
            box.fleet.close()


def fill(file: Path) -> None:
    """Leave nothing but what was given to other files already."""
    with file.open("wb", buffering=0) as stream:
        for size in (4096, 1):
            try:
                while True:
                    stream.write(b"x" * size)
            except OSError:
                continue


def refuses_once_full(box: Box) -> None:
    """What still finds room is taken; then nothing is, and it says so in good time."""
    eventually(lambda: box.send() == 503)
    assert {box.send() for _ in range(3)} == {503}
    assert box.replica.process.poll() is None


def test_files_that_may_not_grow_put_deliveries_off_until_they_may(box: Box, target: Moody) -> None:
    """A quota, as a plain user can set one: writes fail in the middle of a file."""
    box.start()
    assert box.send() == 200
    child = box.replica.child()
    _, most = child.rlimit(resource.RLIMIT_FSIZE)
    child.rlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, most))
    refuses_once_full(box)
    child.rlimit(resource.RLIMIT_FSIZE, (most, most))
    box.works_again()
    assert len(target.effects) == len(box.accepted)


def test_a_file_that_is_gone_takes_nothing_in_until_it_is_back(box: Box, tmp_path: Path) -> None:
    """What is written to a deleted file is lost with it, and nobody would know."""
    box.start()
    assert box.send() == 200
    box.aftermath.wait_until_quiet()
    backup = tmp_path / "backup"
    backup.mkdir()
    for file in (path for path in tmp_path.glob("receiver.db*") if "slot" not in path.name):
        shutil.copy(file, backup)
        file.unlink()
    assert {box.send() for _ in range(3)} == {503}
    eventually(lambda: not box.replica.answers("/readyz"))
    assert not box.file.exists()
    for file in backup.iterdir():
        shutil.copy(file, tmp_path)
    box.works_again()


def test_a_database_that_can_only_be_read_is_refused_in_one_line(box: Box, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("a user who is not root (make chaos)")
    box.start()
    box.fleet.stop()
    box.file.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        box.fleet.start()
        assert box.replica.process.wait(PATIENCE_SECONDS) == 2
    finally:
        tmp_path.chmod(0o755)
    assert "receiver.database: " in box.replica.log.read_text().splitlines()[-1]


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT])
def test_postgresql_may_stop_and_start_under_a_stream_of_deliveries(  # noqa: PLR0913, PLR0917
    settings: Json,
    postgresql: Server,
    postgresql_url: str,
    tmp_path: Path,
    target: Moody,
    seed: int,
    how: signal.Signals,
) -> None:
    """As in a crash, and in good order; two receivers, none of which is started again."""
    let_act(settings, postgresql_url, NAMES)
    fleet = Fleet(settings, tmp_path, 2)
    aftermath = Aftermath(postgresql_url)
    try:
        fleet.start()
        for number in range(2):
            fleet.ready(number)
        urls = [replica.url for replica in fleet.replicas]
        with Stream(urls, NAMES, seed) as stream:
            more(lambda: stream.answered, 5)
            stop_for_a_while(postgresql, how, lambda: stream.refused)
            more(lambda: stream.answered, 5)
        for number in range(2):
            fleet.ready(number)
        aftermath.wait_until_quiet()
        fleet.stop()
    finally:
        fleet.close()
    print(f"{stream.answered} answered 200, {stream.refused} answered 503")
    assert stream.fired <= aftermath.extractors()
    assert len(target.effects) == len(set(target.effects)) == len(aftermath.done())


def stop_for_a_while(server: Server, how: int, refused: Callable[[], int]) -> None:
    server.stop(how)
    try:
        more(refused, 3)
    finally:
        server.start()


def more(number: Callable[[], int], by: int) -> None:
    """Wait until it has grown."""
    before = number()
    eventually(lambda: number() >= before + by)
