"""From a file of tests to stories and expectations, or to what is wrong in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from featurewatch_kit.alertmanager.matchers import parse_all
from featurewatch_kit.alerttests import model
from featurewatch_kit.alerttests.faults import problems
from featurewatch_kit.alerttests.lines import labels_of, levels_of, to_seconds
from featurewatch_kit.alerttests.wanted import Wanted
from featurewatch_kit.chain.setting import Setting
from featurewatch_kit.chain.story import START, Acknowledged, Restart, Silenced, Story
from featurewatch_receiver.config.file import load, read
from featurewatch_receiver.config.values import seconds


@dataclass(frozen=True)
class Case:
    """One test, ready to be played."""

    name: str
    #: File and line.
    place: str
    story: Story
    until: float
    wanted: tuple[Wanted, ...]
    #: Who is told nothing but what is wanted.
    watched: frozenset[str]


def read_cases(file: Path, setting: Setting) -> list[Case]:
    """Read the tests of a file.

    Raises:
        ConfigError: with one line per fault.

    """
    found = load([file], model.TestFile, lambda tests: problems(tests, setting))
    document = read([file])
    return [
        _case(test, document.where(("tests", number)), setting)
        for number, test in enumerate(found.tests)
    ]


def _case(test: model.AlertTest, place: str, setting: Setting) -> Case:
    story = _story(test, setting)
    moments = [story.last, *map(_begin, test.told), *map(_end_if_said, test.told)]
    until = seconds(test.until) if test.until else max(moments) + setting.longest_interval
    named = frozenset([*(one.who for one in test.told), *test.not_told])
    others = setting.people.persons if test.others == "nothing" else frozenset()
    wanted = tuple(_wanted(one, until) for one in test.told)
    return Case(test.name, place, story, until, wanted, named | others)


def _story(test: model.AlertTest, setting: Setting) -> Story:
    return Story(
        start=_utc(test.start) if test.start else START,
        alerts=[one for line in test.alerts for one in levels_of(line, setting)],
        silences=[
            Silenced(parse_all(one.matchers), seconds(one.from_), to_seconds(one.to))
            for one in test.silences
        ],
        acknowledgements=[
            Acknowledged(labels_of(one), seconds(one.at), seconds(one.for_))
            for one in test.acknowledgements
        ],
        restarts=[Restart(seconds(one.at), seconds(one.for_), one.killed) for one in test.restarts],
    )


def _utc(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _begin(one: model.Expected) -> float:
    return float(seconds(one.at)) if one.at else 0.0


def _end_if_said(one: model.Expected) -> float:
    if one.within:
        return _begin(one) + seconds(one.within)
    return _begin(one)


def _wanted(one: model.Expected, until: float) -> Wanted:
    said = one.at is not None or one.within is not None
    return Wanted(
        who=one.who,
        first=_begin(one),
        last=_end_if_said(one) if said else until,
        channels=frozenset(one.by or ()),
        status=one.status,
        firing=_patterns(one.firing),
        resolved=_patterns(one.resolved),
    )


def _patterns(alerts: list[model.AlertName] | None) -> tuple[Mapping[str, str], ...] | None:
    return None if alerts is None else tuple(map(labels_of, alerts))
