"""What can be said of statsd: where it listens, units and tags; and how faults are answered."""

import json
from pathlib import Path

import pytest

from featurewatch_exporter.address import Address, Endpoint, parse_endpoint
from featurewatch_exporter.config import load_config
from featurewatch_exporter.errors import ConfigError

STATSD = {"type": "statsd", "listen": "127.0.0.1:8125", "map": {"q": {"metric": "queue_depth"}}}
TIME = {"metric": "duration_seconds"}
ERROR = {"metric": "errors_total", "label": "error_type"}


@pytest.fixture
def load(tmp_path):
    """Load a configuration with these sources."""

    def written(*sources):
        file = tmp_path / "exporter.json"
        file.write_text(json.dumps({"sources": sources}))
        return load_config(file)

    return written


@pytest.fixture
def faults(load, tmp_path):
    """Return the faults of a configuration, without the file."""

    def of(*sources):
        with pytest.raises(ConfigError) as raised:
            load(*sources)
        return [fault.removeprefix(f"{tmp_path}/exporter.json: ") for fault in raised.value.faults]

    return of


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("udp://127.0.0.1:8125", Endpoint("udp", Address("127.0.0.1", 8125))),
        ("tcp://[::1]:8125", Endpoint("tcp", Address("::1", 8125))),
        ("unix:///run/statsd.sock", Endpoint("unix", Path("/run/statsd.sock"))),
    ],
)
def test_endpoint_is_read_and_written(text, endpoint):
    assert parse_endpoint(text) == endpoint
    assert str(endpoint) == text


def test_place_without_a_word_before_it_is_a_port_of_udp():
    assert parse_endpoint("localhost:1") == Endpoint("udp", Address("localhost", 1))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("127.0.0.1", "must be HOST:PORT"),
        ("tcp://127.0.0.1", "must be HOST:PORT"),
        ("http://127.0.0.1:1", "must begin with udp://, tcp://, unix://"),
        ("unix://statsd.sock", "must name a socket by its absolute path of at most 107 bytes"),
        ("unix:///" + "x" * 107, "must name a socket by its absolute path of at most 107 bytes"),
        ("unix:///a\0b", "must name a socket by its absolute path of at most 107 bytes"),
    ],
)
def test_what_is_no_endpoint_is_refused(text, problem):
    with pytest.raises(ValueError, match=problem):
        parse_endpoint(text)


def test_source_may_listen_at_several_places(load):
    places = ["127.0.0.1:0", "127.0.0.1:0", "tcp://127.0.0.1:8125", "unix:///a.sock"]
    [source] = load({**STATSD, "listen": places, "socket_mode": "620"}).sources
    assert [endpoint.transport for endpoint in source.listen] == ["udp", "udp", "tcp", "unix"]
    assert source.socket_mode == 0o620


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            {"listen": []},
            "listen: must be text that is not empty, or a list of such texts (here: []); "
            'write for example "listen": ["127.0.0.1:8125", "tcp://127.0.0.1:8125"]',
        ),
        (
            {"listen": ["h:1", 2]},
            'listen: must be text that is not empty, or a list of such texts (here: ["h:1", 2]); '
            'write for example "listen": ["127.0.0.1:8125", "tcp://127.0.0.1:8125"]',
        ),
        (
            {"listen": 8125},
            "listen: must be text that is not empty (here: 8125); "
            'write for example "listen": "127.0.0.1:8125"',
        ),
        (
            {"listen": ["h:1", "udp://h:1"]},
            'listen: must be different places (here: ["h:1", "udp://h:1"]); '
            "write each of them once",
        ),
        (
            {"listen": "ftp://h:1"},
            'listen: must begin with udp://, tcp://, unix:// (here: "ftp://h:1"); '
            'write for example "127.0.0.1:8125"',
        ),
        (
            {"receive_buffer_bytes": 0},
            "receive_buffer_bytes: must be from 1 to 5.36871e+08 (here: 0); "
            'write for example "receive_buffer_bytes": 16777216',
        ),
        (
            {"socket_mode": "999"},
            'socket_mode: must be permissions in octal digits (here: "999"); '
            'write for example "socket_mode": "0666"',
        ),
        (
            {"socket_mode": 438},
            "socket_mode: must be text that is not empty (here: 438); "
            'write for example "socket_mode": "0666"',
        ),
    ],
)
def test_fault_of_a_source_is_named_with_its_fix(faults, change, fault):
    assert faults({**STATSD, **change}) == [f"sources[0].{fault}"]


