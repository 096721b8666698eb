"""Times of a week or year, as in Alertmanager's time_intervals.

Grammar: https://prometheus.io/docs/alerting/latest/configuration/#time_interval-0
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from featurewatch_receiver.config.file import Problem
from featurewatch_receiver.config.values import Strict, Text

_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
# The shortest month, by which Alertmanager compares days from both ends.
_SHORTEST_MONTH = 28


def _range(one: str) -> str:
    return rf"^({one})(:({one}))?$"


def _any_case(names: tuple[str, ...]) -> str:
    return "|".join(f"[{name[0].upper()}{name[0]}]{name[1:]}" for name in names)


def _rising(place: Callable[[str], int]) -> Callable[[str], str]:
    """Make a check that a range BEGIN:END does not end before it begins."""

    def check(text: str) -> str:
        begin, _, end = text.lower().partition(":")
        if end and place(begin) > place(end):
            raise ValueError("ends before it begins")
        return text

    return check


def _month(text: str) -> int:
    return _MONTHS.index(text) + 1 if text in _MONTHS else int(text)


def _days_rise(text: str) -> str:
    """Days below 0 count from the month's end, and none of them comes before a day above 0."""
    begin, _, end = text.partition(":")
    first, last = int(begin), int(end or begin)
    comparable = last + _SHORTEST_MONTH if first > 0 > last else last
    if first > comparable or first < 0 < last:
        raise ValueError("ends before it begins, at least in February")
    return text


ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$", examples=["22:00"])]
_DAY = r"-?(0?[1-9]|[12]\d|3[01])"
Weekday = Annotated[
    str, Field(pattern=_range(_any_case(_WEEKDAYS))), AfterValidator(_rising(_WEEKDAYS.index))
]
DayOfMonth = Annotated[str, Field(pattern=_range(_DAY)), AfterValidator(_days_rise)]
Month = Annotated[
    str,
    Field(pattern=_range(rf"{_any_case(_MONTHS)}|0?[1-9]|1[0-2]")),
    AfterValidator(_rising(_month)),
]
Year = Annotated[str, Field(pattern=_range(r"\d{4}")), AfterValidator(_rising(int))]


def _some(*examples: str) -> Any:
    return Field(min_length=1, examples=[list(examples)])


class TimeRange(Strict):
    """A part of a day, in UTC or at the interval's location."""

    start_time: ClockTime
    end_time: ClockTime


class TimeInterval(Strict):
    """Alertmanager's time_interval: all of what is given must be true."""

    times: Annotated[list[TimeRange] | None, Field(min_length=1)] = None
    weekdays: Annotated[list[Weekday] | None, _some("monday:friday", "sunday")] = None
    days_of_month: Annotated[list[DayOfMonth] | None, _some("1:5", "-3:-1")] = None
    months: Annotated[list[Month] | None, _some("january:march", "12")] = None
    years: Annotated[list[Year] | None, _some("2026:2028")] = None
    location: Text | None = None


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
