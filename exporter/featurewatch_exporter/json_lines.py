"""Reads a file of JSON lines, each of which tells of one extraction."""

import json
from threading import Event as Flag

from featurewatch import names
from featurewatch_exporter.config import FileSource
from featurewatch_exporter.fields import Event, FieldError, figure, look_up, outcome, starred
from featurewatch_exporter.follow import MAX_LINE, Follower
from featurewatch_exporter.health import Health
from featurewatch_exporter.rules import OF_EXTRACTIONS, Rule
from featurewatch_exporter.totals import Totals

#: Seconds between two looks at the file.
LOOK_SECONDS = 0.5
#: What faults of whole lines are logged as.
_LINES = "lines"


class LineReader:
    """Reads one file of JSON lines."""

    def __init__(self, source: FileSource, totals: Totals, health: Health) -> None:
        self._source = source
        self._totals = totals
        self._health = health
        self._follower = Follower(source.path)
        self._lines_are_requests = not source.maps_requests

    def run(self, stop: Flag) -> None:
        """Follow the file until *stop* is set."""
        while not stop.is_set():
            self.look(stop)
            stop.wait(LOOK_SECONDS)

    def close(self) -> None:
        """Close the file."""
        self._follower.close()

    def look(self, stop: Flag) -> None:
        """Read what is new."""
        try:
            for line in self._follower.read():
                self._health.still()  # the end may be far away
                self._take(line)
                if stop.is_set():
                    return
        except OSError as error:
            self._health.lost("cannot be read", error.strerror)
        else:
            self._health.reached()
        self._health.settle()

    def _take(self, line: bytes | None) -> None:
        if line is None:
            self._health.failed(_LINES, f"hold more than {MAX_LINE} bytes")
        elif line.strip():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                record = None
            if isinstance(record, dict):
                self._add(record)
            else:
                self._health.failed(_LINES, "are no JSON objects", line[:100])

    def _add(self, record: dict[str, object]) -> None:
        events: list[Event] = []
        for rule in self._source.rules:
            try:
                events += read_events(rule, record)
            except FieldError as error:
                self._health.failed(rule.path, error.problem, error.seen)
        if events:
            extraction = any(event.rule.metric in OF_EXTRACTIONS for event in events)
            requests = 1 if extraction and self._lines_are_requests else 0
            self._totals.add(events, self._source.stale_after, requests)
            self._health.sampled()


def read_events(rule: Rule, record: dict[str, object]) -> list[Event]:
    """Return what *record* tells for *rule*; a field that is missing or null tells nothing.

    Raises :class:`FieldError` for a field that makes no sense.
    """
    if rule.starred:
        return [figure(rule, value, label) for label, value in starred(rule, record)]
    value = look_up(record, rule.path)
    if value is None:
        return []
    if rule.open:
        return _outcomes(rule, value)
    if rule.metric.type == "counter" and isinstance(value, bool):
        return [Event(rule, 1)] if value else []
    return [figure(rule, value)]


def _outcomes(rule: Rule, value: object) -> list[Event]:
    nothing = value is False and rule.metric is not names.CACHE_LOOKUPS
    # An empty text is how many services write that there was no error.
    return [] if nothing or value == "" else [outcome(rule, value)]
