"""What the lines of a test say: their labels, their times, their levels."""

import math

from featurewatch_kit.alertmanager.labels import label_set
from featurewatch_kit.alerttests import model
from featurewatch_kit.chain.setting import Setting
from featurewatch_kit.chain.story import Firing
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.labels import ALERTNAME, EXTRACTOR, LEVEL, POLICY, SEVERITY


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


def to_seconds(text: str | None) -> float:
    """Seconds until an end; infinity for one that is not said."""
    return math.inf if text is None else float(seconds(text))


def levels_of(line: model.FiringAlert, setting: Setting) -> list[Firing]:
    """Every level that begins before the alert ends.

    Raises:
        ArgumentError: our configuration has no such alert, or several.

    """
    begin, end = seconds(line.from_), to_seconds(line.to)
    return [
        Firing(labels, begin + delay, end)
        for labels, delay in setting.levels(line.alert, labels_of(line))
        if begin + delay < end
    ]
