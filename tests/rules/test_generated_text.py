"""The text of the generated rules and routes: as short as it can be, and explained."""

import json
import re

import pytest
import yaml

FILES = [
    "rules/generated/featurewatch_alerts.yaml",
    "rules/generated/featurewatch_rules.yaml",
    "alertmanager/generated/alertmanager.yaml",
    "receivers/generated/receiver.yaml",
    "prometheus/generated/prometheus.yaml",
    "operator/generated/prometheus-rule.yaml",
    "operator/generated/alertmanager-secret.yaml",
    "dashboards/generated/featurewatch-alerts.json",
    "dashboards/generated/featurewatch-overview.json",
    "dashboards/generated/featurewatch-remediation.json",
]
# A regular expression that is one word.
ONE_WORD = re.compile(r'\b\w+[=!]~\\?"[\w-]+\\?"')


def strings(node):
    """Every key and text of a tree."""
    if isinstance(node, dict):
        return [text for pair in node.items() for part in pair for text in strings(part)]
    if isinstance(node, list):
        return [text for item in node for text in strings(item)]
    return [str(node)]


@pytest.mark.parametrize("file", FILES)
def test_a_matcher_of_one_word_is_no_regular_expression(file, root):
    assert ONE_WORD.findall((root / file).read_text(encoding="utf-8")) == []


def test_what_is_found_is_found_in_every_notation():
    said = ['a=~"one"', 'a!~"one-two"', json.dumps('a=~"one"')]
    assert all(ONE_WORD.search(text) for text in said)
    assert not any(map(ONE_WORD.search, ['a="one"', 'a=~"one|two"', 'a=~".+"', 'a=~"$job"']))


@pytest.fixture
def alerts(root):
    """The rules of the alerts' group."""
    text = (root / FILES[0]).read_text(encoding="utf-8")
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def test_no_rule_says_what_prometheus_assumes(alerts):
    durations = {rule.get(key) for rule in alerts for key in ("for", "keep_firing_for")}
    assert "0s" not in durations
    assert durations > {None, "2m"}


def test_annotations_are_less_than_half_of_the_alerts(alerts, root):
    said = sum(len(text) for rule in alerts for text in rule.get("annotations", {}).values())
    assert said < len((root / FILES[0]).read_text(encoding="utf-8")) / 2


def test_an_incident_asks_for_its_members_once(alerts):
    incidents = [rule for rule in alerts if rule.get("labels", {}).get("category") == "correlation"]
    queries = [
        " ".join(strings(r["annotations"])).count("| query") for r in incidents if "alert" in r
    ]
    assert queries
    asked = ["its beginning", "its duration", "its members", "when they were measured last"]
    assert set(queries) == {len(asked)}


def test_each_block_of_inhibit_rules_says_why(root):
    text = (root / FILES[2]).read_text(encoding="utf-8")
    rules = text[text.index("\ninhibit_rules:\n") : text.index("\nreceivers:\n")]
    assert rules.startswith("\ninhibit_rules:\n# ")
    assert len(re.findall(r"^# .*\n(?=-)", rules, re.MULTILINE)) == 8
