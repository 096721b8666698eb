"""Finds the fields of a JSON object, and makes numbers and label values of them."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from featurewatch import names
from featurewatch_exporter.rules import RESULTS, STAR, Rule

#: Characters of a label's value; what is longer is cut.
MAX_LABEL_LENGTH = 128


class FieldError(ValueError):
    """A field that cannot be used; the message says what is wrong with it."""

    def __init__(self, problem: str, seen: object) -> None:
        super().__init__(problem)
        self.problem = problem
        self.seen = seen


class Event(NamedTuple):
    """Something that a source told."""

    rule: Rule
    #: In the unit of the metric.
    value: float
    #: Value of an open label.
    label: str | None = None
    #: How many events this one stands for, when the source told of a sample of them.
    weight: float = 1


def look_up(tree: object, path: str) -> object:
    """Return what stands at *path*, None if nothing does.

    A key that holds dots itself is found by its whole name.
    """
    if not isinstance(tree, Mapping):
        return None
    if path in tree:
        return tree[path]
    first, dot, rest = path.partition(".")
    return look_up(tree.get(first), rest) if dot else None


def number(value: object) -> float:
    """Return *value* if it is a number; text, true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError("is no number", value)
    try:
        return float(value)
    except OverflowError:
        raise FieldError("is too large", "a number of hundreds of digits") from None


def figure(rule: Rule, value: object, label: str | None = None, *, scale: float = 1) -> Event:
    """Return the event of a field that is a number, by *scale* where the rule has none.

    Raises :class:`FieldError` for what is no number that makes sense.
    """
    try:
        return Event(rule, rule.scaled(number(value), scale), _label(rule, label))
    except FieldError:
        raise
    except ValueError as error:
        raise FieldError(str(error), value) from error


def starred(rule: Rule, tree: object) -> Iterator[tuple[str, object]]:
    """Yield the names and values below a path that ends in a star."""
    found = look_up(tree, rule.path.removesuffix(STAR))
    if found is None:
        return
    if not isinstance(found, Mapping):
        raise FieldError("has no fields", found)
    yield from found.items()


def outcome(rule: Rule, value: object) -> Event:
    """Return the event of a field that is itself the label's value, or true."""
    if value is True:
        value = names.RESULT_HIT if rule.metric is names.CACHE_LOOKUPS else ""
    elif value is False and rule.metric is names.CACHE_LOOKUPS:
        value = names.RESULT_MISS
    if not isinstance(value, str):
        raise FieldError("is no text", value)
    return Event(rule, 1, _label(rule, value))


def _label(rule: Rule, value: str | None) -> str | None:
    if not rule.open or value is None:
        return None
    if rule.metric is names.CACHE_LOOKUPS and value not in RESULTS:
        raise FieldError("is neither hit nor miss", value)
    return value[:MAX_LABEL_LENGTH]
