"""A faulty configuration is answered with one line per fault: the place, and the fix."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurewatch import DURATION_BUCKETS, names
from featurewatch_exporter.address import Address, Endpoint, parse_address
from featurewatch_exporter.config import FileSource, HttpSource, StatsdSource, load_config
from featurewatch_exporter.errors import ConfigError

from .attempt import attempt

HTTP = {"type": "http", "url": "http://127.0.0.1:8000/stats", "preset": "monitor_snapshot"}
FILE = {
    "type": "file",
    "path": "/var/log/f.jsonl",
    "map": {"ms": {"metric": "duration_seconds", "scale": 0.001}},
}
STATSD = {"type": "statsd", "listen": "127.0.0.1:8125", "map": {"q": {"metric": "queue_depth"}}}


@pytest.fixture
def load(tmp_path):
    """Load a configuration, given as an object or as text."""

    def written(config, name="exporter.json"):
        file = tmp_path / name
        file.write_text(config if isinstance(config, str) else json.dumps(config))
        return load_config(file)

    return written


@pytest.fixture
def faults(load, tmp_path):
    """Return the faults of a configuration, without the folder."""

    def of(config, name="exporter.json"):
        with pytest.raises(ConfigError) as raised:
            load(config, name)
        assert str(raised.value) == "\n".join(raised.value.faults)
        return [fault.removeprefix(f"{tmp_path}/") for fault in raised.value.faults]

    return of


def test_what_is_not_said_is_the_default(load):
    config = load({"sources": [HTTP, FILE, {**STATSD, "extractor": "b"}]})
    http, file, statsd = config.sources
    assert isinstance(http, HttpSource)
    assert (http.name, http.extractor, http.interval, http.timeout, http.stale_after) == (
        "http",
        "feature_extractor",
        10,
        5,
        30,
    )
    assert http.max_bytes == 1024 * 1024
    assert isinstance(file, FileSource)
    assert (file.name, str(file.path), file.stale_after) == ("file", "/var/log/f.jsonl", 60)
    assert isinstance(statsd, StatsdSource)
    assert statsd.extractor == "b"
    assert statsd.listen == (Endpoint("udp", Address("127.0.0.1", 8125)),)
    assert (statsd.receive_buffer, statsd.socket_mode) == (16 * 1024 * 1024, 0o666)
    assert config.duration_buckets == DURATION_BUCKETS


def test_toml_says_the_same_as_json(load):
    text = """
    [[sources]]
    type = "file"
    path = "/var/log/f.jsonl"
    map."stats.ms" = {metric = "feature_extraction_duration_seconds", scale = 0.001}
    """
    [source] = load(text, "exporter.toml").sources
    [rule] = source.rules
    assert (rule.path, rule.metric, rule.scale) == ("stats.ms", names.DURATION, 0.001)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"sourcs": []}, "sourcs: unknown key; write 'sources'"),
        (
            {"sources": []},
            "sources: must be a list that is not empty (here: []); write for example "
            '"sources": [{"type": "http", "url": "http://127.0.0.1:8000/stats"}]',
        ),
        (
            {"state_file": ""},
            'state_file: must be text that is not empty (here: ""); write for example '
            '"state_file": "/var/lib/featurewatch-exporter/state.json"',
        ),
        ({"sources": [5]}, "sources[0]: must be a mapping (here: 5); write one"),
        (
            {"duration_buckets": [0.2, 0.1]},
            "duration_buckets: must be a list of increasing numbers of seconds (here: [0.2, 0.1]); "
            'write for example "duration_buckets": [0.05, 0.1, 0.15, 0.5]',
        ),
        (
            {"sources": [{"type": "htp"}]},
            'sources[0].type: must be one of http, file, statsd (here: "htp"); write "http"',
        ),
    ],
)
def test_fault_of_the_whole_is_named_with_its_fix(faults, change, fault):
    assert faults({"sources": [HTTP], **change}) == [f"exporter.json: {fault}"]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (
            {**HTTP, "intervall_seconds": 1},
            "intervall_seconds: unknown key; write 'interval_seconds'",
        ),
        (
            {**HTTP, "url": "file:///etc/passwd"},
            'url: must begin with http:// or https:// and a host (here: "file:///etc/passwd"); '
            'write for example "http://127.0.0.1:8000/stats"',
        ),
        (
            {**HTTP, "url": "http://me:secret@host/"},
            'url: must not hold a user or password (here: "http://me:secret@host/"); '
            'write for example "http://127.0.0.1:8000/stats"',
        ),
        (
            {**HTTP, "interval_seconds": "10"},
            'interval_seconds: must be a number (here: "10"); '
            'write for example "interval_seconds": 10.0',
        ),
        (
            {**HTTP, "timeout_seconds": 0},
            "timeout_seconds: must be from 0.1 to 86400 (here: 0); "
            'write for example "timeout_seconds": 5.0',
        ),
        (
            {**HTTP, "stale_after_seconds": 5},
            "stale_after_seconds: is shorter than interval_seconds; "
            "write 10 or more, or gauges go and come between two polls",
        ),
        (
            {**HTTP, "preset": "monitor"},
            'preset: must be one of monitor_snapshot (here: "monitor"); write "monitor_snapshot"',
        ),
        (
            {**HTTP, "map": {"p95": {"metric": "snapshot_p95_seconds"}}},
            "map.\"p95\": becomes the same series as 'p95_time_ms'; map one of the two",
        ),
        (
            {"type": "http", "url": "http://a"},
            'map: is missing; write for example "map": '
            '{"latency_ms": {"metric": "duration_seconds", "scale": 0.001}}',
        ),
        (
            {"type": "file", "map": FILE["map"]},
            'path: is missing; write for example "path": "/var/log/features.jsonl"',
        ),
        (
            {**FILE, "path": "a\0b"},
            'path: must be the name of a file (here: "a\\u0000b"); '
            'write for example "/var/log/features.jsonl"',
        ),
        (
            {**FILE, "extractor": "\ud800"},
            'extractor: must be text that can be written as UTF-8 (here: "\\ud800"); '
            "write another name",
        ),
        (
            {**HTTP, "format": "openmetrics"},
            'format: must be one of json, prometheus (here: "openmetrics"); write "json"',
        ),
        (
            {**HTTP, "format": "prometheus", "map": {"a": {"metric": "queue_depth"}}},
            "preset: is of JSON; remove it, and write a map",
        ),
        (
            {**FILE, "format": "prometheus"},
            'format: must be one of json, docker, cri (here: "prometheus"); write "json"',
        ),
        (
            {**FILE, "numbers_as_text": "yes"},
            'numbers_as_text: must be true or false (here: "yes"); '
            'write for example "numbers_as_text": true',
        ),
        (
            {**STATSD, "listen": "127.0.0.1"},
            "listen: must be HOST:PORT, an IPv6 host in brackets, and a port up to 65535 "
            '(here: "127.0.0.1"); write for example "127.0.0.1:8125"',
        ),
    ],
)
def test_fault_of_a_source_is_named_with_its_fix(faults, source, fault):
    assert faults({"sources": [source]}) == [f"exporter.json: sources[0].{fault}"]


@pytest.mark.parametrize(
    ("source", "path", "entry", "fault"),
    [
        (
            HTTP,
            "ms",
            {"metric": "duration_seconds"},
            "metric: needs single values, and a stats URL has none; "
            "map the service's own p95 to snapshot_p95_seconds",
        ),
        (
            FILE,
            "e",
            {"metric": "error_total", "labels": {"error_type": "any"}},
            'metric: must be a metric that a field can become (here: "error_total"); '
            'write "errors_total"',
        ),
        (
            FILE,
            "e",
            {"metric": "errors_total"},
            "labels: is missing, and feature_extraction_errors_total has the label 'error_type'; "
            'write "labels": {"error_type": "any"}',
        ),
        (
            FILE,
            "c",
            {"metric": "cache_lookups_total", "labels": {"result": "hits"}},
            'labels: must be hit or miss (here: {"result": "hits"}); write {"result": "hit"}',
        ),
        (
            FILE,
            "c",
            {"metric": "cache_lookups_total", "labels": {"results": "hit"}},
            'labels: must be \'result\' with a text (here: {"results": "hit"}); '
            'write {"result": "hit"}',
        ),
        (
            FILE,
            "n",
            {"metric": "requests_total", "labels": {"a": "b"}},
            "labels: feature_extraction_requests_total has none besides the extractor; remove them",
        ),
        (
            FILE,
            "e",
            {"metric": "errors_total", "label": "reason"},
            "label: must be the label of feature_extraction_errors_total "
            '(here: "reason"); write "error_type"',
        ),
        (
            FILE,
            "e",
            {"metric": "errors_total", "label": "error_type", "labels": {"error_type": "a"}},
            "label: stands beside labels; keep one of the two",
        ),
        (
            FILE,
            "g",
            {"metric": "gpu_utilization_ratio", "label": "gpu"},
            "label: only errors, fallbacks and lookups have one; remove it",
        ),
        (
            HTTP,
            "e",
            {"metric": "errors_total", "label": "error_type"},
            "label: needs a path with a star, as in errors.*; write one, or write labels",
        ),
        (
            {**HTTP, "format": "prometheus"},
            "e",
            {"metric": "errors_total", "label": "error_type"},
            "label: needs a label with a star, as in errors_total{kind=*}; "
            "write one, or write labels",
        ),
        (
            {**HTTP, "format": "prometheus"},
            "e{kind=*}",
            {"metric": "errors_total", "labels": {"error_type": "any"}},
            "label: is missing: it says which label '.*' is the value of; "
            'write "label": "error_type"',
        ),
        (
            STATSD,
            "e.*",
            {"metric": "errors_total", "labels": {"error_type": "any"}},
            "label: is missing: it says which label '.*' is the value of; "
            'write "label": "error_type"',
        ),
        (
            STATSD,
            "e",
            {"metric": "errors_total", "label": "error_type"},
            "label: needs a path that ends in '.*'; end it so, or write labels",
        ),
        (
            FILE,
            "ms",
            {"metric": "duration_seconds", "scale": 0},
            'scale: must be from 1e-12 to 1e+12 (here: 0); write for example "scale": 0.001',
        ),
    ],
)
def test_fault_of_a_map_is_named_with_its_fix(faults, source, path, entry, fault):
    plain = {key: value for key, value in source.items() if key != "preset"}
    assert faults({"sources": [{**plain, "map": {path: entry}}]}) == [
        f"exporter.json: sources[0].map.{json.dumps(path)}.{fault}"
    ]


@pytest.mark.parametrize(
    ("more", "path", "fault"),
    [
        ({}, "a[", "is no path from '[' on; write for example stats.errors.*, "),
        ({"format": "prometheus"}, "a{", "selects no series; write for example requests_total"),
    ],
)
def test_path_that_is_none_is_named_with_an_example(faults, more, path, fault):
    source = {"type": "http", "url": "http://a", "map": {path: {"metric": "queue_depth"}}, **more}
    [said] = faults({"sources": [source]})
    assert said.startswith(f'exporter.json: sources[0].map."{path}": {fault}')


def test_dots_that_toml_takes_apart_are_told_with_the_quotes(faults):
    text = """
    [[sources]]
    type = "http"
    url = "http://127.0.0.1"
    map.stats.cache.depth = {metric = "queue_depth"}
    """
    assert faults(text, "exporter.toml") == [
        'exporter.toml: sources[0].map."stats": names no metric; '
        'write the whole path in quotes: "stats.cache.depth"'
    ]


@pytest.mark.parametrize(
    ("sources", "fault"),
    [
        (
            [FILE, {**FILE, "path": "/other"}],
            'sources[1].name: sources[0] has the name \'file\' already; write "name": "file-2"',
        ),
        (
            [HTTP, {**HTTP, "name": "two"}],
            "sources[1].map.\"p95_time_ms\": becomes the same series as 'p95_time_ms' of "
            "sources[0]; map one of the two, or name another extractor",
        ),
        (
            [STATSD, {**FILE, "map": {"depth": {"metric": "queue_depth"}}}],
            "sources[1].map.\"depth\": becomes the same series as 'q' of sources[0]; "
            "map one of the two, or name another extractor",
        ),
        (
            [STATSD, {**STATSD, "extractor": "b"}],
            "sources[1].listen: sources[0] listens there already; "
            "give each source a port of its own",
        ),
    ],
)
def test_fault_of_two_sources_together_is_named_with_its_fix(faults, sources, fault):
    assert f"exporter.json: {fault}" in faults({"sources": sources})


def test_durations_of_two_files_of_one_extractor_are_no_fault(load):
    assert load({"sources": [FILE, {**FILE, "name": "two", "path": "/other"}]})


def test_each_fault_is_one_line(faults):
    sources = [{**HTTP, "url": 5, "x": 1}, {**FILE, "path": ""}]
    assert len(faults({"sources": sources})) == 3


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.json", "{", ":1: not JSON (Expecting property name enclosed in double quotes)"),
        ("a.conf", "{\n\n]", ":3: not JSON"),
        ("a.toml", "[", ": not TOML ("),
        ("a.json", "[]", ': not a mapping; write {"sources": [...]}'),
        ("a.json", '{"a": 1, "a": 2}', ': "a": written twice; keep one of the two'),
        ("a.json", "[" * 100_000, ": can't be read (maximum recursion depth exceeded"),
        ("a.json", '{"a": ' + "9" * 5000 + "}", ": can't be read (Exceeds the limit"),
    ],
)
def test_file_that_holds_something_else_is_named(faults, name, text, fault):
    [line] = faults(text, name)
    assert line.startswith(name + fault)


def test_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "latin").write_bytes(b"\xff")
    for name, fault in [
        ("none.json", "can't be read (No such file or directory); check the path"),
        ("latin", "not UTF-8 text; save it as UTF-8"),
    ]:
        with pytest.raises(ConfigError) as raised:
            load_config(tmp_path / name)
        assert str(raised.value) == f"{tmp_path / name}: {fault}"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9102", ("127.0.0.1", 9102)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_address_is_read_and_written(text, address):
    assert parse_address(text) == address
    assert str(parse_address(text)) == text


@pytest.mark.parametrize("text", ["", "host", ":1", "::1:1", "[::1]", "host:65536", "a b:1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="must be HOST:PORT"):
        parse_address(text)


KEYS = st.sampled_from(
    [
        "type",
        "name",
        "map",
        "url",
        "path",
        "listen",
        "metric",
        "label",
        "scale",
        "unit",
        "tag",
        "tags",
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["http", "file", "statsd", "errors_total", "error_type", "127.0.0.1:1"])
)
ANY = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner))
ENTRIES = st.dictionaries(st.text(), ANY | st.dictionaries(KEYS, LEAVES))
SOURCES = st.fixed_dictionaries(
    {"type": st.sampled_from(["http", "file", "statsd"])},
    optional={
        "map": ENTRIES,
        "name": ANY,
        "url": ANY,
        "listen": ANY,
        "max_bytes": ANY,
        "socket_mode": ANY,
    },
)


@given(sources=st.lists(SOURCES | ANY, max_size=3) | ANY, buckets=ANY)
def test_any_configuration_is_taken_or_answered_with_lines(tmp_path_factory, sources, buckets):
    file = tmp_path_factory.getbasetemp() / "any.json"
    file.write_text(json.dumps({"sources": sources, "duration_buckets": buckets}))
    config, said = attempt(ConfigError, load_config, file)
    if config is None:
        assert all(line.startswith(f"{file}: ") for line in said.split("\n"))
    else:
        assert config.sources