def test_sources_that_listen_at_one_place_are_refused(faults):
    other = {**STATSD, "extractor": "b", "listen": ["h:1", "udp://127.0.0.1:8125"]}
    assert faults(STATSD, other) == [
        "sources[1].listen: sources[0] listens there already; give each source a port of its own"
    ]


def test_same_port_of_udp_and_tcp_is_two_places(load):
    assert load(STATSD, {**STATSD, "extractor": "b", "listen": "tcp://127.0.0.1:8125"})


@pytest.mark.parametrize(
    ("unit", "scale"),
    [("seconds", 1), ("milliseconds", 1e-3), ("microseconds", 1e-6), ("nanoseconds", 1e-9)],
)
def test_unit_is_a_scale(load, unit, scale):
    [source] = load({**STATSD, "map": {"t": {**TIME, "unit": unit}}}).sources
    assert [rule.scale for rule in source.rules] == [scale]


def test_ratio_may_come_in_percent(load):
    rules = {"c": {"metric": "cpu_utilization_ratio", "unit": "percent"}}
    [source] = load({"type": "http", "url": "http://h/", "map": rules}).sources
    assert [rule.scale for rule in source.rules] == [0.01]


def test_tags_of_a_map_are_read(load):
    rules = {"e": {**ERROR, "tag": "exception", "tags": {"env": "prod"}}}
    [source] = load({**STATSD, "map": rules}).sources
    [rule] = source.rules
    assert (rule.open, rule.tag, rule.tags) == (True, "exception", (("env", "prod"),))


@pytest.mark.parametrize(
    ("path", "entry", "fault"),
    [
        (
            "t",
            {**TIME, "unit": "ms"},
            "unit: must be one of seconds, milliseconds, microseconds, nanoseconds "
            '(here: "ms"); write "seconds"',
        ),
        (
            "t",
            {**TIME, "unit": "seconds", "scale": 1},
            "unit: stands beside scale; keep one of the two",
        ),
        (
            "q",
            {"metric": "queue_depth", "unit": "seconds"},
            "unit: the metric counts items, of which there is one; remove it",
        ),
        (
            "e.*",
            {**ERROR, "tag": "x"},
            "tag: '.*' is the label's value already; end the path before it",
        ),
        (
            "e",
            {"metric": "errors_total", "labels": {"error_type": "a"}, "tag": "x"},
            "tag: needs a label that it is the value of; write label",
        ),
        (
            "e",
            {**ERROR, "tag": ""},
            'tag: must be text that is not empty (here: ""); write for example "tag": "error_type"',
        ),
        (
            "t",
            {**TIME, "tags": {"a": 1}},
            'tags: must be a mapping of names to texts (here: {"a": 1}); '
            'write for example {"env": "prod"}',
        ),
        (
            "t",
            {**TIME, "tags": {}},
            "tags: must be a mapping that is not empty (here: {}); "
            'write for example "tags": {"env": "prod"}',
        ),
    ],
)
def test_fault_of_a_map_is_named_with_its_fix(faults, path, entry, fault):
    assert faults({**STATSD, "map": {path: entry}}) == [
        f"sources[0].map.{json.dumps(path)}.{fault}"
    ]


def test_tags_are_of_statsd_alone(faults):
    file = {"type": "file", "path": "/x", "map": {"e": {**ERROR, "tag": "x", "tags": {"a": "b"}}}}
    assert faults(file) == [
        'sources[0].map."e".tag: only a source of type statsd has tags; remove it',
        'sources[0].map."e".tags: only a source of type statsd has tags; remove them',
    ]
