"""Reads statsd datagrams: ``name:value|type[|@rate][|#tags]``, one or more lines in each."""

import socket
from collections.abc import Iterable
from threading import Event as Flag
from typing import NamedTuple

from featurewatch import names
from featurewatch_exporter.address import Address
from featurewatch_exporter.config import StatsdSource
from featurewatch_exporter.errors import ExporterError
from featurewatch_exporter.fields import Event, FieldError, figure
from featurewatch_exporter.health import Health
from featurewatch_exporter.rules import STAR, Rule
from featurewatch_exporter.totals import Totals

#: Bytes; no UDP datagram is longer.
_LARGEST_DATAGRAM = 65536
#: Seconds between two looks at whether to stop.
_WAIT_SECONDS = 0.25
#: What faults of whole lines are logged as.
_LINES = "datagrams"
#: Type of statsd, and the type of metric that it can become.
_TYPES = {"c": "counter", "g": "gauge", "ms": "histogram", "h": "histogram", "d": "histogram"}
_FIRST_OPTION = 2
_SMALLEST_RATE = 1e-6


class Measurement(NamedTuple):
    """One line of a datagram."""

    name: str
    value: float
    #: As statsd writes it: c, ms, ...
    kind: str
    #: Share of the events that were sent, above 0 and up to 1.
    rate: float


class StatsdReader:
    """Listens on one port. The port is taken when it is made.

    Raises :class:`ExporterError` if it cannot be taken.
    """

    def __init__(self, source: StatsdSource, totals: Totals, health: Health) -> None:
        self._source = source
        self._totals = totals
        self._health = health
        self._rules = RuleBook(source.rules)
        self._durations_are_requests = not source.maps_requests
        self._socket = _bound_socket(source.listen)
        #: Where it listens: with the port that was taken for port 0.
        self.address = Address(*self._socket.getsockname()[:2])

    def run(self, stop: Flag) -> None:
        """Take datagrams until *stop* is set."""
        while not stop.is_set():
            self._health.reached()
            try:
                self._take(self._socket.recv(_LARGEST_DATAGRAM))
            except TimeoutError:
                self._health.settle()
            except OSError as error:
                self._health.lost("cannot be read", error.strerror)
                stop.wait(_WAIT_SECONDS)

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def _take(self, datagram: bytes) -> None:
        for line in datagram.split(b"\n"):
            if line.strip():
                self._take_line(line)

    def _take_line(self, line: bytes) -> None:
        try:
            measurement = parse_line(line)
        except ValueError as error:
            self._health.failed(_LINES, str(error), line[:100])
            return
        events: list[Event] = []
        for rule, label in self._rules.find(measurement.name):
            try:
                events.append(event_of(rule, label, measurement))
            except FieldError as error:
                self._health.failed(rule.path, error.problem, error.seen)
        if events:
            self._totals.add(events, self._source.stale_after, self._requests(events))
            self._health.sampled()

    def _requests(self, events: Iterable[Event]) -> float:
        if not self._durations_are_requests:
            return 0
        return sum(event.weight for event in events if event.rule.metric is names.DURATION)


class RuleBook:
    """Finds the rules for a name."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._named: dict[str, list[Rule]] = {}
        self._starred: list[tuple[str, Rule]] = []
        for rule in rules:
            if rule.starred:
                self._starred.append((rule.path.removesuffix(STAR) + ".", rule))
            else:
                self._named.setdefault(rule.path, []).append(rule)

    def find(self, name: str) -> list[tuple[Rule, str | None]]:
        """Return each rule for *name* with the value of its open label.

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


def parse_line(line: bytes) -> Measurement:
    """Return the measurement in *line*.

    Raises ``ValueError`` with what is wrong, in one of a few fixed texts.
    """
    try:
        name, _, rest = line.decode().strip().partition(":")
    except UnicodeDecodeError as error:
        raise ValueError("are not UTF-8 text") from error
    parts = rest.split("|")
    if not name or len(parts) < _FIRST_OPTION:
        raise ValueError("are not name:value|type")
    return Measurement(name, _number(parts[0]), parts[1], _rate(parts[_FIRST_OPTION:]))


def event_of(rule: Rule, label: str | None, measurement: Measurement) -> Event:
    """Return what *measurement* tells for *rule*.

    Raises :class:`FieldError` for another type or for a value that makes no sense.
    """
    if _TYPES.get(measurement.kind) != rule.metric.type:
        raise FieldError(f"has a type that is no {rule.metric.type}", measurement.kind)
    milliseconds = measurement.kind == "ms" and rule.metric.unit == "seconds"
    event = figure(rule, measurement.value, label, scale=0.001 if milliseconds else 1)
    return event if rule.metric.type == "gauge" else event._replace(weight=1 / measurement.rate)


def _number(text: str) -> float:
    # float() takes spaces, underscores and words.
    if text.startswith(("+", "-")):
        raise ValueError("have a sign: changes of gauges, and counts below 0, are not taken")
    if not text or not set(text) <= set("0123456789.eE+-"):
        raise ValueError("have a value that is no number")
    try:
        return float(text)
    except ValueError:
        raise ValueError("have a value that is no number") from None


def _rate(options: list[str]) -> float:
    rates = [option.removeprefix("@") for option in options if option.startswith("@")]
    rate = _number(rates[0]) if rates else 1.0
    if not _SMALLEST_RATE <= rate <= 1:
        raise ValueError("have a sample rate that is not from 0.000001 to 1")
    return rate


def _bound_socket(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_DGRAM)
    try:
        listener.bind(address)
    except (OSError, UnicodeError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise ExporterError(
            f"cannot listen for statsd on {address} ({reason}): "
            "stop what listens there, or choose another address"
        ) from error
    listener.settimeout(_WAIT_SECONDS)
    return listener
