"""Members that would be told through their incident."""

from collections.abc import Callable
from itertools import permutations

import pytest

from featurewatch_kit.checks.incidents import check_incidents
from featurewatch_kit.checks.inhibition import check_inhibition
from featurewatch_kit.checks.tree import Tree
from kit.checks.sayings import Dicts, said
from kit.conftest import Project

POLICIES = ("default", "latency_violation", "resource_critical", "error_rate_spike")


def test_a_member_with_more_levels_than_its_incident_would_page_through_it(
    tree: Tree, inhibit_rules: Dicts
) -> None:
    """As it was: the incident under resource_critical ends at level 2."""
    last = {'escalation_policy="resource_critical"', 'escalation_level="2"'}
    inhibit_rules[:] = [
        rule
        for rule in inhibit_rules
        if not last <= set(rule["source_matchers"])
        or "alertname" in rule["equal"]
        or len(rule["target_matchers"]) == 2
    ]
    assert said(check_incidents(tree)) == [
        "inhibit_rules: FeatureExtractionLatencyCascade level 2 (critical, resource_critical) is"
        " the last of its incident and does not mute FeatureExtractionLatencyCritical level 3,"
        " which tells people through it, acknowledged or not; let it mute every level of its"
        " members"
    ]


def test_the_defaults_tell_nothing_through_an_incident(tree: Tree) -> None:
    assert said(check_incidents(tree)) == []


@pytest.mark.parametrize(("first", "second"), list(permutations(POLICIES, 2)))
def test_whatever_policies_the_members_have_none_is_told_through_their_incident(
    project: Callable[[str], Project], first: str, second: str
) -> None:
    _, tree = project(
        f"""
alerts:
  FeatureExtractionLatencyCritical:
    {{escalation: {first}, escalation_required: true, max_escalation_levels: 3}}
  FeatureExtractionResourcesCritical:
    {{escalation: {second}, escalation_required: true, max_escalation_levels: 3}}
"""
    )
    assert said(check_incidents(tree)) == []
    assert said(check_inhibition(tree)) == []
