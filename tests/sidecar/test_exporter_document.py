"""docs/exporter.md says what is so."""

import json
import re
import subprocess
import sys

import pytest
from waiting import PATIENCE_SECONDS

from featurewatch import METRICS, names
from featurewatch_exporter import (
    config,
    endpointconfig,
    fields,
    follow,
    rules,
    tail,
    units,
    watch,
)
from featurewatch_exporter.config import load_config
from featurewatch_exporter.line_events import read_events
from featurewatch_exporter.paths import json_path
from featurewatch_exporter.statsd import dialects, reader, sockets

DEFAULTS = {
    "extractor": f"`{names.DEFAULT_EXTRACTOR}`",
    "stale_after_seconds": f"{config.STALE_POLLS} intervals; {config.STALE_SECONDS:g} for `file` "
    "and `statsd`",
    "interval_seconds": f"{config.INTERVAL:g}",
    "timeout_seconds": f"{config.TIMEOUT:g}",
    "max_bytes": f"{config.MAX_BYTES}",
    "receive_buffer_bytes": f"{endpointconfig.RECEIVE_BUFFER}",
    "socket_mode": endpointconfig.SOCKET_MODE,
}


@pytest.fixture
def text(root):
    return (root / "docs/exporter.md").read_text()


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_every_configuration_that_it_shows_is_good(text, tmp_path):
    shown = {"json": blocks(text, "json"), "toml": blocks(text, "toml")}
    assert [len(found) for found in shown.values()] == [5, 1]
    for language, found in shown.items():
        for number, block in enumerate(found):
            file = tmp_path / f"{number}.{language}"
            file.write_text(block)
            assert load_config(file).sources


def test_lines_that_it_shows_tell_what_it_says(text, tmp_path):
    file = tmp_path / "exporter.toml"
    file.write_text(blocks(text, "toml")[0])
    [source] = load_config(file).sources
    lines = [json.loads(line) for line in blocks(text, "text")[0].splitlines()]
    told = [[list(read_events(rule, line)) for rule in source.rules] for line in lines]
    values = [[(e.value, e.label) for events in line for e in events] for line in told]
    assert values == [
        [(0.0125, None), (1, "hit")],
        [(0.23, None), (1, "miss"), (1, "TimeoutError"), (1, "model_timeout")],
    ]


def test_table_of_keys_is_what_is_read(text):
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \| ?([^|]*?) ?\|$", text, re.MULTILINE)
    owners = {key: owner.replace("`", "") for key, owner, _ in rows}
    assert owners == KNOWN
    told = {key: default for key, _, default in rows}
    assert {key: told[key] for key in DEFAULTS} == DEFAULTS


OWN_KEYS = {key for keys in config._KEYS.values() for key in keys}
KNOWN = {
    "sources": "the file",
    "duration_buckets": "the file",
    "state_file": "the file",
    **dict.fromkeys(config._COMMON, "every source"),
    **{key: ", ".join(k for k, keys in config._KEYS.items() if key in keys) for key in OWN_KEYS},
}


def test_paths_that_it_shows_are_paths(text):
    shown = re.findall(r"^\| (`.+?`) \| .+ \|$", text.split("### A URL")[0], re.MULTILINE)
    paths = [path for row in shown for path in re.findall(r"`([^`]+)`", row)]
    assert len(paths) == 10
    assert all(json_path(path).steps for path in paths)


def test_formats_that_it_names_are_those_that_are_read(text):
    [row] = re.findall(r"^\| `format` .*\|$", text, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) - {"format", "http", "file"} == {
        form for forms in config.FORMATS.values() for form in forms
    }


def test_types_of_statsd_are_those_that_are_taken(text):
    rows = re.findall(r"^\| ((?:`\\\|\w+`(?:, )?)+) \| a (\w+) \|", text, re.MULTILINE)
    told = {kind: metric for kinds, metric in rows for kind in re.findall(r"\|(\w+)", kinds)}
    assert told == dialects.TYPES


def test_tags_of_each_style_that_it_shows_are_found(text):
    table = text.partition("| style | a line |\n")[2].partition("\n\n")[0]
    lines = re.findall(r"`(.+)` \|$", table, re.MULTILINE)
    assert len(lines) == 5
    for line in lines:
        [parts] = dialects.cut(line.replace("\\|", "|").encode())
        name, tags = dialects.read_head(parts.head)
        tags |= dialects.read_tail(parts.tail).tags
        assert (name, tags, parts.values) == ("features.time", {"env": "prod", "zone": "b"}, b"23")


def test_units_are_those_that_are_read(text):
    told = re.search(r"or `unit` in its place \(([^)]+)\)", text)[1]
    known = {name for by_name in units.UNITS.values() for name in by_name}
    assert set(re.findall(r"`(\w+)`", told)) == known


def test_numbers_are_those_of_the_code(text):
    assert tail.MAX_LINE == 1024 * 1024
    assert "Lines over 1 MiB are skipped" in text
    assert sockets.MAX_LINE == 64 * 1024
    assert "skipped after 64 KiB" in text
    assert f"{reader.MOST_STREAMS} connections are kept at once" in text
    assert follow.KEEP_SECONDS == 60
    assert "until it has been quiet for a minute" in text
    assert f"during a rotation for {follow._GAP_SECONDS:g} seconds" in text
    assert watch.LOOK_SECONDS == 0.5
    assert "looks twice a second" in text
    assert f"cut at {fields.MAX_LABEL_LENGTH} characters" in text
    assert f"more than {names.MAX_LABEL_VALUES} values of one label" in text


def test_every_metric_that_it_names_exists(text):
    named = set(re.findall(r"feature_extraction_\w+[a-z]", text)) - {"feature_extraction_snapshot"}
    assert named <= {metric.name for metric in METRICS}
    short = set(re.findall(r'metric"?(?::| =) "(\w+)"', text))
    assert short <= set(rules.MAPPABLE)


def test_every_metric_of_the_contract_can_be_mapped_or_is_our_own():
    own = {metric.name for metric in METRICS} - {m.name for m in rules.MAPPABLE.values()}
    assert {name.removeprefix(names.PREFIX) for name in own} == {
        "label_values_dropped_total",
        "monitor_failures_total",
        "source_up",
        "source_last_sample_timestamp_seconds",
        "source_failures_total",
        "source_dropped_total",
        "info",
    }


def test_answer_of_check_is_the_one_shown(text, tmp_path):
    (tmp_path / "exporter.json").write_text(blocks(text, "json")[0])
    command, said = re.search(r"^\$ (featurewatch-exporter .*--check)\n(.*)$", text, re.M).groups()
    arguments = command.split()[1:]
    done = subprocess.run(
        [sys.executable, "-m", "featurewatch_exporter", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=PATIENCE_SECONDS,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, said + "\n", "")
