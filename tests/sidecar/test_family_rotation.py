"""Over every way of rotating a file, each line is read once."""

import json
import os
import shutil
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurewatch_exporter.family import Family
from featurewatch_exporter.follow import KEEP_SECONDS, Follower
from featurewatch_exporter.tail import MAX_LINE


class Log:
    """A file that is written, and a follower that looks when it is told."""

    def __init__(self, folder, name="features.jsonl"):
        self.path = folder / name
        self.now = 0.0
        self.gone = []
        self.written = 0
        self.stream = self.path.open("a")
        self.follower = self.begin()
        assert self.look() == []

    def begin(self, kept=None):
        others = [self.path.with_name("features-2.jsonl")]
        return Follower(self.path, kept, self.gone.append, others=others, clock=lambda: self.now)

    def write(self, stream=None):
        """Write one line, as long as others, with a number of its own."""
        stream = stream or self.stream
        self.written += 1
        stream.write(f'{{"n": {self.written:06}}}\n')
        stream.flush()

    def look(self):
        """The numbers of the lines that are new."""
        return [int(line[6:-1]) for batch in self.follower.read() for line in batch]

    def restart(self):
        """Another follower goes on, with what this one has written down."""
        state = json.loads(json.dumps(self.follower.state()))
        self.follower.close()
        self.follower = self.begin(state)

    def beside(self, end):
        return self.path.with_name(self.path.name + end)

    def shift(self, most=5):
        """Rename as logrotate and RotatingFileHandler do: .1 is the last one."""
        for number in range(most, 0, -1):
            if self.beside(f".{number}").exists():
                self.beside(f".{number}").rename(self.beside(f".{number + 1}"))
        self.beside(f".{most + 1}").unlink(missing_ok=True)
        self.path.rename(self.beside(".1"))

    def reopen(self):
        self.stream.close()
        self.stream = self.path.open("a")

    def close(self):
        self.stream.close()
        self.follower.close()


@pytest.fixture
def log(tmp_path, closing):
    log = Log(tmp_path)
    closing.callback(log.close)
    return log


def test_writer_that_reopens_late_is_read_in_the_old_file_until_it_does(log):
    log.write()
    log.shift()
    log.path.touch()  # logrotate's create
    assert log.look() == [1]
    for _ in range(3):
        log.write()
        assert log.look() == [log.written]
    log.reopen()
    log.write()
    assert log.look() == [5]


def test_writer_that_reopens_after_the_first_line_of_another_is_read_in_both(log):
    log.shift()
    with log.path.open("a") as other:
        log.write(other)
        assert log.look() == [1]
        log.write()
        log.write(other)
        assert sorted(log.look()) == [2, 3]


def test_former_file_is_let_go_when_it_is_quiet_and_the_new_one_has_lines(log):
    old = log.stream
    log.shift()
    log.stream = log.path.open("a")
    log.look()
    log.now += 2 * KEEP_SECONDS
    log.look()
    log.write(old)  # nothing is in the new one yet
    assert log.look() == [1]
    log.write()
    assert log.look() == [2]
    old.write('{"n": 000003}')
    old.close()
    assert log.look() == []
    log.now += 2 * KEEP_SECONDS
    assert log.look() == [3]  # nobody will end this line
    assert len(log.follower._tails()) == 1


def test_line_that_comes_after_a_file_was_let_go_is_read_at_the_next_rotation(log):
    old = log.stream
    log.shift()
    log.stream = log.path.open("a")
    log.write()
    assert log.look() == [1]
    log.now += 2 * KEEP_SECONDS
    log.look()
    log.write(old)
    old.close()
    log.shift()
    log.reopen()
    assert log.look() == [2]


def test_file_that_is_missing_between_renaming_and_reopening_is_no_fault(log):
    log.shift()
    log.write()
    assert log.look() == [1]
    log.now += 1
    assert log.look() == []
    log.reopen()
    log.write()
    assert log.look() == [2]


