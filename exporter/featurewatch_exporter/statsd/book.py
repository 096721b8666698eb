"""Finds the rules for a line, and the label values that its name and tags give."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from featurewatch import names
from featurewatch_exporter.fields import FieldError, outcome
from featurewatch_exporter.rules import STAR, Rule
from featurewatch_exporter.statsd.dialects import (
    TYPES,
    LineError,
    Parts,
    read_head,
    read_tail,
    text,
)

_TRUTH = {"true": True, "false": False}


class Target(NamedTuple):
    """A series that a line tells of."""

    rule: Rule
    #: Value of an open label.
    label: str | None = None


class Fault(NamedTuple):
    """Why a line tells a rule nothing."""

    place: str
    problem: str
    seen: str


class Plan(NamedTuple):
    """What is made of the values of every line with the same name, type, rate and tags."""

    targets: tuple[Target, ...] = ()
    faults: tuple[Fault, ...] = ()
    kind: str = ""
    #: How many events one value stands for.
    weight: float = 1
    #: Whether other tags at the end of the line could make it another one.
    by_tags: bool = False


class RuleBook:
    """The rules of one source."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._named: dict[str, list[Rule]] = {}
        self._starred: list[tuple[str, Rule]] = []
        for rule in rules:
            if rule.starred:
                self._starred.append((rule.path.removesuffix(STAR) + ".", rule))
            else:
                self._named.setdefault(rule.path, []).append(rule)

    def find(self, name: str) -> list[tuple[Rule, str | None]]:
        """Return each rule for *name* with what its star stands for.

        A rule that has the whole name goes before those with a star.
        """
        named = self._named.get(name)
        if named:
            return [(rule, None) for rule in named]
        return [
            (rule, name.removeprefix(prefix))
            for prefix, rule in self._starred
            if name.startswith(prefix) and name != prefix
        ]

    def plan(self, parts: Parts) -> Plan | None:
        """Return what is made of a line, None if its name is not in the map."""
        found, tags = self._look_up(parts.head)
        if not found:
            return None
        by_tags = any(rule.tag or rule.tags for rule, _ in found)
        try:
            tail = read_tail(parts.tail)
        except LineError as error:
            fault = str(error), text(parts.tail)
            return Plan(faults=tuple(Fault(r.path, *fault) for r, _ in found), by_tags=by_tags)
        tags |= tail.tags
        wanted = [(rule, rest) for rule, rest in found if tags.items() >= set(rule.tags)]
        told = [_told(rule, rest, tail.kind, tags) for rule, rest in wanted]
        return Plan(
            tuple(one for one in told if isinstance(one, Target)),
            tuple(one for one in told if isinstance(one, Fault)),
            tail.kind,
            # A gauge is what it is, however often it was told.
            1 if TYPES.get(tail.kind) == "gauge" else 1 / tail.rate,
            by_tags,
        )

    def _look_up(self, head: bytes) -> tuple[list[tuple[Rule, str | None]], dict[str, str]]:
        whole = text(head)
        if whole in self._named:  # a name may hold what tags begin with elsewhere
            return self.find(whole), {}
        name, tags = read_head(head)
        return self.find(name), tags


def _told(
    rule: Rule, rest: str | None, kind: str, tags: Mapping[str, str]
) -> Target | Fault | None:
    """Return what a line tells *rule*: a series, why none, or None for nothing."""
    if TYPES.get(kind) != rule.metric.type:
        return Fault(rule.path, f"has a type that is no {rule.metric.type}", kind)
    if not rule.open:
        return Target(rule)
    try:
        return Target(rule, outcome(rule, rest).label) if rest is not None else _tagged(rule, tags)
    except FieldError as error:
        return Fault(rule.path, error.problem, str(error.seen))


def _tagged(rule: Rule, tags: Mapping[str, str]) -> Target | None:
    """Return the series whose label's value is a tag.

    As in a line of JSON, ``true`` and no tag at all are an error or fallback that nobody named,
    and ``false`` is none; a lookup is a hit when it is true.
    """
    told = tags.get(rule.tag, "")
    if rule.metric is names.CACHE_LOOKUPS:
        if not told:
            raise FieldError(f"has no tag {rule.tag!r}", "")
        return Target(rule, outcome(rule, _TRUTH.get(told, told)).label)
    if told == "false":
        return None
    return Target(rule, outcome(rule, _TRUTH.get(told, told) or True).label)
