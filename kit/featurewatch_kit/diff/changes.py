"""What changes for whom, from two configurations that have been read."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from featurewatch_kit.alertmanager.durations import duration
from featurewatch_kit.alertmanager.labels import LabelSet, written
from featurewatch_kit.alertmanager.routes import EVERY_LABEL, Route
from featurewatch_kit.diff import samples
from featurewatch_kit.diff.index import Index
from featurewatch_kit.diff.rules import alert_name, in_words
from featurewatch_kit.diff.sides import HIDDEN, Side

#: What can differ about one way of being told.
FACTS = (
    "by",
    "group_by",
    "group_wait",
    "group_interval",
    "repeat_interval",
    "mute_time_intervals",
    "active_time_intervals",
)
#: The values of these.
Way = tuple[str, ...]
#: By person and alert: every way, in order.
Told = dict[tuple[str, str], list[Way]]


@dataclass(frozen=True)
class Change:
    """What is told otherwise to one person of some alerts."""

    person: str
    #: `told now`, `told no longer`, or which fact is another.
    what: str
    old: list[str]
    new: list[str]
    alerts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Setting:
    """One value that differs; None stands for none."""

    place: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Changes:
    """Everything that differs."""

    people: list[Change]
    inhibit_rules_gone: list[str]
    inhibit_rules_new: list[str]
    settings: list[Setting]
    #: What can't be said for certain.
    notes: list[str]

    @property
    def some(self) -> bool:
        """Whether anything differs."""
        rules = self.inhibit_rules_gone or self.inhibit_rules_new
        return bool(self.people or rules or self.settings)


def compare(old: Side, new: Side) -> Changes:
    """Compare two configurations of a kind."""
    alerts, notes = _alerts(old, new)
    rules = [Counter(in_words(one)) for one in (old, new)]
    return Changes(
        people=_people(_told(old, alerts), _told(new, alerts)),
        inhibit_rules_gone=sorted((rules[0] - rules[1]).elements()),
        inhibit_rules_new=sorted((rules[1] - rules[0]).elements()),
        settings=_settings(old, new),
        notes=notes,
    )


def _alerts(old: Side, new: Side) -> tuple[list[LabelSet], list[str]]:
    if old.alerts is not None and new.alerts is not None:
        return sorted(old.alerts | new.alerts), []
    found, unknown, whole = samples.of_trees(old.configuration.root, new.configuration.root)
    notes = [f"no alert was found that fits {one}: not compared" for one in unknown]
    if not whole:
        notes.append(
            f"too many routes differ to try each with every other: {samples.MOST_PAIRS} alerts were"
        )
    return found, notes


def _told(side: Side, alerts: Iterable[LabelSet]) -> Told:
    index = Index(side.configuration.root)
    ways = {id(route): _ways(side, route) for route in side.configuration.root.walk()}
    found: Told = defaultdict(list)
    for alert in alerts:
        if side.alerts is not None and alert not in side.alerts:
            continue
        name = _labels(alert) if side.alerts is None else alert_name(alert)
        for route in index.ends(dict(alert)):
            for person, way in ways[id(route)]:
                found[person, name].append(way)
    # Of ours, one name can stand for alerts that differ in other labels.
    once = list if side.alerts is None else set
    return {key: sorted(once(every)) for key, every in found.items()}


def _ways(side: Side, route: Route) -> list[tuple[str, Way]]:
    """Who reads what this route sends, and how."""
    facts, found = _facts(route), []
    for way in side.configuration.receivers[route.receiver]:
        channel = way.name if side.alerts is None else way.name.partition("[")[0]
        by = channel + ("" if way.send_resolved else " (no ends)")
        for person in side.behind(route.receiver, way.name):
            found.append((person, (by, *facts)))
    return found


def _facts(route: Route) -> Way:
    """All but the first."""
    return (
        ", ".join([EVERY_LABEL] if route.group_by is None else sorted(route.group_by)),
        duration(route.group_wait),
        duration(route.group_interval),
        duration(route.repeat_interval),
        ", ".join(sorted(route.mute_time_intervals)),
        ", ".join(sorted(route.active_time_intervals)),
    )


def _labels(alert: LabelSet) -> str:
    return written(alert) if alert else "what no route asks for"


def _people(old: Told, new: Told) -> list[Change]:
    found: dict[tuple[Any, ...], Change] = {}
    for person, alert in sorted({*old, *new}):
        before, after = old.get((person, alert), []), new.get((person, alert), [])
        if before == after:
            continue
        for what, one, other in _differing(before, after):
            key = (person, what, *one, None, *other)
            change = found.setdefault(key, Change(person, what, one, other))
            change.alerts.append(alert)
    return list(found.values())


def _differing(before: list[Way], after: list[Way]) -> list[tuple[str, list[str], list[str]]]:
    old, new = _by_fact(before), _by_fact(after)
    if not before or not after:
        return [("told now" if after else "told no longer", old[0], new[0])]
    facts = [one for one in zip(FACTS, old, new, strict=True) if one[1] != one[2]]
    # The same channels and timers, but another timer for each channel, or one more message.
    return facts or [("ways", [*map(_in_words, before)], [*map(_in_words, after)])]


def _by_fact(ways: list[Way]) -> list[list[str]]:
    """Every value of each fact."""
    return [sorted({way[number] for way in ways}) for number in range(len(FACTS))]


def _in_words(way: Way) -> str:
    return ", ".join(f"{fact} {value}" for fact, value in zip(FACTS, way, strict=True) if value)


def _settings(old: Side, new: Side) -> list[Setting]:
    before, after = (dict(_leaves(one.settings)) for one in (old, new))
    hidden = HIDDEN if old.alerts is None else ()
    return [
        _setting(place, before.get(place), after.get(place), hidden=place.startswith(hidden))
        for place in dict.fromkeys(chain(before, after))
        if before.get(place) != after.get(place)
    ]


def _setting(place: str, old: Any, new: Any, *, hidden: bool) -> Setting:
    if not hidden:
        return Setting(place, old, new)
    return Setting(place, *("(not shown)" if value is not None else None for value in (old, new)))


def _leaves(node: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Each value with its place; entries of a list go by their names, if they have any."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(value, f"{place}.{key}" if place else str(key))
    elif isinstance(node, list) and any(isinstance(one, dict | list) for one in node):
        for number, one in enumerate(node):
            name = one.get("name", number) if isinstance(one, dict) else number
            yield from _leaves(one, f"{place}[{name}]")
    elif node not in ({}, []):
        yield place, node
