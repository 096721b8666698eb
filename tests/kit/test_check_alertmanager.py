"""Routes that no alert reaches, paces that are not kept, alerts that mute the wrong ones."""

from collections.abc import Callable
from typing import Any

import pytest

from featurewatch_kit.checks.inhibition import check_inhibition
from featurewatch_kit.checks.shadows import check_shadows
from featurewatch_kit.checks.timing import check_timing
from featurewatch_kit.checks.tree import Tree
from featurewatch_kit.config import Config

PLACE = "alertmanager/generated/alertmanager.yaml"
Project = Callable[[str], tuple[Config, Tree]]
Dicts = list[dict[str, Any]]
CRITICAL = 'alertname="FeatureExtractionLatencyCritical"'
HIGH = 'alertname="FeatureExtractionLatencyHigh"'


def said(findings: Any) -> list[str]:
    return [str(finding).removeprefix(f"{PLACE}: ") for finding in findings]


# --- Routes ---------------------------------------------------------------------------------


def test_every_route_of_the_defaults_can_be_reached(tree: Tree) -> None:
    assert said(check_shadows(tree)) == []


def test_a_route_behind_one_that_takes_all_its_alerts_is_named_with_it(
    tree: Tree, routes: Dicts
) -> None:
    index = next(i for i, r in enumerate(routes) if r["receiver"] == "resource_critical-level-2")
    routes.insert(
        index,
        {"receiver": "default-level-1", "matchers": ['escalation_policy="resource_critical"']},
    )
    assert said(check_shadows(tree)) == [
        'route resource_critical-level-2 {escalation_policy="resource_critical",'
        ' escalation_level="2"}: is never reached, since `route default-level-1'
        ' {escalation_policy="resource_critical"}` before it takes all its alerts; write this one'
        " first, or `continue: true` there"
    ]


def test_a_route_behind_one_that_continues_is_reached(tree: Tree, routes: Dicts) -> None:
    matchers = ['escalation_policy="resource_critical"']
    routes.insert(0, {"receiver": "default-level-1", "matchers": matchers, "continue": True})
    assert said(check_shadows(tree)) == []


def test_a_catch_all_must_be_last(tree: Tree, routes: Dicts) -> None:
    routes.insert(0, routes.pop())
    found = said(check_shadows(tree))
    assert len(found) == len(routes) - 1
    assert all("since `route default-level-1` before it takes all" in line for line in found)


def test_the_same_route_twice_shadows_itself(tree: Tree, routes: Dicts) -> None:
    routes.insert(-1, dict(routes[-2]))
    (found,) = said(check_shadows(tree))
    assert "is never reached, since `route resource_critical-level-2" in found


def test_matchers_that_exclude_each_other_are_named(tree: Tree, routes: Dicts) -> None:
    routes.insert(0, {"receiver": "default-level-1", "matchers": ['type="a"', 'type="b"']})
    assert said(check_shadows(tree)) == [
        'route default-level-1 {type="a", type="b"}: no label set fulfils its matchers and those'
        " above it; write others"
    ]


def test_a_route_that_no_alert_uses_today_is_a_note(project: Project) -> None:
    _, tree = project("alerts: {FeatureExtractionResourcesCritical: {enabled: false}}")
    (note,) = check_shadows(tree)
    assert note.note
    assert "no alert goes today by route resource_critical-level-1" in note.message


# --- Paces ----------------------------------------------------------------------------------


def test_the_defaults_keep_their_paces(tree: Tree) -> None:
    assert said(check_timing(tree)) == []


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (
            {"group_interval": "10m", "repeat_interval": "5m"},
            "repeat_interval 5m is less than group_interval 10m, at which alone Alertmanager"
            " repeats; write 10m or more under routing",
        ),
        (
            # The group interval is the root's.
            {"repeat_interval": "2m"},
            "repeat_interval 2m is less than group_interval 5m, at which alone Alertmanager"
            " repeats; write 5m or more under routing",
        ),
        (
            {"repeat_interval": "7d"},
            "repeat_interval 7d is longer than the 120h that Alertmanager remembers what it has"
            " sent, after which it repeats anyway; write 120h or less under routing",
        ),
    ],
)
def test_a_pace_that_alertmanager_does_not_keep(
    route: dict[str, str], expected: str, tree: Tree, routes: Dicts
) -> None:
    routes[-1] = {"receiver": "default-level-1", **route}
    (finding,) = check_timing(tree)
    assert not finding.note
    assert said([finding]) == [f"route default-level-1: {expected}"]


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (
            {"group_interval": "2m", "repeat_interval": "5m"},
            "repeats every 6m, the next multiple of group_interval 2m after repeat_interval 5m",
        ),
        (
            {"group_wait": "10m"},
            "group_wait 10m is longer than group_interval 5m: the first message comes later than"
            " any other",
        ),
    ],
)
def test_a_pace_that_surprises_is_a_note(
    route: dict[str, str], expected: str, tree: Tree, routes: Dicts
) -> None:
    routes[-1] = {"receiver": "default-level-1", **route}
    (finding,) = check_timing(tree)
    assert finding.note
    assert str(finding) == f"note: {PLACE}: route default-level-1: {expected}"


def test_a_group_may_repeat_at_every_flush(tree: Tree, routes: Dicts) -> None:
    routes[-1] = {"receiver": "default-level-1", "repeat_interval": "5m"}
    assert said(check_timing(tree)) == []


def test_a_route_whose_children_do_not_take_everything_has_a_pace_too(
    tree: Tree, routes: Dicts
) -> None:
    routes[-1] = {
        "receiver": "default-level-1",
        "repeat_interval": "7d",
        "routes": [{"matchers": ['severity="low"'], "repeat_interval": "1h"}],
    }
    (found,) = said(check_timing(tree))
    assert found.startswith("route default-level-1: repeat_interval 7d is longer than")


# --- Inhibition -----------------------------------------------------------------------------


def rule(source: list[str], target: list[str], *equal: str) -> dict[str, Any]:
    return {"source_matchers": source, "target_matchers": target, "equal": list(equal)}


def test_the_defaults_mute_as_they_should(tree: Tree, inhibit_rules: Dicts) -> None:
    assert any("FeaturewatchMaintenance" in str(rule) for rule in inhibit_rules)
    assert said(check_inhibition(tree)) == []


def test_an_alert_on_both_sides_would_mute_itself(tree: Tree, inhibit_rules: Dicts) -> None:
    inhibit_rules[:] = [rule([HIGH], ['severity="high"'], "extractor", "type")]
    assert said(check_inhibition(tree)) == [
        f'inhibit_rules[0] ({HIGH} mutes severity="high"): FeatureExtractionLatencyHigh level 1 is'
        " on both sides and would mute itself; narrow the target_matchers"
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
    assert any("Watchdog, which the receiver must always hear" in line for line in found)
