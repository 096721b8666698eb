"""Plays each test and says what is missing and what is too much."""

from dataclasses import dataclass

from featurewatch_kit.alertmanager.durations import duration
from featurewatch_kit.alerttests.reading import Case
from featurewatch_kit.alerttests.wanted import Telling, Wanted, pairs, tellings
from featurewatch_kit.chain.play import play
from featurewatch_kit.chain.setting import Setting
from featurewatch_kit.errors import ArgumentError


@dataclass(frozen=True)
class Result:
    """One test that was played."""

    case: Case
    told: tuple[Telling, ...]
    missing: tuple[Wanted, ...]
    unexpected: tuple[Telling, ...]

    @property
    def passed(self) -> bool:
        """Whether all is as wanted."""
        return not self.missing and not self.unexpected

    def timeline(self) -> list[str]:
        """All in its order: `-` marks what was wanted and not told, `+` what nobody wanted."""
        lines = [_Line(one.first, "-", one.when, one.who, str(one)) for one in self.missing]
        for one in self.told:
            mark = "+" if one in self.unexpected else " "
            lines.append(_Line(one.time, mark, duration(one.time), one.who, str(one)))
        when = max((len(line.when) for line in lines), default=0)
        who = max((len(line.who) for line in lines), default=0)
        return [
            f"{line.mark} {line.when:<{when}}  {line.who:<{who}}  {line.what}"
            for line in sorted(lines, key=lambda line: (line.time, line.who, line.mark))
        ]


@dataclass(frozen=True)
class _Line:
    time: float
    mark: str
    when: str
    who: str
    what: str


def run_case(case: Case, setting: Setting) -> Result:
    """Play one test.

    Raises:
        ArgumentError: what it acknowledges is not one alert.

    """
    try:
        told = play(setting, case.story, case.until)
    except ArgumentError as error:
        raise ArgumentError(f"{case.place}: {error}") from error
    found = tellings(told)
    paired = pairs(case.wanted, found)
    return Result(
        case=case,
        told=tuple(one for one in found if one.who in case.watched),
        missing=tuple(
            one for number, one in enumerate(case.wanted) if number not in paired.values()
        ),
        unexpected=tuple(
            one
            for number, one in enumerate(found)
            if number not in paired and one.who in case.watched
        ),
    )
