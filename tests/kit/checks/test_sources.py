"""Rules that one alert is muted by twice."""

from collections.abc import Callable

import pytest

from featurewatch_kit.checks.sources import check_sources
from featurewatch_kit.checks.tree import Tree
from kit.checks.sayings import Dicts, said
from kit.conftest import Project

CRITICAL = "FeatureExtractionLatencyCritical"
HIGH = "FeatureExtractionLatencyHigh"
TELLS = "when one ends, Alertmanager 0.30.0 to 0.34.0 tells what the other still mutes"
WORSE = {
    "two windows that overlap": """
maintenance:
  - {name: one, from: 2026-01-01T00:00:00Z, to: 2026-01-03T00:00:00Z, extractors: [big_model]}
  - {name: two, from: 2026-01-02T00:00:00Z, to: 2026-01-04T00:00:00Z, extractors: [big_model]}
  - {name: all, from: 2026-01-02T00:00:00Z, to: 2026-01-04T00:00:00Z}
  - {name: all_too, from: 2026-01-03T00:00:00Z, to: 2026-01-04T00:00:00Z}
""",
    "clusters, and an instance that is critical": """
metrics: {identity: [extractor, cluster]}
alerts:
  FeatureExtractionExporterDown:
    {severity: critical, escalation: latency_violation, escalation_required: true}
""",
    "two critical alerts of one kind": """
alerts:
  FeatureExtractionLatencyHigh: {severity: critical, escalation: resource_critical}
""",
}


def rule(source: list[str], target: str, *equal: str) -> dict[str, list[str]]:
    targets = [f'alertname="{target}"']
    return {"source_matchers": source, "target_matchers": targets, "equal": list(equal)}


def test_two_levels_of_an_alert_that_mute_another_are_named(
    tree: Tree, inhibit_rules: Dicts
) -> None:
    source = [f'alertname="{CRITICAL}"', 'escalation_level=~"1|2"']
    inhibit_rules[:] = [rule(source, HIGH, "extractor")]
    [found] = said(check_sources(tree))
    assert found.endswith(
        f": {CRITICAL} level 1 and {CRITICAL} level 2 mute {HIGH} level 1: {TELLS}; write a rule"
        " for each of them"
    )


def test_an_alert_of_each_instance_is_several_sources(tree: Tree, inhibit_rules: Dicts) -> None:
    source = ['alertname="FeatureExtractionExporterDown"', 'escalation_level="1"']
    inhibit_rules[:] = [rule(source, HIGH)]
    [found] = said(check_sources(tree))
    assert f"FeatureExtractionExporterDown level 1 of each instance, job mutes {HIGH}" in found
    assert found.endswith("take a source that has no such label")


def test_the_defaults_have_one_source_for_each_target(tree: Tree) -> None:
    assert said(check_sources(tree)) == []


@pytest.mark.parametrize("settings", WORSE.values(), ids=WORSE)
def test_whatever_is_configured_has_one_source_for_each_target(
    project: Callable[[str], Project], settings: str
) -> None:
    _, tree = project(settings)
    assert said(check_sources(tree)) == []
