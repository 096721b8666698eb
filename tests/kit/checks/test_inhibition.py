"""Alerts that mute the wrong ones."""

from typing import Any

import pytest

from featurewatch_kit.checks.inhibition import check_inhibition
from featurewatch_kit.checks.tree import Tree
from kit.checks.sayings import Dicts, said

CRITICAL = 'alertname="FeatureExtractionLatencyCritical"'
HIGH = 'alertname="FeatureExtractionLatencyHigh"'


def rule(source: list[str], target: list[str], *equal: str) -> dict[str, Any]:
    return {"source_matchers": source, "target_matchers": target, "equal": list(equal)}


def test_the_defaults_mute_as_they_should(tree: Tree, inhibit_rules: Dicts) -> None:
    assert any("FeaturewatchMaintenance" in str(rule) for rule in inhibit_rules)
    assert said(check_inhibition(tree)) == []


def test_an_alert_on_both_sides_would_mute_itself(tree: Tree, inhibit_rules: Dicts) -> None:
    inhibit_rules[:] = [rule([HIGH], ['severity="high"', 'extractor!=""'], "extractor", "type")]
    assert said(check_inhibition(tree)) == [
        f'inhibit_rules[0] ({HIGH} mutes severity="high", extractor!=""):'
        " FeatureExtractionLatencyHigh level 1 is on both sides and would mute itself; narrow the"
        " target_matchers"
    ]


def test_a_label_that_neither_side_has_is_named(tree: Tree, inhibit_rules: Dicts) -> None:
    inhibit_rules[:] = [rule([CRITICAL], [HIGH], "extractor", "cluster")]
    assert said(check_inhibition(tree)) == [
        f"inhibit_rules[0] ({CRITICAL} mutes {HIGH}): equal names cluster, which"
        " FeatureExtractionLatencyCritical level 1, FeatureExtractionLatencyHigh level 1,"
        " FeatureExtractionLatencyCritical level 2 and 1 more does not have; name labels that both"
        " sides have, or narrow the matchers"
    ]


def test_a_label_that_one_side_lacks_is_named(tree: Tree, inhibit_rules: Dicts) -> None:
    down = 'alertname="FeatureExtractionExporterDown"'
    inhibit_rules[:] = [rule([down], [HIGH], "extractor")]
    assert said(check_inhibition(tree)) == [
        f"inhibit_rules[0] ({down} mutes {HIGH}): equal names extractor, which"
        " FeatureExtractionExporterDown level 1 does not have; name labels that both sides have, or"
        " narrow the matchers"
    ]


def test_alerts_of_one_extractor_do_not_mute_those_of_another(
    tree: Tree, inhibit_rules: Dicts
) -> None:
    inhibit_rules[:] = [rule([CRITICAL, 'escalation_level="1"'], [HIGH], "type")]
    assert said(check_inhibition(tree)) == [
        f'inhibit_rules[0] ({CRITICAL}, escalation_level="1" mutes {HIGH}):'
        " FeatureExtractionLatencyCritical level 1 mutes FeatureExtractionLatencyHigh level 1 of"
        " every extractor, not of its own alone; add extractor to equal"
    ]


def test_alerts_that_mute_each_other_are_both_named(tree: Tree, inhibit_rules: Dicts) -> None:
    level = 'escalation_level="1"'
    inhibit_rules[:] = [
        rule([CRITICAL, level], [HIGH], "extractor"),
        rule([HIGH], [CRITICAL], "extractor"),
    ]
    assert said(check_inhibition(tree)) == [
        "inhibit_rules[0] and inhibit_rules[1]: FeatureExtractionLatencyCritical level 1 and"
        " FeatureExtractionLatencyHigh level 1 mute each other, so nobody hears of either; let only"
        " one mute the other"
    ]


def test_a_circle_of_three_is_found(tree: Tree, inhibit_rules: Dicts) -> None:
    names = ["CacheHitRateLow", "FallbackUsageHigh", "LatencyHigh"]
    sides = [f'alertname="FeatureExtraction{name}"' for name in names]
    inhibit_rules[:] = [
        rule([source], [target], "extractor")
        for source, target in zip(sides, [*sides[1:], sides[0]], strict=True)
    ]
    (found,) = said(check_inhibition(tree))
    assert all(f"FeatureExtraction{name} level 1" in found for name in names)


@pytest.mark.parametrize("other", ["FallbackUsageHigh", "LatencyHigh", "CacheHitRateLow"])
def test_two_circles_are_two_lines(other: str, tree: Tree, inhibit_rules: Dicts) -> None:
    """Those that share an alert, too."""
    pairs = [("CacheHitRateLow", "LatencyHigh"), ("BatchBacklog", other)]
    inhibit_rules[:] = [
        rule(
            [f'alertname="FeatureExtraction{a}"'],
            [f'alertname="FeatureExtraction{b}"'],
            "extractor",
        )
        for pair in pairs
        for a, b in (pair, reversed(pair))
    ]
    assert len(said(check_inhibition(tree))) == 2


def test_alerts_of_different_extractors_make_no_circle(tree: Tree, inhibit_rules: Dicts) -> None:
    inhibit_rules[:] = [
        rule([CRITICAL, 'extractor="one"', 'escalation_level="1"'], [HIGH], "extractor"),
        rule([HIGH, 'extractor="two"'], [CRITICAL], "extractor"),
    ]
    assert said(check_inhibition(tree)) == []


def test_what_always_fires_mutes_nothing(tree: Tree, inhibit_rules: Dicts) -> None:
    inhibit_rules[:] = [rule(['alertname="Watchdog"'], [HIGH])]
    assert said(check_inhibition(tree)) == [
        f'inhibit_rules[0] (alertname="Watchdog" mutes {HIGH}): Watchdog always fires, so'
        " FeatureExtractionLatencyHigh level 1 is never told; take it out"
    ]


def test_the_watchdog_is_never_muted(tree: Tree, inhibit_rules: Dicts) -> None:
    scope = 'scope="all"'
    inhibit_rules[:] = [rule(['alertname="FeaturewatchMaintenance"', scope], ['category=~".+"'])]
    found = said(check_inhibition(tree))
    signals = "Watchdog, FeaturewatchCooldown"
    assert any(f"{signals}, which the receiver must always hear" in line for line in found)
