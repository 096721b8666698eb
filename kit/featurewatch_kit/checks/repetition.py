"""What flaps and what is a storm: the numbers of their rules are those of the configuration."""

import re
from collections.abc import Iterator
from contextlib import suppress
from math import ceil, floor

from featurewatch_kit.checks.tree import Tree
from featurewatch_kit.config.model import Config, Flapping, Storm
from featurewatch_receiver.config.values import seconds

#: The rule, the key of the configuration, what is wanted there, and what the rule says.
Read = tuple[str, str, float, float | None]
#: A key of the configuration, its number, and where the rule has it.
_Place = tuple[str, float, str]


def repetition(config: Config, tree: Tree) -> Iterator[Read]:
    """Each number of the rules on flapping and storms; none of what is switched off."""
    if config.alerting.flapping is not None:
        yield from _read("featurewatch:flapping", tree, _flapping(config.alerting.flapping))
    if config.alerting.storm is not None:
        yield from _read("featurewatch:storm", tree, _storm(config.alerting.storm))


def _flapping(flapping: Flapping) -> list[_Place]:
    window = seconds(flapping.window)
    quiet = floor(window / (flapping.beginnings - 1))
    return [
        ("alerting.flapping.beginnings", flapping.beginnings, r">= ([^\s,]+),$"),
        ("alerting.flapping.window", window, r"bool time\(\) - ([^\s)]+)"),
        ("alerting.flapping.window", window, r"(?:changes|min_over_time)\(.*\[(\w+)[\]:]"),
        ("alerting.flapping: its pauses", quiet, r"count_over_time\(featurewatch:breach\[(\w+)\]"),
    ]


def _storm(storm: Storm) -> list[_Place]:
    return [
        ("alerting.storm.extractors", storm.extractors, r"^\) >= (\S+)$"),
        ("alerting.storm.extractors: half of them", ceil(storm.extractors / 2), r"\)\) >= (\S+)$"),
        ("alerting.storm.window", seconds(storm.window), r"> time\(\) - (\S+)$"),
    ]


def _read(record: str, tree: Tree, places: list[_Place]) -> Iterator[Read]:
    if not any(record in alert.code for alert in tree.alerts):
        return  # no alert that is on reads it
    text = _expression(record, tree)
    for key, wanted, pattern in places:
        for found in re.findall(pattern, text, re.MULTILINE) or [None]:
            yield record, key, float(wanted), _number(found)


def _expression(record: str, tree: Tree) -> str:
    every = (
        rule
        for file in (tree.rules, tree.alert_rules)
        for group in file["groups"]
        for rule in group["rules"]
    )
    return next((str(rule["expr"]) for rule in every if rule.get("record") == record), "")


def _number(text: str | None) -> float | None:
    """A plain number, or a duration in seconds."""
    for read in (float, seconds):
        with suppress(ValueError):
            return float(read(text or ""))
    return None
