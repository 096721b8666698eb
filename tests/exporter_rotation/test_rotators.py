"""Real rotators at work while a service logs: each line that it wrote is counted once."""

from contextlib import closing

import pytest
from waiting import eventually

from .rotators import Counted, Logrotate, all_durations, service

LINES = 1500
PER_SECOND = 1500


@pytest.mark.parametrize(
    ("options", "after"),
    [
        (("create",), 1.0),
        (("nocreate",), 0.5),
        (("create", "compress"), 0.5),
        (("create", "extension .jsonl"), 0),
        (("create", "delaycompress", "compress", "start 0"), 0.5),
    ],
    ids=["create", "nocreate", "packed", "extension", "packed late"],
)
def test_logrotate_loses_and_doubles_nothing(log, tmp_path, told_by, options, after):
    with (
        closing(Counted(log, tmp_path)) as counted,
        service(log, lines=LINES, per_second=PER_SECOND, after=after) as running,
    ):
        logrotate = Logrotate(tmp_path, running, *options)
        for lines in (300, 600, 1000):
            eventually(lambda n=lines: counted.lines() >= n)
            logrotate.rotate()
            counted.has_looked(running)
        running.end()
        counted.assert_each_line_once(LINES)


def test_dates_in_names_lose_and_double_nothing(log, tmp_path, told_by):
    options = ("create", "dateext", "dateformat -%Y%m%d-%s")
    with (
        closing(Counted(log, tmp_path)) as counted,
        service(log, lines=LINES, per_second=PER_SECOND / 2, after=1.0) as running,
    ):
        logrotate = Logrotate(tmp_path, running, *options)
        logrotate.rotate()
        eventually(lambda: counted.lines() >= LINES * 0.7)  # more than a second later
        logrotate.rotate()
        running.end()
        counted.assert_each_line_once(LINES)


@pytest.mark.parametrize("options", [(), ("delaycompress", "compress")], ids=["plain", "packed"])
def test_copytruncate_loses_nothing_that_is_on_disk(log, tmp_path, told_by, options):
    with (
        closing(Counted(log, tmp_path)) as counted,
        service(log, lines=LINES, per_second=PER_SECOND) as running,
    ):
        logrotate = Logrotate(tmp_path, running, "copytruncate", *options)
        for lines in (300, 600, 1000):
            eventually(lambda n=lines: counted.lines() >= n)
            logrotate.rotate()
            counted.has_looked(running)
        running.end()
        # logrotate itself may lose some, between its copy and its truncation.
        on_disk = running.durations()
        eventually(lambda: counted.lines() >= len(on_disk))
        assert len(on_disk) <= counted.lines() <= LINES
        assert sum(on_disk) <= counted.milliseconds() <= all_durations(LINES)
        assert counted.failures() == 0


def test_rotating_file_handler_that_rotates_faster_than_one_looks(log, tmp_path, told_by):
    with (
        closing(Counted(log, tmp_path)) as counted,
        service(log, "rotating", lines=LINES, per_second=PER_SECOND) as running,
    ):
        running.end()
        assert len(list(log.parent.glob("features.jsonl.*"))) > 10
        counted.assert_each_line_once(LINES)


def test_restarts_of_the_exporter_while_files_are_rotated(log, tmp_path, told_by):
    with (
        closing(Counted(log, tmp_path)) as counted,
        service(log, "rotating", lines=LINES, per_second=PER_SECOND) as running,
    ):
        for lines in (100, 400, 800):
            eventually(lambda n=lines: counted.lines() >= n)
            counted.restart()
        running.end()
        counted.assert_each_line_once(LINES)
