"""Faults of Alertmanager's time_intervals that no single key shows."""

from collections.abc import Iterator, Mapping

from featurewatch_receiver.config.file import Problem
from featurewatch_receiver.config.timeintervals import TimeInterval


def check_time_intervals(named: Mapping[str, list[TimeInterval]]) -> Iterator[Problem]:
    """No interval is empty, no part of a day ends before it begins."""
    for name, intervals in named.items():
        path = ("routing", "time_intervals", name)
        if not intervals:
            yield Problem(path=path, message="has no times; write some, or leave it out")
        for index, interval in enumerate(intervals):
            yield from _interval((*path, index), interval)


def _interval(path: tuple[str | int, ...], interval: TimeInterval) -> Iterator[Problem]:
    if not interval.model_dump(exclude={"location"}, exclude_none=True):
        message = "is always; write times, weekdays, days_of_month, months or years"
        yield Problem(path=path, message=message)
    for index, part in enumerate(interval.times or []):
        if part.start_time >= part.end_time:
            message = (
                "is not after start_time; split what spans midnight in two, one that ends at"
                " 24:00 and one that starts at 00:00"
            )
            yield Problem(path=(*path, "times", index, "end_time"), message=message)
