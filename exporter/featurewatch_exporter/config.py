"""The exporter's configuration: what it reads, and which field becomes which metric.

docs/exporter.md lists the keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from featurewatch import names
from featurewatch.labels import label_text
from featurewatch_exporter.address import Endpoint
from featurewatch_exporter.configfile import Table, read, shown
from featurewatch_exporter.endpointconfig import (
    read_endpoints,
    receive_buffer,
    same_place,
    socket_mode,
)
from featurewatch_exporter.errors import ConfigError
from featurewatch_exporter.ruleconfig import preset_rules, read_rules, same_series
from featurewatch_exporter.rules import FILE, HTTP, PROMETHEUS, STATSD, Rule
from featurewatch_exporter.unwrap import CRI, DOCKER, PLAIN
from featurewatch_exporter.urls import read_url

#: Seconds between two polls of a URL, and how long one may take.
INTERVAL, TIMEOUT = 10.0, 5.0
#: Bytes of an answer: a thousand times what figures need.
MAX_BYTES = 1024 * 1024
#: A URL has missed this many polls when its gauges disappear.
STALE_POLLS = 3
#: Seconds after which a gauge that no line or datagram has set again disappears.
STALE_SECONDS = 60.0
#: Seconds; readers of files and datagrams say something several times in each of them.
HUNG_SECONDS = 10.0
#: Seconds; longer than this is a slip.
_DAY = 86400.0

_COMMON = ("type", "name", "extractor", "map", "stale_after_seconds")
_KEYS = {
    HTTP: (
        "url",
        "format",
        "numbers_as_text",
        "preset",
        "interval_seconds",
        "timeout_seconds",
        "max_bytes",
    ),
    FILE: ("path", "format", "numbers_as_text"),
    STATSD: ("listen", "receive_buffer_bytes", "socket_mode"),
}
#: What an answer or a file is written in; the first is the default.
FORMATS = {HTTP: (PLAIN, PROMETHEUS), FILE: (PLAIN, DOCKER, CRI)}
_STATE_EXAMPLE = "/var/lib/featurewatch-exporter/state.json"
_SOURCE_EXAMPLE = [{"type": HTTP, "url": "http://127.0.0.1:8000/stats"}]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What every source has."""

    name: str
    extractor: str
    rules: tuple[Rule, ...]
    #: Seconds.
    stale_after: float

    @property
    def key(self) -> str:
        """What no other source has."""
        return f"{self.extractor}\n{self.name}"

    @property
    def maps_requests(self) -> bool:
        """Whether a rule of its own counts requests; otherwise each of its events is one."""
        return any(rule.metric is names.REQUESTS for rule in self.rules)

    @property
    def hung_after(self) -> float:
        """Seconds without a word of its reader after which a source counts as down."""
        return HUNG_SECONDS


@dataclass(frozen=True, kw_only=True)
class HttpSource(Source):
    """A URL that answers with figures. Times in seconds."""

    url: str
    format: str
    #: Whether a number may be written as text.
    numbers_as_text: bool
    interval: float
    timeout: float
    max_bytes: float

    @property
    def hung_after(self) -> float:
        """Two polls that take as long as they may."""
        return 2 * (self.interval + self.timeout)


@dataclass(frozen=True, kw_only=True)
class FileSource(Source):
    """A file that grows by lines of JSON."""

    path: Path
    format: str
    #: Whether a number may be written as text.
    numbers_as_text: bool


@dataclass(frozen=True, kw_only=True)
class StatsdSource(Source):
    """Ports and sockets for lines of statsd."""

    listen: tuple[Endpoint, ...]
    #: Bytes of datagrams that the kernel is asked to keep.
    receive_buffer: int
    #: Permissions of a socket in the file system.
    socket_mode: int


