"""Makes numbers and label values of the fields of a source."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from featurewatch import names
from featurewatch_exporter.paths import Found, JsonPath
from featurewatch_exporter.rules import RESULTS, Rule

#: Characters of a label's value; what is longer is cut.
MAX_LABEL_LENGTH = 128
#: A number as text: what JSON writes, and what C and Java print.
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


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


Told = Event | FieldError


def told(
    rule: Rule, found: Iterable[Found], event_of: Callable[[object, str | None], Event | None]
) -> Iterator[Told]:
    """Yield what each value that was *found* tells for *rule*, or what is wrong with that one.

    *event_of* makes an event of a value and its label; None tells nothing.
    """
    results = [result for one in found if (result := _result(one, event_of)) is not None]
    if rule.metric.type == "gauge" and len(results) > 1:
        fix = "select one, as in [name=resnet]"
        yield FieldError(f"stands for several values, and a gauge has one; {fix}", len(results))
        return
    yield from results


def _result(found: Found, event_of: Callable[[object, str | None], Event | None]) -> Told | None:
    label, value = found
    try:
        return event_of(value, label)
    except FieldError as error:
        if label is None:
            return error
        return FieldError(f"has a field that {error.problem}", {label: error.seen})


def absent(path: JsonPath, tree: object) -> FieldError | None:
    """Return what is wrong when nothing was found; that a star stands for nothing is not."""
    above = tree
    if path.above.steps:
        above = next((value for _, value in path.above.find(tree)), None)
    if above is None or not path.starred:
        return FieldError("is missing or null", None)
    return None if isinstance(above, Mapping | list) else FieldError("has no fields", above)


def number(value: object, *, as_text: bool = False) -> float:
    """Return *value* if it is a number; true and false are none, nor is text unless *as_text*."""
    if as_text and isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError("is no number", value)
    try:
        return float(value)
    except OverflowError:
        raise FieldError("is too large", "a number of hundreds of digits") from None


def figure(
    rule: Rule, value: object, label: str | None = None, *, scale: float = 1, as_text: bool = False
) -> Event:
    """Return the event of a field that is a number, by *scale* where the rule has none.

    Raises :class:`FieldError` for what is no number that makes sense.
    """
    try:
        amount = rule.scaled(number(value, as_text=as_text), scale)
        return Event(rule, amount, _label(rule, label))
    except FieldError:
        raise
    except ValueError as error:
        raise FieldError(str(error), value) from error


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