def test_file_that_stays_away_is_a_fault_and_what_it_still_gets_is_read(log):
    log.shift()
    assert log.look() == []
    log.now += 10
    log.write()
    found = []
    with pytest.raises(FileNotFoundError):
        found.extend(line for batch in log.follower.read() for line in batch)
    assert len(found) == 1


@pytest.mark.parametrize("looked", [True, False])
def test_file_that_came_and_went_while_the_name_is_missing_is_read(log, looked):
    log.shift()
    if looked:
        assert log.look() == []
    log.reopen()
    log.write()
    log.shift()
    assert log.look() + log.look() == [1]


@pytest.mark.parametrize("rotations", [1, 2, 3, 5])
def test_several_rotations_between_two_looks_lose_nothing(log, rotations):
    log.write()
    assert log.look() == [1]
    for _ in range(rotations):
        log.write()
        log.shift()
        log.reopen()
        log.write()
    assert sorted(log.look()) == list(range(2, log.written + 1))
    assert log.look() == []


@pytest.mark.parametrize(
    "name",
    [
        "features.jsonl-20261130",
        "features.jsonl-20261130-1764476817",
        "features-20261130.jsonl",
        "features.2026-11-30_12-00-00_123456.jsonl",
        "features-2026-11-30T12-00-00.000.jsonl",
        "features.jsonl.2026-11-30",
        "features.jsonl.20261130-120000",
        "features1.jsonl",
        "features.jsonl.old",
    ],
)
def test_names_that_rotators_give_are_known(log, name):
    log.write()
    log.look()
    log.path.rename(log.path.with_name("elsewhere"))
    log.reopen()
    log.write()
    log.path.rename(log.path.with_name(name))
    log.reopen()
    log.write()
    assert sorted(log.look()) == [2, 3]


@pytest.mark.parametrize("name", ["features-errors.jsonl", "other.jsonl", "features.jsonl.bak"])
def test_files_of_other_names_are_not_read(log, name):
    with log.path.with_name(name).open("w") as other:
        log.write(other)
        log.shift()
        log.reopen()
        log.write()
        assert log.look() == [2]


@pytest.mark.parametrize(
    ("own", "other"),
    [
        ("worker-1.jsonl", "worker-10.jsonl"),  # a number of its own
        ("features.jsonl", "features-2.jsonl"),  # of another source
        ("features.jsonl", "features-2.jsonl.1"),
        ("features.jsonl", "features-3.jsonl"),  # of nobody that is known, but there before
    ],
)
def test_files_of_other_workers_are_not_read(tmp_path, closing, own, other):
    stream = closing.enter_context((tmp_path / other).open("a"))
    stream.write("old\n")
    stream.flush()
    log = Log(tmp_path, own)
    closing.callback(log.close)
    for _ in range(3):
        stream.write("other\n")
        stream.flush()
        log.write()
        log.shift()
        log.reopen()
        log.write()
        assert sorted(log.look()) == [log.written - 1, log.written]


def test_files_of_two_sources_are_told_apart_by_the_longer_name(tmp_path):
    names = ["features.jsonl", "features-2.jsonl"]
    one, two = (tmp_path / name for name in names)
    for name in [
        *names,
        "features-20261130.jsonl",
        "features-2-20261130.jsonl",
        "features-2.jsonl.1",
    ]:
        (tmp_path / name).touch()

    def family(path, other):
        return sorted(sibling.path.name for sibling in Family(path, [other]).siblings())

    assert family(one, two) == ["features-20261130.jsonl"]
    assert family(two, one) == ["features-2-20261130.jsonl", "features-2.jsonl.1"]


def test_files_that_were_there_at_the_start_are_history(tmp_path, closing):
    (tmp_path / "features.jsonl.1").write_text('{"n": 1}\n')
    log = Log(tmp_path)
    closing.callback(log.close)
    log.shift()
    log.reopen()
    log.write()
    assert log.look() == [1]


def copytruncate(log, between=lambda: None):
    for number in range(5, 0, -1):
        if log.beside(f".{number}").exists():
            log.beside(f".{number}").rename(log.beside(f".{number + 1}"))
    shutil.copy(log.path, log.beside(".1"))
    between()
    os.truncate(log.path, 0)