AnySource = HttpSource | FileSource | StatsdSource


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that the exporter is told by its file."""

    sources: tuple[AnySource, ...]
    duration_buckets: tuple[float, ...]
    #: Where the places of files are kept.
    state_file: Path | None


def load_config(file: Path) -> Config:
    """Read and check *file*.

    Raises :class:`ConfigError` with one line per fault.
    """
    faults: list[str] = []
    top = Table(read(file), "", faults)
    top.check_keys(("sources", "duration_buckets", "state_file"))
    tables = top.tables("sources", _SOURCE_EXAMPLE)
    sources = [_source(table) for table in tables]
    buckets = _buckets(top)
    kept = _path(top, "state_file", _STATE_EXAMPLE) if "state_file" in top.data else None
    if not faults:
        _check_together(tables, sources)
    if faults:
        raise ConfigError([f"{file}: {fault}" for fault in faults])
    return Config(sources=tuple(filter(None, sources)), duration_buckets=buckets, state_file=kept)


def _buckets(top: Table) -> tuple[float, ...]:
    bounds = top.data.get("duration_buckets", list(names.DURATION_BUCKETS))
    plain = isinstance(bounds, list) and all(type(bound) in (int, float) for bound in bounds)
    if plain and bounds and bounds == sorted(set(bounds)) and 0 < bounds[0] <= bounds[-1] <= _DAY:
        return tuple(map(float, bounds))
    top.wrong(
        "duration_buckets",
        "a list of increasing numbers of seconds",
        'write for example "duration_buckets": [0.05, 0.1, 0.15, 0.5]',
    )
    return ()


def _source(table: Table) -> AnySource | None:
    kind = table.choice("type", (HTTP, FILE, STATSD))
    if not kind:
        return None
    table.check_keys((*_COMMON, *_KEYS[kind]))
    name, extractor = _name(table, "name", kind), _name(table, "extractor", names.DEFAULT_EXTRACTOR)
    rules = _rules(table, kind)
    if kind == HTTP:
        return _http(table, name, extractor, rules)
    stale = _seconds(table, "stale_after_seconds", STALE_SECONDS)
    if kind == FILE:
        return FileSource(
            name=name,
            extractor=extractor,
            rules=rules,
            stale_after=stale,
            path=_path(table, "path", "/var/log/features.jsonl"),
            format=table.choice("format", FORMATS[FILE], PLAIN),
            numbers_as_text=table.flag("numbers_as_text"),
        )
    return StatsdSource(
        name=name,
        extractor=extractor,
        rules=rules,
        stale_after=stale,
        listen=read_endpoints(table),
        receive_buffer=receive_buffer(table),
        socket_mode=socket_mode(table),
    )


def _http(table: Table, name: str, extractor: str, rules: tuple[Rule, ...]) -> HttpSource:
    interval = _seconds(table, "interval_seconds", INTERVAL)
    timeout = _seconds(table, "timeout_seconds", TIMEOUT)
    stale = _seconds(table, "stale_after_seconds", STALE_POLLS * interval)
    if stale < interval:
        fix = f"write {interval:g} or more, or gauges go and come between two polls"
        table.fault("stale_after_seconds", f"is shorter than interval_seconds; {fix}")
    size = table.number("max_bytes", MAX_BYTES, low=1, high=64 * MAX_BYTES, example=MAX_BYTES)
    return HttpSource(
        name=name,
        extractor=extractor,
        rules=rules,
        stale_after=stale,
        url=read_url(table),
        format=table.choice("format", FORMATS[HTTP], PLAIN),
        numbers_as_text=table.flag("numbers_as_text"),
        interval=interval,
        timeout=timeout,
        max_bytes=size,
    )


def _rules(table: Table, kind: str) -> tuple[Rule, ...]:
    if kind == HTTP and table.data.get("format") == PROMETHEUS:
        kind = PROMETHEUS
        if "preset" in table.data:
            table.fault("preset", "is of JSON; remove it, and write a map")
    if kind != HTTP or "preset" not in table.data:
        return tuple(read_rules(table, (), kind))
    preset = tuple(preset_rules(table))
    return tuple(read_rules(table, preset, kind)) if "map" in table.data else preset


def _name(table: Table, key: str, default: str) -> str:
    name = table.text(key, default, default)
    if name and name != label_text(name):
        table.wrong(key, "text that can be written as UTF-8", "write another name")
    return name


def _seconds(table: Table, key: str, default: float) -> float:
    return table.number(key, default, low=0.1, high=_DAY, example=default)


def _path(table: Table, key: str, example: str) -> Path:
    text = table.text(key, example)
    if "\0" in text or text != label_text(text) != "unknown":
        table.wrong(key, "the name of a file", f"write for example {shown(example)}")
    return Path(text)


def _check_together(tables: Sequence[Table], sources: Sequence[Source | None]) -> None:
    """Note what is right in each source and wrong in two of them together."""
    known = [(table, source) for table, source in zip(tables, sources, strict=True) if source]
    for (table, one), (other_table, other) in combinations(known, 2):
        _check_ports(table, one, other_table, other)
        if one.extractor == other.extractor:
            _check_names(table, one, other_table, other)
            _check_series(table, one, other_table, other)


def _check_ports(table: Table, one: Source, other_table: Table, other: Source) -> None:
    if not isinstance(one, StatsdSource) or not isinstance(other, StatsdSource):
        return
    if any(same_place(mine, its) for mine in one.listen for its in other.listen):
        other_table.fault(
            "listen", f"{table.place} listens there already; give each source a port of its own"
        )


def _check_names(table: Table, one: Source, other_table: Table, other: Source) -> None:
    if one.name == other.name:
        fix = f'write "name": {shown(other.name + "-2")}'
        other_table.fault("name", f"{table.place} has the name {one.name!r} already; {fix}")


def _check_series(table: Table, one: Source, other_table: Table, other: Source) -> None:
    added_up = not isinstance(one, HttpSource) and not isinstance(other, HttpSource)
    for rule in other.rules:
        twin = next((r for r in one.rules if same_series(r, rule, added_up=added_up)), None)
        if twin:
            problem = f"becomes the same series as {twin.path!r} of {table.place}"
            fix = "map one of the two, or name another extractor"
            other_table.fault(f"map.{shown(rule.path)}", f"{problem}; {fix}")
