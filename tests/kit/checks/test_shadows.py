"""Routes that no alert reaches."""

from collections.abc import Callable

from featurewatch_kit.checks.shadows import check_shadows
from featurewatch_kit.checks.tree import Tree
from featurewatch_kit.config.model import Config
from kit.checks.sayings import Dicts, said

Project = Callable[[str], tuple[Config, Tree]]


def test_every_route_of_the_defaults_can_be_reached(tree: Tree) -> None:
    assert said(check_shadows(tree)) == []


def test_a_route_behind_one_that_takes_all_its_alerts_is_named_with_it(
    tree: Tree, routes: Dicts
) -> None:
    own = 'escalation_policy="resource_critical"'
    policy = next(route for route in routes if own in route.get("matchers", []))
    names = [route["receiver"] for route in policy["routes"]]
    policy["routes"].insert(
        names.index("resource_critical-level-2"),
        {"receiver": "default-level-1", "matchers": ['escalation_level=~"1|2"']},
    )
    (found,) = said(check_shadows(tree))
    assert found.startswith("route resource_critical-level-2 {")
    assert ": is never reached, since `route default-level-1 {" in found


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
    assert 'is never reached, since `route nobody {escalation_policy="resource_critical"' in found


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
    assert 'today by route nobody {escalation_policy="resource_critical"' in note.message
