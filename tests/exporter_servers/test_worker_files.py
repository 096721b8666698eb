"""Adding up the files of ended processes survives being killed at any moment."""

from pathlib import Path

import pytest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from featurewatch.worker_files import fold, locked

KEY = mmap_key("events", "events_total", (), (), "Events.")


class Killed(BaseException):
    """In place of SIGKILL."""


def write(file: Path, number: float) -> None:
    numbers = MmapedDict(str(file))
    numbers.write_value(KEY, number, 0.0)
    numbers.close()


def total(folder: Path) -> float:
    """What prometheus-client would sum up."""
    files = folder.glob("counter_*.db")
    entries = [entry for file in files for entry in MmapedDict.read_all_values_from_file(str(file))]
    return sum(value for _, value, _, _ in entries)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two ended processes, a third that lives, and an archive."""
    for name, number in (("101", 1), ("102", 20), ("103", 300), ("archive", 4000)):
        write(tmp_path / f"counter_{name}.db", number)
    (tmp_path / "gauge_livesum_101.db").touch()
    (tmp_path / "histogram_102.db").touch()  # killed as it began
    return tmp_path


def test_ended_processes_go_into_the_archive(folder):
    with locked(folder):
        fold(folder, 101, 102)
    assert total(folder) == 4321
    left = {file.name for file in folder.glob("*.db")}
    assert left == {"counter_103.db", "counter_archive.db", "histogram_archive.db"}


def test_whoever_is_killed_at_any_step_loses_and_doubles_nothing(folder, tmp_path, monkeypatch):
    steps = 0

    def count(operation):
        def step(*arguments, **options):
            nonlocal steps
            steps -= 1
            if steps == 0:
                raise Killed
            return operation(*arguments, **options)

        return step

    for name in ("replace", "unlink", "write_text"):
        monkeypatch.setattr(Path, name, count(getattr(Path, name)))
    monkeypatch.setattr(MmapedDict, "write_value", count(MmapedDict.write_value))
    killed = 0
    while True:
        steps = killed + 1
        try:
            with locked(folder):
                fold(folder, 101, 102)
        except Killed:
            killed += 1
        else:
            break
        steps = 0
        with locked(folder):
            assert total(folder) == 4321, f"killed at step {killed}"
            fold(folder, 101, 102)
        assert total(folder) == 4321, f"killed at step {killed}"
        for name, number in (("101", 1), ("102", 20), ("archive", 4000)):
            (folder / f"counter_{name}.db").unlink(missing_ok=True)
            write(folder / f"counter_{name}.db", number)
    assert killed > 5
