"""Alerts that show what a tree of routes does: such as its matchers ask for."""

import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from featurewatch_kit.alertmanager.labels import LabelSet, label_set
from featurewatch_kit.alertmanager.matchers import Matcher
from featurewatch_kit.alertmanager.routes import Route

#: What stands for any value.
ANY = "any"
#: Alerts for pairs of routes, at most: more take longer than people wait.
MOST_PAIRS = 1_000

#: How a word is made of a regular expression; whether it fits is asked afterwards.
_MADE = (
    (r"^\^?(?:\((?:\?:)?)?|\)?\$?$", ""),
    (r"\[([^]^\\])[^]]*\][*+?]?", r"\1"),
    (r"\\d[*+?]?", "1"),
    (r"\\w[*+?]?|\.[*+]", ANY),
    (r"\\(.)", r"\1"),
)

Conditions = tuple[Matcher, ...]
#: The matchers of each route from the first one down, and whether it says `continue`.
Path = tuple[tuple[Conditions, bool], ...]


def of_trees(old: Route, new: Route) -> tuple[list[LabelSet], list[str], bool]:
    """The labels of alerts, routes that no alert was found for, and whether all pairs are in.

    One alert for each value that a route names; one for a route that differs and each other one
    together, as the order of routes decides about it.
    """
    found: dict[LabelSet, None] = {(): None}
    unknown: dict[str, None] = {}
    before, after = _paths(old), _paths(new)
    every = list(dict.fromkeys(_conditions(path) for path in (*before, *after)))
    for conditions in every:
        samples = list(_samples(conditions))
        found |= dict.fromkeys(samples)
        unknown |= {} if samples else {", ".join(map(str, conditions)): None}
    pairs = map(_samples, _pairs(_differing(before, after), every))
    some = list(itertools.islice(itertools.chain.from_iterable(pairs), MOST_PAIRS + 1))
    found |= dict.fromkeys(some[:MOST_PAIRS])
    return list(found), list(unknown), len(some) <= MOST_PAIRS


def _pairs(differing: Iterable[Path], every: Sequence[Conditions]) -> Iterator[Conditions]:
    """What each of them asks for together with each other one, unless no alert can have both."""
    equal = [_equal(conditions) for conditions in every]
    for one in map(_conditions, differing):
        wanted = _equal(one)
        for conditions, values in zip(every, equal, strict=True):
            if all(wanted.get(label, value) == value for label, value in values.items()):
                yield (*one, *conditions)


def _equal(conditions: Conditions) -> dict[str, str]:
    return {one.label: one.value for one in conditions if one.operator == "="}


def _paths(root: Route) -> list[Path]:
    """What each route and those above it ask for, in the order of the tree."""
    return [
        tuple((step.matchers, step.goes_on) for step in (*reversed(route.ancestors()), route))
        for route in root.walk()
    ]


def _conditions(path: Path) -> Conditions:
    return tuple(matcher for matchers, _ in path for matcher in matchers)


def _differing(old: Sequence[Path], new: Sequence[Path]) -> list[Path]:
    """Those that only one of them has, or has at another place."""
    found: dict[Path, None] = {}
    steps = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for same, begin, end, new_begin, new_end in steps:
        if same != "equal":
            found |= dict.fromkeys([*old[begin:end], *new[new_begin:new_end]])
    return list(found)


def _samples(conditions: Conditions) -> Iterator[LabelSet]:
    """Labels that fulfil them: one set for each value that the last of them can have."""
    by_label: dict[str, list[Matcher]] = {}
    for matcher in conditions:
        by_label.setdefault(matcher.label, []).append(matcher)
    values = {label: _values(matchers) for label, matchers in by_label.items()}
    if not all(values.values()):
        return
    first = {label: choices[0] for label, choices in values.items()}
    yield label_set(first)
    for label, choices in values.items():
        for choice in choices[1:]:
            yield label_set({**first, label: choice})


def _values(matchers: Iterable[Matcher]) -> list[str]:
    """Values of one label that fulfil all of its matchers; those that are named, if any does."""
    matchers = list(dict.fromkeys(matchers))
    label = matchers[0].label
    named = [
        word for matcher in matchers if matcher.operator in ("=", "=~") for word in _words(matcher)
    ]
    fit = [
        value
        for value in dict.fromkeys([*named, "", ANY])
        if all(matcher.matches({label: value}) for matcher in matchers)
    ]
    return [value for value in fit if value in named] or fit[:1]


def _words(matcher: Matcher) -> list[str]:
    """Values that it names, or that are made of what it says: `any-1` for `.*-[1-9]`."""
    if matcher.operator == "=":
        return [matcher.value]
    text = matcher.value
    for pattern, word in _MADE:
        text = re.sub(pattern, word, text)
    return [*matcher.values(), *text.split("|")]
