"""From a file of tests to stories and expectations, or to what is wrong in it."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from featurewatch_kit.alertmanager.labels import label_set
from featurewatch_kit.alertmanager.matchers import parse_all
from featurewatch_kit.alerttests import model
from featurewatch_kit.alerttests.wanted import Wanted
from featurewatch_kit.chain.setting import Setting
from featurewatch_kit.chain.story import START, Acknowledged, Firing, Restart, Silenced, Story
from featurewatch_kit.errors import KitError
from featurewatch_receiver.config.file import KeyPath, Problem, load, read
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.labels import ALERTNAME, EXTRACTOR, LEVEL, POLICY, SEVERITY

_TOO_EARLY = "is not after its beginning; write a later one"


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
    found = load([file], model.TestFile, lambda tests: _problems(tests, setting))
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
        alerts=[one for line in test.alerts for one in _firing(line, setting)],
        silences=[
            Silenced(parse_all(one.matchers), seconds(one.from_), _to(one.to))
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


def _to(text: str | None) -> float:
    return math.inf if text is None else float(seconds(text))


def _firing(line: model.FiringAlert, setting: Setting) -> list[Firing]:
    """Every level that begins before the alert ends."""
    begin, end = seconds(line.from_), _to(line.to)
    return [
        Firing(labels, begin + delay, end)
        for labels, delay in setting.levels(line.alert, labels_of(line))
        if begin + delay < end
    ]


def labels_of(line: model.AlertName) -> dict[str, str]:
    """The labels that a line names."""
    short = {
        ALERTNAME: line.alert,
        EXTRACTOR: line.extractor,
        LEVEL: None if line.level is None else str(line.level),
        SEVERITY: line.severity,
        POLICY: line.policy,
    }
    named = {name: value for name, value in short.items() if value is not None}
    return dict(label_set({**line.labels, **named}))


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


def _problems(tests: model.TestFile, setting: Setting) -> Iterator[Problem]:
    for number, test in enumerate(tests.tests):
        path: KeyPath = ("tests", number)
        yield from _alert_problems(test, setting, path)
        yield from _silence_problems(test, path)
        yield from _name_problems(test, setting, path)


def _alert_problems(test: model.AlertTest, setting: Setting, path: KeyPath) -> Iterator[Problem]:
    known: list[Firing] = []
    for number, line in enumerate(test.alerts):
        here = (*path, "alerts", number)
        if not labels_of(line):
            yield Problem(path=here, message="has no labels; write 'alert: NAME', say")
        elif seconds(line.from_) >= _to(line.to):
            yield Problem(
                path=(*here, "to"), message="is not after its beginning; write a later one"
            )
        else:
            try:
                levels = _firing(line, setting)
            except KitError as error:
                yield Problem(path=(*here, "alert"), message=str(error))
                continue
            if any(one.overlaps(other) for one in levels for other in known):
                message = "fires already at that time; write another time, or another extractor"
                yield Problem(path=here, message=message)
            known += levels
    for number, made in enumerate(test.acknowledgements):
        here = (*path, "acknowledgements", number)
        if setting.catalogue is None:
            message = "only alerts of featurewatch are acknowledged; write a silence"
            yield Problem(path=here, message=message)
        elif not any(_meant(made, one) for one in known):
            message = f"no such alert fires at {made.at}; write the alert and the time of one above"
            yield Problem(path=here, message=message)


def _meant(made: model.Acknowledgement, one: Firing) -> bool:
    wanted = labels_of(made)
    return one.fires(seconds(made.at)) and wanted.items() <= one.labels.items()


def _silence_problems(test: model.AlertTest, path: KeyPath) -> Iterator[Problem]:
    for number, silence in enumerate(test.silences):
        here = (*path, "silences", number)
        try:
            parse_all(silence.matchers)
        except KitError as error:
            yield Problem(path=(*here, "matchers"), message=str(error))
        if seconds(silence.from_) >= _to(silence.to):
            yield Problem(
                path=(*here, "to"), message="is not after its beginning; write a later one"
            )


def _name_problems(test: model.AlertTest, setting: Setting, path: KeyPath) -> Iterator[Problem]:
    named = {(*path, "told", n, "who"): one.who for n, one in enumerate(test.told)}
    named |= {(*path, "not_told", n): name for n, name in enumerate(test.not_told)}
    for here, name in named.items():
        if name not in setting.people.names:
            known = ", ".join(sorted(setting.people.names))
            yield Problem(
                path=here, message=f"{name} is nobody that can be told; write one of {known}"
            )
