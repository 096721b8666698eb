"""Adding up the files of ended processes survives being killed at any moment."""

import json
import os
import struct
from pathlib import Path

import pytest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from featurewatch.worker_files import JOURNAL, fold, join, locked

KEY = mmap_key("events", "events_total", (), (), "Events.")


def entries(*keys, numbers=2):
    """A file with these keys; prometheus-client wrote one number for each until 0.16, then two."""
    packed = b""
    for key in keys:
        encoded = key.encode() + b" " * (8 - (len(key.encode()) + 4) % 8)
        values = [3.0, 0.0][:numbers]
        packed += struct.pack(f"i{len(encoded)}s{numbers}d", len(encoded), encoded, *values)
    return struct.pack("ii", 8 + len(packed), 0) + packed


OLD = entries(*(json.dumps(["jobs", "jobs_total", {"kind": k}, ""]) for k in "abcde"), numbers=1)
#: What a file that cannot be read may hold.
UNREADABLE = {
    "of prometheus-client 0.16": OLD.ljust(65536, b"\0"),
    "cut short": entries(KEY, KEY.replace("events_total", "others_total"))[:-20],
    "text": b"These are my notes of today.\n",
    "of SQLite": b"SQLite format 3\0" + bytes(range(256)) * 16,
    "one byte": b"x",
    "key that is no JSON": entries("events_total"),
    "key of another shape": entries(json.dumps({"events": 1})),
    "bound that is no number": entries(mmap_key("h", "h_bucket", ("le",), ("much",), "")),
    "error type of no extractor": entries(
        mmap_key("feature_extraction_errors", "feature_extraction_errors_total", (), (), "")
    ),
}


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


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_file_that_cannot_be_read_costs_itself_alone(folder, content):
    (folder / "counter_102.db").write_bytes(content)
    with locked(folder):
        fold(folder, 101, 102)
    assert (folder / "counter_102.db").read_bytes() == content
    (folder / "counter_102.db").unlink()
    assert total(folder) == 4301


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_archive_that_cannot_be_read_leaves_its_place_to_a_new_one(folder, content):
    (folder / "counter_archive.db").write_bytes(content)
    with locked(folder):
        fold(folder, 101, 102)
    (aside,) = folder.glob("counter_unreadable*.db")
    assert aside.read_bytes() == content
    aside.unlink()
    assert total(folder) == 321


def test_process_begins_anew_where_one_of_its_id_left_a_file_that_cannot_be_read(folder):
    (folder / f"counter_{os.getpid()}.db").write_bytes(OLD)
    with join(folder):
        assert not (folder / f"counter_{os.getpid()}.db").exists()
        (aside,) = folder.glob("counter_unreadable*.db")
        assert aside.read_bytes() == OLD


def test_files_of_another_program_stay_where_they_are(folder):
    for name in ("notes.db", "shelf_102.db", "gauge_102.db"):
        (folder / name).write_text("mine")
    (folder / "folder_102.db").mkdir()
    with locked(folder):
        fold(folder, 101, 102)
    left = {file.name for file in folder.glob("*.db")}
    assert left >= {"notes.db", "shelf_102.db", "gauge_102.db", "folder_102.db"}


@pytest.mark.parametrize("content", ["", "not JSON", "[]", '{"kinds": 3}'])
def test_journal_that_makes_no_sense_stops_nothing(folder, content):
    (folder / JOURNAL).write_text(content)
    with locked(folder):
        fold(folder, 101, 102)
    assert total(folder) == 4321
    assert not (folder / JOURNAL).exists()


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
