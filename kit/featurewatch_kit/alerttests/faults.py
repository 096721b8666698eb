"""What is wrong in a file of tests beyond its form."""

from collections.abc import Iterator

from featurewatch_kit.alertmanager.matchers import parse_all
from featurewatch_kit.alerttests import model
from featurewatch_kit.alerttests.lines import labels_of, levels_of, to_seconds
from featurewatch_kit.chain.setting import Setting
from featurewatch_kit.chain.story import Firing
from featurewatch_kit.errors import KitError
from featurewatch_receiver.config.file import KeyPath, Problem
from featurewatch_receiver.config.values import seconds

_TOO_EARLY = "is not after its beginning; write a later one"


def problems(tests: model.TestFile, setting: Setting) -> Iterator[Problem]:
    """Alerts, acknowledgements, silences and people that can't be."""
    for number, test in enumerate(tests.tests):
        path: KeyPath = ("tests", number)
        known: list[Firing] = []
        for n, line in enumerate(test.alerts):
            yield from _of_alert(line, known, setting, (*path, "alerts", n))
        for n, made in enumerate(test.acknowledgements):
            yield from _of_acknowledgement(made, known, setting, (*path, "acknowledgements", n))
        for n, silence in enumerate(test.silences):
            yield from _of_silence(silence, (*path, "silences", n))
        yield from _of_names(test, setting, path)


def _of_alert(
    line: model.FiringAlert, known: list[Firing], setting: Setting, path: KeyPath
) -> Iterator[Problem]:
    """Add its levels to those that are known, or say what is wrong."""
    if not labels_of(line):
        yield Problem(path=path, message="has no labels; write 'alert: NAME', say")
        return
    if seconds(line.from_) >= to_seconds(line.to):
        yield Problem(path=(*path, "to"), message=_TOO_EARLY)
        return
    try:
        levels = levels_of(line, setting)
    except KitError as error:
        yield Problem(path=(*path, "alert"), message=str(error))
        return
    if any(one.overlaps(other) for one in levels for other in known):
        message = "fires already at that time; write another time, or another extractor"
        yield Problem(path=path, message=message)
    known += levels


def _of_acknowledgement(
    made: model.Acknowledgement, known: list[Firing], setting: Setting, path: KeyPath
) -> Iterator[Problem]:
    wanted, at = labels_of(made), seconds(made.at)
    if setting.catalogue is None:
        message = "only alerts of featurewatch are acknowledged; write a silence"
        yield Problem(path=path, message=message)
    elif not any(one.fires(at) and wanted.items() <= one.labels.items() for one in known):
        message = f"no such alert fires at {made.at}; write the alert and the time of one above"
        yield Problem(path=path, message=message)


def _of_silence(silence: model.Silence, path: KeyPath) -> Iterator[Problem]:
    try:
        parse_all(silence.matchers)
    except KitError as error:
        yield Problem(path=(*path, "matchers"), message=str(error))
    if seconds(silence.from_) >= to_seconds(silence.to):
        yield Problem(path=(*path, "to"), message=_TOO_EARLY)


def _of_names(test: model.AlertTest, setting: Setting, path: KeyPath) -> Iterator[Problem]:
    named = {(*path, "told", n, "who"): one.who for n, one in enumerate(test.told)}
    named |= {(*path, "not_told", n): name for n, name in enumerate(test.not_told)}
    for here, name in named.items():
        if name not in setting.people.names:
            names = ", ".join(sorted(setting.people.names))
            message = f"{name} is nobody that can be told; write one of {names}"
            yield Problem(path=here, message=message)