def test_lines_before_a_truncation_are_read_in_the_copy(log):
    log.write()
    assert log.look() == [1]
    for _ in range(3):
        log.write()
        copytruncate(log)
        log.write()
        assert sorted(log.look()) == [log.written - 1, log.written]


def test_look_between_copy_and_truncation_doubles_nothing(log):
    log.write()
    found = log.look()

    def look():
        found.extend(log.look())

    for _ in range(3):
        log.write()
        copytruncate(log, between=look)
        log.write()
        look()
    assert found == list(range(1, log.written + 1))


@pytest.mark.parametrize("rotations", [2, 3])
def test_several_truncations_between_two_looks_lose_nothing(log, rotations):
    log.write()
    assert log.look() == [1]
    for _ in range(rotations):
        log.write()
        copytruncate(log)
        log.write()
    assert sorted(log.look()) == list(range(2, log.written + 1))


def test_file_that_grew_past_its_size_after_a_truncation_is_read_from_its_beginning(log):
    log.write()
    assert log.look() == [1]
    os.truncate(log.path, 0)
    log.write()
    log.write()
    assert log.look() == [2, 3]


def test_writer_that_goes_on_at_its_old_place_after_a_truncation_is_read(tmp_path, closing):
    log = Log(tmp_path)
    closing.callback(log.close)
    log.stream.close()
    log.stream = log.path.open("r+")
    for _ in range(1000):
        log.write()
    assert len(log.look()) == 1000
    os.truncate(log.path, 0)
    log.write()  # behind a hole of 14,000 bytes
    [[line]] = log.follower.read()
    assert line.lstrip(b"\0") == b'{"n": 001001}'


def test_copy_that_a_person_makes_is_not_read(log):
    log.write()
    log.look()
    shutil.copy(log.path, log.beside(".1"))
    log.write()
    assert log.look() == [2]
    log.path.rename(log.beside("-20261130"))
    log.reopen()
    log.write()
    assert log.look() == [3]
    log.path.rename(log.beside("-20261201"))
    log.reopen()
    log.write()
    assert log.look() == [4]


def test_link_that_moves_on_is_followed_over_every_file_between(tmp_path, closing):
    log = Log(tmp_path, "current.log")
    closing.callback(log.close)
    log.stream.close()
    log.path.unlink()
    for number in range(1, 8):
        target = tmp_path / f"features.{number}.log"
        log.stream = target.open("a")
        (tmp_path / "new").symlink_to(target.name)
        (tmp_path / "new").rename(log.path)
        log.write()
        if number in (2, 3, 6):  # 4 and 5 are only passed by
            assert sorted(log.look()) == list(range({2: 1, 3: 3, 6: 4}[number], number + 1))
        log.stream.close()
    assert log.look() == [7]


def test_name_that_goes_back_to_the_former_file_doubles_nothing(log):
    log.write()
    log.look()
    log.path.rename(log.beside(".1"))
    log.reopen()
    log.write()
    assert log.look() == [2]
    log.beside(".1").replace(log.path)
    log.reopen()
    log.write()
    assert log.look() == [3]


@pytest.mark.parametrize("happens", ["nothing", "growth", "rotation", "rotations", "truncation"])
def test_restart_goes_on_where_it_was(log, happens):
    log.write()
    assert log.look() == [1]
    log.restart()
    if happens in ("growth", "rotation", "rotations", "truncation"):
        log.write()
    if happens == "truncation":
        copytruncate(log)
        log.write()
    for _ in range({"rotation": 1, "rotations": 3}.get(happens, 0)):
        log.write()
        log.shift()
        log.reopen()
        log.write()
    assert sorted(log.look()) == list(range(2, log.written + 1))
    assert log.gone == []
    log.restart()
    log.write()
    assert log.look() == [log.written]


def test_restart_reads_on_in_a_former_file(log):
    log.write()
    log.look()
    log.shift()
    log.path.touch()
    assert log.look() == []
    log.restart()
    log.write()
    assert log.look() == [2]
    log.shift()
    log.path.touch()
    log.restart()
    log.write()
    assert log.look() == [3]


