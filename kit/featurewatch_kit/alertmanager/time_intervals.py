"""Named times of a week or year, in which routes are mute or active."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from featurewatch_kit.alertmanager.versions import Version
from featurewatch_kit.errors import ArgumentError
from featurewatch_receiver import pydantic_errors
from featurewatch_receiver.config.timeintervals import WEEKDAYS, TimeInterval

MINUTE = 60
_HOURS_OF_DAY = 24


def _days_by_hours(there: datetime) -> int:
    """The days of its month, as whole days in the hours of the month: March can have 30."""
    begin = there.replace(day=1, hour=0, minute=0)
    end = (begin + timedelta(days=31)).replace(day=1)
    hours = (end.timestamp() - begin.timestamp()) / 3600
    return int(hours / _HOURS_OF_DAY)


class TimeIntervals:
    """Every named interval; what holds is looked at once a minute."""

    def __init__(self, named: Mapping[str, list[TimeInterval]], version: Version) -> None:
        self._named = named
        self._days = _days_by_hours if version.months_by_hours else None
        self._held: dict[tuple[str, int], bool] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._named

    def holding(self, names: Iterable[str], now: float) -> list[str]:
        """Which of these hold at this moment."""
        minute = int(now // MINUTE)
        return [name for name in names if self._holds(name, minute)]

    def _holds(self, name: str, minute: int) -> bool:
        held = self._held.get((name, minute))
        if held is None:
            time = datetime.fromtimestamp(minute * MINUTE, UTC)
            held = any(one.holds(time, self._days) for one in self._named[name])
            self._held[(name, minute)] = held
        return held


def read_interval(node: Mapping[str, Any], version: Version, place: str) -> TimeInterval:
    """Read one interval as Alertmanager does, who knows names in any case and years as numbers.

    Raises:
        ArgumentError: Alertmanager would refuse it.

    """
    ranges = ("weekdays", "days_of_month", "months", "years")
    plain = {
        str(key): [str(one).lower() for one in value]
        if key in ranges and isinstance(value, list)
        else value
        for key, value in node.items()
        if value
    }
    if version.weeks_wrap and isinstance(plain.get("weekdays"), list):
        plain["weekdays"] = [part for one in plain["weekdays"] for part in _unwrapped(one)]
    try:
        return TimeInterval.model_validate(plain)
    except ValidationError as error:
        fault = pydantic_errors.sentence(error)
        raise ArgumentError(f"{place}: {fault}; Alertmanager would refuse it") from error


def _unwrapped(weekdays: str) -> list[str]:
    """`friday:monday` as two ranges that do not go over the week's end."""
    begin, _, end = weekdays.partition(":")
    if {begin, end} <= set(WEEKDAYS) and WEEKDAYS.index(begin) > WEEKDAYS.index(end):
        return [f"{begin}:{WEEKDAYS[-1]}", f"{WEEKDAYS[0]}:{end}"]
    return [weekdays]
