"""Paces that are not kept, or surprise."""

import pytest

from featurewatch_kit.checks.timing import check_timing
from featurewatch_kit.checks.tree import Tree
from kit.checks.sayings import PLACE, Dicts, said


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
