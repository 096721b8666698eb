"""Times of a week or year, as in Alertmanager's time_intervals.

Grammar: https://prometheus.io/docs/alerting/latest/configuration/#time_interval-0
"""

from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from featurewatch_receiver.config.values import Strict, Text

WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
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
    str, Field(pattern=_range(_any_case(WEEKDAYS))), AfterValidator(_rising(WEEKDAYS.index))
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

    def holds(self, time: datetime, month_days: "MonthDays | None" = None) -> bool:
        """Whether this moment is in it, as Alertmanager counts; not for an unknown location.

        `month_days` counts the days of a moment's month, if not the calendar.
        """
        try:
            there = _at(time, self.location)
        except (ZoneInfoNotFoundError, ValueError):
            return False
        return (
            _is_one(self.times, _in_times, there)
            and _is_one(self.weekdays, _on_weekdays, there)
            and _is_one(self.days_of_month, partial(_on_days, month_days or _month_days), there)
            and _is_one(self.months, _in_months, there)
            and _is_one(self.years, _in_years, there)
        )


MonthDays = Callable[[datetime], int]
Named = Mapping[str, list[TimeInterval]]
_MINUTE = timedelta(minutes=1)
_Part = TypeVar("_Part")


def holding(named: Named, names: list[str], time: datetime) -> list[str]:
    """Which of the intervals of these names hold at this moment."""
    return [name for name in names if any(one.holds(time) for one in named.get(name, []))]


def ends(named: Named, names: list[str], time: datetime, most: timedelta) -> datetime | None:
    """The next full minute at which none of them holds; None: none of the next `most`."""
    begin = time.replace(second=0, microsecond=0)
    minutes = (begin + n * _MINUTE for n in range(1, most // _MINUTE))
    return next((minute for minute in minutes if not holding(named, names, minute)), None)


def _is_one(
    parts: list[_Part] | None, is_in: Callable[[_Part, datetime], bool], there: datetime
) -> bool:
    return parts is None or any(is_in(part, there) for part in parts)


def _at(time: datetime, location: str | None) -> datetime:
    """The time there; "Local" is this machine's, which stands for Alertmanager's."""
    if location == "Local":
        return time.astimezone()
    return time.astimezone(ZoneInfo(location) if location else UTC)


def _in_times(part: TimeRange, there: datetime) -> bool:
    return part.start_time <= f"{there:%H:%M}" < part.end_time


def _on_weekdays(part: str, there: datetime) -> bool:
    first, last = _both(part, WEEKDAYS.index)
    return first <= there.isoweekday() % len(WEEKDAYS) <= last


def _month_days(there: datetime) -> int:
    return monthrange(there.year, there.month)[1]


def _on_days(month_days: MonthDays, part: str, there: datetime) -> bool:
    length = month_days(there)
    first, last = _both(part, lambda text: int(text) + (length + 1 if int(text) < 0 else 0))
    return first <= length and min(first, length) <= there.day <= min(last, length)


def _in_months(part: str, there: datetime) -> bool:
    first, last = _both(part, _month)
    return first <= there.month <= last


def _in_years(part: str, there: datetime) -> bool:
    first, last = _both(part, int)
    return first <= there.year <= last


def _both(part: str, place: Callable[[str], int]) -> tuple[int, int]:
    begin, _, end = part.lower().partition(":")
    return place(begin), place(end or begin)
