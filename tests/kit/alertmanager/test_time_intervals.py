"""Moments are in time intervals as Alertmanager's own package says, as recorded.

Around changes of clocks, leap days and ends of months, in six time zones; 0.34.1 counts the days of
a month by its hours, and knows no week that goes over its end. Recorded by
`recorded/time_intervals.go`.
"""

import gzip
import json
from pathlib import Path

import pytest

from featurewatch_kit.alertmanager.time_intervals import TimeIntervals, read_interval
from featurewatch_kit.alertmanager.versions import version
from featurewatch_kit.errors import ArgumentError

FILES = sorted((Path(__file__).parent / "recorded").glob("time_intervals-*.jsonl.gz"))


def said(node: dict[str, object], moment: float, number: str) -> str:
    try:
        interval = read_interval(node, version(number), "interval")
    except ArgumentError:
        return "refused"
    intervals = TimeIntervals({"it": [interval]}, version(number))
    return "true" if intervals.holding(["it"], moment) else "false"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_moment_is_in_an_interval_as_alertmanager_says(file: Path) -> None:
    number = file.name.removeprefix("time_intervals-").removesuffix(".jsonl.gz")
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    wrong = [line for line in lines if said(line[0], line[1], number) != line[2]]
    assert not wrong
    assert {line[2] for line in lines} >= {"true", "false"}


def test_months_and_weeks_differ_between_versions() -> None:
    march = {"days_of_month": ["-1"], "location": "Europe/Berlin"}
    # 2026-03-30 12:00 in UTC: the last day for those that count hours.
    assert said(march, 1774872000, "0.34.1") == "true"
    assert said(march, 1774872000, "0.35.0") == "false"
    assert said({"weekdays": ["friday:monday"]}, 1774872000, "0.34.1") == "refused"
    assert said({"weekdays": ["friday:monday"]}, 1774872000, "0.35.0") == "true"
