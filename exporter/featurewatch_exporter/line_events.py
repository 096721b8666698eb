"""Makes events of the records of a log, many at a time and cheaply."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from featurewatch import names
from featurewatch_exporter.fields import Event, FieldError, Told, absent, figure, outcome, told
from featurewatch_exporter.paths import json_path
from featurewatch_exporter.rules import OF_EXTRACTIONS, Rule, rescale

Record = dict[str, object]
#: Different texts of one field that are remembered; a label has fewer.
_MOST_TEXTS = 1000


class RecordReader:
    """Reads records by *rules*, and adds up what they tell until it is taken.

    *failed* is called with each field that makes no sense.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        failed: Callable[[Rule, FieldError], None],
        *,
        as_text: bool = False,
    ) -> None:
        self._fields = [
            (_field(rule, failed, as_text), rule.metric in OF_EXTRACTIONS) for rule in rules
        ]
        self._extractions = 0

    def add(self, record: Record) -> None:
        """Add what *record* tells."""
        extraction = False
        for field, tells_of_extraction in self._fields:
            if field.add(record) and tells_of_extraction:
                extraction = True
        self._extractions += extraction

    def take(self) -> tuple[list[Event], int]:
        """Return the events since the last call, and of how many extractions they tell."""
        events = [event for field, _ in self._fields for event in field.take()]
        extractions, self._extractions = self._extractions, 0
        return events, extractions


def read_events(rule: Rule, record: Record, *, as_text: bool = False) -> Iterator[Told]:
    """Yield what *record* tells for *rule*; a field that is missing or null tells nothing."""

    def event_of(value: object, label: str | None) -> Event | None:
        if value is None:
            return None
        if label is None and rule.open:
            return _outcome(rule, value)
        if label is None and rule.metric.type == "counter" and isinstance(value, bool):
            return Event(rule, 1) if value else None
        return figure(rule, value, label, as_text=as_text)

    path = json_path(rule.path)
    found = list(path.find(record))
    problem = None if found or not path.starred else absent(path, record)
    if problem and problem.seen is not None:
        yield problem
    yield from told(rule, found, event_of)


def _outcome(rule: Rule, value: object) -> Event | None:
    nothing = value is False and rule.metric is not names.CACHE_LOOKUPS
    # An empty text is how many services write that there was no error.
    return None if nothing or value == "" else outcome(rule, value)


class _Field(Protocol):
    def add(self, record: Record) -> bool:
        """Add what *record* tells, and return whether it tells anything."""

    def take(self) -> Iterable[Event]:
        """Return the events since the last call."""


def _field(rule: Rule, failed: Callable[[Rule, FieldError], None], as_text: bool) -> _Field:
    slow = _AnyField(rule, failed, as_text)
    key = json_path(rule.path).key
    if key is None:
        return slow
    return _Outcomes(key, slow) if rule.open else _Numbers(key, slow)


class _AnyField:
    """A field of any kind, and whatever stands there."""

    def __init__(
        self, rule: Rule, failed: Callable[[Rule, FieldError], None], as_text: bool
    ) -> None:
        self.rule = rule
        self._failed = failed
        self._as_text = as_text
        self._events: list[Event] = []

    def add(self, record: Record) -> bool:
        before = len(self._events)
        for result in read_events(self.rule, record, as_text=self._as_text):
            if isinstance(result, FieldError):
                self._failed(self.rule, result)
            else:
                self._events.append(result)
        return len(self._events) > before

    def take(self) -> list[Event]:
        events, self._events = self._events, []
        return events


class _Numbers:
    """A number under one name, as nearly every line has it; others are left to *slow*."""

    def __init__(self, key: str, slow: _AnyField) -> None:
        self._key = key
        self._slow = slow
        self._rule = slow.rule
        self._scale = slow.rule.scale or 1
        #: In the field's unit; what may be too large by a rounding is left to *slow*.
        self._largest = slow.rule.largest / self._scale * (1 - 1e-9)
        self._values: list[float] = []

    def add(self, record: Record) -> bool:
        value = record.get(self._key)
        if value is None:
            return False
        if (type(value) is float or type(value) is int) and 0 <= value <= self._largest:
            self._values.append(value)
            return True
        return self._slow.add(record)

    def take(self) -> list[Event]:
        values, self._values = self._values, []
        rule, scale = self._rule, self._scale
        return [Event(rule, rescale(value, scale)) for value in values] + self._slow.take()


class _Outcomes:
    """A text or truth under one name that is a label's value: the same few again and again."""

    def __init__(self, key: str, slow: _AnyField) -> None:
        self._key = key
        self._slow = slow
        #: How often each came, of those that tell something.
        self._counts: dict[str | bool, int] = {}

    def add(self, record: Record) -> bool:
        value = record.get(self._key)
        if value is None or value == "":
            return False
        if type(value) in {str, bool} and value in self._counts:
            self._counts[value] += 1
            return True
        return self._add_new(record, value)

    def _add_new(self, record: Record, value: object) -> bool:
        tells = self._slow.add(record)
        if tells and isinstance(value, str | bool) and len(self._counts) < _MOST_TEXTS:
            self._counts[value] = 0  # the slow way has this one
        return tells

    def take(self) -> Iterator[Event]:
        yield from self._slow.take()
        for value, count in self._counts.items():
            if count:
                yield outcome(self._slow.rule, value)._replace(weight=count)
        self._counts = {}
