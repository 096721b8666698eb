"""docs/exporter.md says what is so."""

import json
import re
import subprocess
import sys

import pytest

from featurewatch import METRICS, names
from featurewatch_exporter import config, fields, follow, rules, statsd
from featurewatch_exporter.config import load_config
from featurewatch_exporter.json_lines import read_events

DEFAULTS = {
    "extractor": f"`{names.DEFAULT_EXTRACTOR}`",
    "stale_after_seconds": f"{config.STALE_POLLS} intervals; {config.STALE_SECONDS:g} for `file` "
    "and `statsd`",
    "interval_seconds": f"{config.INTERVAL:g}",
    "timeout_seconds": f"{config.TIMEOUT:g}",
    "max_bytes": f"{config.MAX_BYTES}",
}


@pytest.fixture
def text(root):
    return (root / "docs/exporter.md").read_text()


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_every_configuration_that_it_shows_is_good(text, tmp_path):
    shown = {"json": blocks(text, "json"), "toml": blocks(text, "toml")}
    assert [len(found) for found in shown.values()] == [3, 1]
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
    told = [[read_events(rule, line) for rule in source.rules] for line in lines]
    values = [[(e.value, e.label) for events in line for e in events] for line in told]
    assert values == [
        [(0.0125, None), (1, "hit")],
        [(0.23, None), (1, "miss"), (1, "TimeoutError"), (1, "model_timeout")],
    ]


def test_table_of_keys_is_what_is_read(text):
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \| ?([^|]*?) ?\|$", text, re.MULTILINE)
    owners = {key: owner.strip("`") for key, owner, _ in rows}
    assert owners == KNOWN
    told = {key: default for key, _, default in rows}
    assert {key: told[key] for key in DEFAULTS} == DEFAULTS


KNOWN = {
    "sources": "the file",
    "duration_buckets": "the file",
    **dict.fromkeys(config._COMMON, "every source"),
    **{key: kind for kind, keys in config._KEYS.items() for key in keys},
}


def test_types_of_statsd_are_those_that_are_taken(text):
    rows = re.findall(r"^\| ((?:`\\\|\w+`(?:, )?)+) \| a (\w+) \|", text, re.MULTILINE)
    told = {kind: metric for kinds, metric in rows for kind in re.findall(r"\|(\w+)", kinds)}
    assert told == statsd._TYPES


def test_numbers_are_those_of_the_code(text):
    assert follow.MAX_LINE == 1024 * 1024
    assert "Lines over 1 MiB are skipped" in text
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
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, said + "\n", "")
