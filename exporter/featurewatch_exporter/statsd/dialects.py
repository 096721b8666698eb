"""What the parts of a statsd line say, in each of the ways in which clients write them.

``name:value|type[|@rate][|#tags][|...]``. Tags can stand at the end (DogStatsD) or in the name
(InfluxDB, Librato, SignalFx, Graphite); options that tell of no number (container, external data,
cardinality, time) are left alone.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

#: Type of statsd, and the type of metric that it can become.
TYPES = {"c": "counter", "g": "gauge", "ms": "histogram", "h": "histogram", "d": "histogram"}
#: Below this a sample rate is a slip, and one event would stand for more than a million.
SMALLEST_RATE = 1e-6

#: SignalFx: ``name[k=v,k=v]``, anywhere in the name.
_BRACKETS = re.compile(r"\[([^\[\]=]+=[^\[\]]*)\]")
#: What tags of a name begin with, and what stands between them: InfluxDB ``name,k=v,k=v``,
#: Graphite ``name;k=v;k=v``, Librato ``name#k=v,k=v`` (and Sysdig ``name#k``).
_AFTER = {",": ",", ";": ";", "#": ","}
_BEGIN = re.compile(r"[,;](?=[^,;=]+=)|#")
#: DogStatsD's events and service checks, which are no metrics.
_NO_METRICS = (b"_e{", b"_sc|")
#: A name whose brackets hold a colon, so that the first one is not its end.
_BRACKETED = re.compile(rb"[^:|]*\[[^\]]*\][^:|]*(?=:)")
#: Before one more value with a type of its own: ``name:1|c:2|c|@0.5``.
_ONE_MORE = re.compile(rb"(?P<tail>[a-z]+(?:\|@[^|:]*)?):(?P<rest>.*)")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class LineError(ValueError):
    """A line or a part of it that cannot be used; the message is one of a few fixed texts."""


class Parts(NamedTuple):
    """A line, cut at the colon after its name and at the first bar after its values."""

    #: The name, perhaps with tags.
    head: bytes
    #: One number, or several with colons between.
    values: bytes
    #: The type and what follows.
    tail: bytes


class Tail(NamedTuple):
    """What stands behind the values of a line."""

    #: As statsd writes it: c, ms, ...
    kind: str
    #: Share of the events that were sent, above 0 and up to 1.
    rate: float
    tags: Mapping[str, str]


def cut(line: bytes) -> list[Parts]:
    """Return the parts of *line*, once for each value with a type of its own.

    An event or a service check has none. Raises :class:`LineError` for what is no statsd.
    """
    line = line.strip()
    if not line or line.startswith(_NO_METRICS):
        return []
    bracketed = _BRACKETED.match(line)
    head, colon, rest = line.partition(b":")
    if bracketed:
        head, colon, rest = bracketed[0], b":", line[bracketed.end() + 1 :]
    if not head or not colon or b"|" in head:
        raise LineError("are not name:value|type")
    return [Parts(head, *samples) for samples in _samples(rest)]


def _samples(rest: bytes) -> list[tuple[bytes, bytes]]:
    found = []
    values, _, tail = rest.partition(b"|")
    while more := _ONE_MORE.fullmatch(tail):
        found.append((values, more["tail"]))
        values, _, tail = more["rest"].partition(b"|")
    return [*found, (values, tail)]


def read_head(head: bytes) -> tuple[str, dict[str, str]]:
    """Return a name and the tags that stand in it."""
    name, tags = text(head), dict[str, str]()
    brackets = _BRACKETS.search(name)
    if brackets:
        tags.update(_pairs(brackets[1], ",", "="))
        name = name[: brackets.start()] + name[brackets.end() :]
    begin = _BEGIN.search(name)
    if begin:
        tags.update(_pairs(name[begin.end() :], _AFTER[begin[0]], "="))
        name = name[: begin.start()]
    return name, tags


def read_tail(tail: bytes) -> Tail:
    """Return type, rate and tags; raise :class:`LineError` for a rate that is none."""
    kind, *options = text(tail).split("|")
    rate, tags = 1.0, dict[str, str]()
    for option in options:
        if option.startswith("@"):
            rate = _rate(option[1:])
        elif option.startswith("#"):
            tags.update(_pairs(option[1:], ",", ":"))
    return Tail(kind, rate, tags)


def number(value: str) -> float:
    """Return the number in *value*; raise :class:`LineError` for anything else."""
    # float() takes spaces, underscores and words.
    if not _NUMBER.fullmatch(value):
        raise LineError("has a value that is no number")
    return float(value)


def text(part: bytes) -> str:
    """Return a part of a line as text; what is not UTF-8 is replaced."""
    return part.decode(errors="replace")


def _pairs(tags: str, between: str, sign: str) -> dict[str, str]:
    pairs = (part.partition(sign) for part in tags.split(between) if part)
    return {key: value for key, _, value in pairs}


def _rate(option: str) -> float:
    try:
        rate = number(option)
    except LineError:
        rate = 0.0
    if not SMALLEST_RATE <= rate <= 1:
        raise LineError("has a sample rate that is not from 0.000001 to 1")
    return rate
