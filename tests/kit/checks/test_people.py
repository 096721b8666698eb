"""Every alert ends at the people whom its policy names."""

from collections.abc import Callable
from typing import Any

import pytest

from featurewatch_kit.checks.people import check_people
from featurewatch_kit.checks.tree import Tree
from featurewatch_kit.config.model import Config

ALERTMANAGER = "alertmanager/generated/alertmanager.yaml"
Project = Callable[[str], tuple[Config, Tree]]


def lines(config: Config, tree: Tree) -> list[str]:
    return [str(finding) for finding in check_people(config, tree)]


def named(routes: list[dict[str, Any]], receiver: str) -> dict[str, Any]:
    return next(route for route in routes if route["receiver"] == receiver)


def receiver(tree: Tree, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = tree.alertmanager["receivers"]
    return next(entry for entry in found if entry["name"] == name)


def test_every_alert_of_the_defaults_reaches_its_people(config: Config, tree: Tree) -> None:
    assert {alert.name for alert in tree.alerts} >= {"Watchdog", "FeaturewatchMaintenance"}
    assert lines(config, tree) == []


def test_an_alert_without_its_route_misses_those_whom_the_catch_all_does_not_tell(
    config: Config, tree: Tree, routes: list[dict[str, Any]]
) -> None:
    policy = next(
        r for r in routes if 'escalation_policy="latency_violation"' in r.get("matchers", [])
    )
    policy["routes"].remove(named(policy["routes"], "latency_violation-level-3"))
    found = lines(config, tree)
    assert (
        f"{ALERTMANAGER}: FeatureExtractionLatencyCritical level 3 does not reach"
        " engineering-manager@example.com by email,"
        " /etc/alertmanager/secrets/pagerduty-managers by pagerduty,"
        " /etc/alertmanager/secrets/pagerduty-on-call by pagerduty and 1 more, whom the policy"
        " latency_violation names: it ends at featurewatch-receiver, latency_violation-levels-2-3;"
        " add the route of this level and that address to its receiver"
    ) in found
    assert all("level 3" in line for line in found)


def test_a_receiver_without_addresses_is_nobody(config: Config, tree: Tree) -> None:
    del receiver(tree, "error_rate_spike-levels-1-2")["email_configs"]
    assert [line.partition(",")[0] for line in lines(config, tree)] == [
        f"{ALERTMANAGER}: FeatureExtractionErrorRateHigh level 1 does not reach"
        " monitoring-team@example.com by email",
        f"{ALERTMANAGER}: FeatureExtractionErrorRateHigh level 2 does not reach"
        " monitoring-team@example.com by email",
        f"{ALERTMANAGER}: FeatureExtractionErrorStorm level 1 (high",
        f"{ALERTMANAGER}: FeatureExtractionErrorStorm level 2 (high",
        f"{ALERTMANAGER}: FeatureExtractionStorm level 1 does not reach"
        " monitoring-team@example.com by email",
        f"{ALERTMANAGER}: FeatureExtractionStorm level 2 does not reach"
        " monitoring-team@example.com by email",
    ]


def test_a_route_for_one_extractor_alone_is_seen(
    config: Config, tree: Tree, routes: list[dict[str, Any]]
) -> None:
    """Not every label set of the alert reaches its people."""
    lost = {"receiver": "featurewatch-receiver", "matchers": ['extractor="lost"']}
    routes.insert(0, lost)
    found = lines(config, tree)
    assert any("FeatureExtractionLatencyCritical level 1 does not reach" in line for line in found)
    assert not any("FeatureExtractionExporterDown" in line for line in found)


def test_an_alert_without_policy_may_end_at_the_catch_all(config: Config, tree: Tree) -> None:
    tree.alert_rules["groups"][0]["rules"].append({"alert": "Stray", "expr": "up == 0"})
    assert lines(config, tree) == []


def test_an_alert_without_policy_must_tell_somebody(
    config: Config, tree: Tree, routes: list[dict[str, Any]]
) -> None:
    tree.alert_rules["groups"][0]["rules"].append({"alert": "Stray", "expr": "up == 0"})
    routes[-1] = {"receiver": "featurewatch-receiver"}
    assert lines(config, tree) == [
        f"{ALERTMANAGER}: Stray ends at featurewatch-receiver, which tells nobody; route it to a"
        " receiver with an address"
    ]


END = (
    " does not end at the receiver, which then neither records nor remediates it; add a route to"
    " the receiver with the webhook before those of the people, with `continue: true` except for"
    " signals"
)


def test_a_signal_tells_the_receiver(
    config: Config, tree: Tree, routes: list[dict[str, Any]]
) -> None:
    route = next(route for route in routes if "Watchdog" in str(route))
    route["receiver"] = "default-level-1"
    found = lines(config, tree)
    assert (
        found[0] == f"{ALERTMANAGER}: FeaturewatchMaintenance, Watchdog, FeaturewatchCooldown{END}"
    )


def test_every_alert_tells_the_receiver(
    config: Config, tree: Tree, routes: list[dict[str, Any]]
) -> None:
    routes.remove(next(route for route in routes if route.get("continue")))
    (found,) = lines(config, tree)
    assert found.endswith(END)
    assert "Watchdog" not in found


def test_without_a_receiver_nothing_must_end_there(project: Project) -> None:
    config, tree = project("{channels: {dashboard: {enabled: false}}, responses: {enabled: false}}")
    assert lines(config, tree) == []


def test_a_signal_tells_no_person(config: Config, tree: Tree, routes: list[dict[str, Any]]) -> None:
    route = next(route for route in routes if "Watchdog" in str(route))
    route["continue"] = True
    assert (
        f"{ALERTMANAGER}: Watchdog is a signal for the receiver and tells"
        " monitoring-team@example.com; give it a route of its own that ends at the receiver, before"
        " those of the people"
    ) in lines(config, tree)


@pytest.mark.parametrize(
    ("overlay", "channels"),
    [
        ("channels: {email: {enabled: false}}", "dashboard, email"),
        (
            "escalation: {policies: {default: {levels: [{channels: [dashboard],"
            " recipients: [monitoring_team], response_time: immediate}]}}}",
            "dashboard",
        ),
    ],
)
def test_a_level_whose_channels_are_off_reaches_nobody(
    overlay: str, channels: str, project: Project
) -> None:
    found = lines(*project(overlay))
    assert found[0] == (
        f"escalation.policies.default.levels: level 1 reaches nobody over {channels}; add a channel"
        " that is switched on (email, slack, pagerduty), or switch one on under channels"
    )
    assert not any("Watchdog" in line for line in found)
