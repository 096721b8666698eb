"""config.yaml as people meet it: explained, overlaid key by key, checked by their editor."""

import json
import re

import jsonschema
import pytest
import yaml

from featurewatch.names import DURATION_BUCKETS
from featurewatch_kit.project import load_config

SECTION = "# ---"


@pytest.fixture(scope="module")
def text(root):
    return (root / "config.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def schema(root):
    return json.loads((root / "config.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def load(root, tmp_path):
    """Load overlays, given as texts, over the defaults."""

    def load_overlays(*texts):
        files = [tmp_path / f"{number}.yaml" for number in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_text(text, encoding="utf-8")
        return load_config(root, files)

    return load_overlays


# --- Overlays -------------------------------------------------------------------------------


def test_an_empty_overlay_changes_nothing(load):
    assert load("") == load("# only a comment\n") == load()


def test_mappings_are_merged_key_by_key(load):
    alert = load("alerts: {FeatureExtractionLatencyCritical: {threshold: 0.25}}").alerts
    assert alert.FeatureExtractionLatencyCritical.threshold == 0.25
    assert alert.FeatureExtractionLatencyCritical.cooldown == "2m"
    assert alert.FeatureExtractionLatencyHigh == load().alerts.FeatureExtractionLatencyHigh


def test_a_new_name_in_a_mapping_stands_beside_the_old_ones(load):
    recipients = load("recipients: {boss: {email: boss@example.com}}").recipients
    assert list(recipients) == [*load().recipients, "boss"]


def test_lists_are_replaced(load):
    config = load(
        "escalation: {policies: {latency_violation: {levels: [{channels: [slack],"
        " recipients: [on_call_engineer], response_time: immediate}]}}}"
    )
    (level,) = config.escalation.policies["latency_violation"].levels
    assert level.channels == ["slack"]
    assert level.delay is None


def test_null_replaces_a_value(load):
    alerts = load("alerts: {FeatureExtractionLatencyCritical: {response: null}}").alerts
    assert alerts.FeatureExtractionLatencyCritical.response is None


def test_the_last_overlay_wins(load):
    config = load("history: {max_days: 7}", "history: {max_days: 90}")
    assert config.history.max_days == 90


# --- What the file says ---------------------------------------------------------------------


def test_the_default_buckets_are_the_librarys(load):
    assert tuple(load().metrics.duration_buckets) == DURATION_BUCKETS


def keys(node, path=()):
    """Path, line and value of every key; those inside lists under the list's key."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, key.value)
            yield here, key.start_mark.line, value
            yield from keys(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from keys(item, path)


def indent(text):
    return len(text) - len(text.lstrip())


def comment(lines, line):
    """The comment on the line, and those above it; a comment is about the keys below it, too.

    That ends at a blank line and where a mapping begins or ends. Headings explain nothing.
    """
    words = [lines[line].partition(" #")[2]]
    depth = indent(lines[line])
    while line and lines[line - 1].strip() and indent(lines[line - 1]) == depth:
        line -= 1
        if lines[line].lstrip().startswith("#") and not lines[line].startswith(SECTION):
            words.append(lines[line].lstrip(" #"))
    return " ".join(reversed(words)).strip()


def test_every_value_is_explained(text):
    """By a comment of its own or of a mapping around it, or at the same key of its section.

    Alerts, correlated ones included, have the keys that the block above `alerts` explains, and
    `enabled` is a switch everywhere.
    """
    lines = text.splitlines()
    found = list(keys(yaml.compose(text)))
    explained = {path for path, line, _ in found if comment(lines, line)}
    sections = {(path[0], path[-1]) for path in explained}
    block = set(re.findall(r"^#   (\w+)  +\S", text, flags=re.MULTILINE))
    unexplained = [
        ".".join(path)
        for path, _, value in found
        if not isinstance(value, yaml.MappingNode)
        and not any(path[:depth] in explained for depth in range(1, len(path) + 1))
        and (path[0], path[-1]) not in sections
        and not (path[0] in {"alerts", "correlation"} and block & set(path))
        and path[-1] != "enabled"
    ]
    assert unexplained == []


def test_the_block_above_alerts_explains_exactly_the_keys_of_alerts(text):
    above = text[text.index("# --- Alerts") : text.index("\nalerts:")]
    block = set(re.findall(r"^#   (\w+)  +\S", above, flags=re.MULTILINE))
    alerts = yaml.safe_load(text)["alerts"]
    assert block == {key for alert in alerts.values() for key in alert}


def test_every_section_stands_under_a_heading(text):
    first = text.index(SECTION)
    assert not re.search(r"^\w", text[:first], flags=re.MULTILINE)


def test_no_alias_is_in_it_since_engines_of_jsonnet_read_them_differently(text):
    assert not [t for t in yaml.scan(text) if isinstance(t, yaml.AnchorToken | yaml.AliasToken)]
    assert [t for t in yaml.scan("a: &x 1\nb: *x") if isinstance(t, yaml.AliasToken)]


def test_no_comment_is_left_over_from_work(text):
    assert not re.search(r"TODO|FIXME|XXX|#\d+", text)


# --- The editor -----------------------------------------------------------------------------


def test_the_first_line_names_the_schema(text, root):
    first = text.splitlines()[0]
    assert first == "# yaml-language-server: $schema=config.schema.json"
    assert (root / "config.schema.json").is_file()


@pytest.mark.parametrize("file", ["config.yaml", "examples/demo.yaml"])
def test_the_schema_accepts_the_defaults_and_the_demos_overlay(file, root, schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load((root / file).read_text(encoding="utf-8")), schema)


@pytest.mark.parametrize(
    ("overlay", "path"),
    [
        ("colour: red", []),
        (
            "alerts: {FeatureExtractionLatencyCritical: {treshold: 0.1}}",
            ["alerts", "FeatureExtractionLatencyCritical"],
        ),
        (
            "alerts: {FeatureExtractionLatencyCritical: {threshold: -1}}",
            ["alerts", "FeatureExtractionLatencyCritical", "threshold"],
        ),
        (
            "alerts: {FeatureExtractionLatencyCritical: {window: 5 minutes}}",
            ["alerts", "FeatureExtractionLatencyCritical", "window"],
        ),
        (
            'alerts: {FeatureExtractionLatencyCritical: {window: ""}}',
            ["alerts", "FeatureExtractionLatencyCritical", "window"],
        ),
    ],
)
def test_the_schema_refuses_what_the_command_refuses(overlay, path, schema):
    validator = jsonschema.Draft202012Validator(schema)
    faults = list(validator.iter_errors(yaml.safe_load(overlay)))
    assert [list(fault.absolute_path) for fault in faults] == [path]


@pytest.mark.parametrize("name", ["for", "from"])
def test_the_schema_names_keys_as_they_are_written(name, schema):
    properties = [entry.get("properties", {}) for entry in schema["$defs"].values()]
    assert any(name in entry for entry in properties)
    assert not any(f"{name}_" in entry for entry in properties)