def test_restart_inside_a_line_reads_it_as_a_whole(log):
    log.stream.write('{"n": 00')
    log.stream.flush()
    assert log.look() == []
    log.restart()
    log.stream.write("0007}\n")
    log.stream.flush()
    assert log.look() == [7]


def test_file_that_is_gone_after_a_restart_is_told(log):
    log.write()
    log.look()
    log.restart()
    log.path.unlink()
    log.reopen()
    log.write()
    assert log.look() == [2]
    # The number of its inode may be given to the new file, which is then known by what it holds.
    assert log.gone in (
        [],
        ["is gone, perhaps not read to its end; keep rotated files for longer"],
    )


def test_follower_that_never_looked_keeps_the_place_of_the_one_before(log):
    log.write()
    log.look()
    log.restart()
    log.restart()
    log.write()
    assert log.look() == [2]


@pytest.mark.parametrize("before", ["", "whole\n", "partial"])
def test_follower_begins_at_the_end_and_never_inside_a_line(tmp_path, closing, before):
    file = tmp_path / "log"
    file.write_text(before)
    follower = Follower(file)
    closing.callback(follower.close)
    assert list(follower.read()) == []
    with file.open("a") as stream:
        stream.write("rest\nnext\n" if before == "partial" else "next\n")
    assert [line for batch in follower.read() for line in batch] == [b"next"]


def lines_of(follower):
    return [line for batch in follower.read() for line in batch]


def test_line_that_is_too_long_is_skipped_to_its_end(tmp_path, closing):
    file = tmp_path / "log"
    file.touch()
    follower = Follower(file)
    closing.callback(follower.close)
    assert lines_of(follower) == []
    with file.open("ab", buffering=0) as stream:
        stream.write(b"x" * (MAX_LINE + 1))
        assert lines_of(follower) == [None]
        stream.write(b"x" * 5000)
        assert lines_of(follower) == []
        stream.write(b"xx\nnext\n")
        assert lines_of(follower) == [b"next"]
        stream.write(b"y" * (3 * MAX_LINE) + b"\nnext\n" + b"z" * MAX_LINE + b"\n")
        assert lines_of(follower) == [None, b"next", b"z" * MAX_LINE]


@settings(deadline=None)
@given(lines=st.lists(st.binary(max_size=8).filter(lambda line: b"\n" not in line)), data=st.data())
def test_lines_are_the_same_however_they_are_cut_into_pieces(tmp_path_factory, lines, data):
    file = tmp_path_factory.mktemp("cut") / "log"
    file.touch()
    follower, found = Follower(file), lines_of(Follower(file))
    text = b"".join(line + b"\n" for line in lines)
    list(follower.read())
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    with file.open("ab", buffering=0) as stream:
        for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
            stream.write(text[start:end])
            found += lines_of(follower)
    follower.close()
    assert found == lines


STEPS = [
    "write",
    "look",
    "shift",
    "late",
    "away",
    "reopen",
    "copytruncate",
    "look between",
    "restart",
]


@settings(deadline=None, max_examples=200)
@given(
    steps=st.lists(st.sampled_from(STEPS), max_size=25),
    renaming=st.booleans(),
)
def test_any_sequence_of_rotations_reads_each_line_once(tmp_path_factory, steps, renaming):
    log = Log(tmp_path_factory.mktemp("any"))
    found = []
    with closing(log):
        for step in steps:
            found += take(log, step, renaming) or []
        found += log.look() + log.look()
    assert sorted(found) == list(range(1, log.written + 1))


def take(log, step, renaming):
    """Take one step, and return the lines that were read by it."""
    if step == "look":
        return log.look()
    if step in ("write", "restart", "reopen"):
        return getattr(log, step)()
    if renaming and step in ("shift", "late", "away") and log.path.exists():
        log.shift(most=30)
        if step == "away":
            return None
        log.path.touch()
        return log.reopen() if step == "shift" else None
    found = []
    if not renaming and step in ("copytruncate", "look between"):
        between = (lambda: found.extend(log.look())) if step == "look between" else (lambda: None)
        copytruncate(log, between)
    return found
