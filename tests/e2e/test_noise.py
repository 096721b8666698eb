"""What people are spared: members of an incident, flapping, silences. On the real servers."""

from collections import Counter

import pytest

from e2e.expected import (
    MANAGER,
    MANAGER_PAGER,
    MANAGER_SLACK,
    ON_CALL,
    ON_CALL_PAGER,
    ON_CALL_SLACK,
    TEAM,
    TEAM_SLACK,
)
from e2e.scenarios import CASCADE, MAINTAINED, STORM
from e2e.stories import Stories

pytestmark = pytest.mark.e2e


def test_two_kinds_of_trouble_at_once_are_told_once_as_one_incident(stories: Stories) -> None:
    told = stories.of("cascade").people("cascade")
    assert [(n.alert, n.address, n.firing) for n in told] == [
        (CASCADE, TEAM, True),
        (CASCADE, TEAM, False),
    ]


def test_an_alert_that_flaps_within_its_cooldown_is_told_once_per_level(stories: Stories) -> None:
    journal = stories.of("flapping")
    told = Counter((n.level, n.address) for n in journal.firing("flapping"))
    first = {("1", ON_CALL), ("1", ON_CALL_SLACK)}
    second = {ON_CALL, MANAGER, ON_CALL_SLACK, MANAGER_SLACK, ON_CALL_PAGER, MANAGER_PAGER}
    assert told == dict.fromkeys(first | {("2", address) for address in second}, 1)
    assert sum(journal.ends("flapping").values()) == len(second)


def test_who_was_paged_for_a_member_is_told_nothing_more_of_its_incident_but_one_end(
    stories: Stories,
) -> None:
    journal = stories.of("joined")
    resources = "FeatureExtractionResourcesCritical"
    paged = (ON_CALL, MANAGER, ON_CALL_SLACK, MANAGER_SLACK, ON_CALL_PAGER, MANAGER_PAGER)
    told = Counter((n.alert, n.level, n.address) for n in journal.firing("joined"))
    first = {(resources, "1", to) for to in (ON_CALL, ON_CALL_SLACK)}
    assert told == dict.fromkeys(first | {(resources, "2", to) for to in paged}, 1)
    assert journal.ends("joined") == dict.fromkeys(((to, resources) for to in paged), 1)


def test_a_silenced_alert_is_told_to_nobody_nor_is_its_end(stories: Stories) -> None:
    assert stories.of("silent").people("silent") == []
    assert stories.of("silent").deliveries("silent") == []


def test_six_alerts_at_once_are_told_as_two_incidents_each_level_once(stories: Stories) -> None:
    told = Counter(
        (n.alert, n.level, n.address) for n in stories.of("everything").firing("everything")
    )
    first = {(CASCADE, "1", to) for to in (ON_CALL, ON_CALL_SLACK)} | {(STORM, "1", TEAM)}
    paged = (ON_CALL, MANAGER, ON_CALL_SLACK, MANAGER_SLACK, ON_CALL_PAGER, MANAGER_PAGER)
    second = {(CASCADE, "2", to) for to in paged}
    second |= {(STORM, "2", to) for to in (ON_CALL, TEAM, ON_CALL_SLACK, TEAM_SLACK)}
    # The policy of resources ends with level 2; that of latency, if it began first, has a third.
    third = {(CASCADE, "3", to) for to in paged}
    assert told.keys() - third == first | second
    assert set(told.values()) == {1}


def test_everyone_who_was_told_of_the_six_alerts_is_told_of_their_end(stories: Stories) -> None:
    assert stories.of("everything").ended("everything")


def test_an_alert_that_no_policy_knows_reaches_the_default_recipients(stories: Stories) -> None:
    told = stories.of("stranger").people("")
    assert [n.address for n in told if n.alert.startswith("DiskFull")] == [TEAM]


def test_nobody_is_told_during_maintenance_and_what_outlasts_it_is_told_then(
    stories: Stories,
) -> None:
    told = stories.of("maintained").people("maintained")
    assert [(n.address, n.firing) for n in told] == [(TEAM, True), (TEAM, False)]
    assert told[0].at >= stories.maintenance_end


def test_only_the_level_reached_in_maintenance_is_told_at_its_end(stories: Stories) -> None:
    told = stories.of("maintained-slow").firing("maintained-slow")
    everyone = (ON_CALL, MANAGER, ON_CALL_SLACK, MANAGER_SLACK, ON_CALL_PAGER, MANAGER_PAGER)
    assert Counter((n.level, n.address) for n in told) == {("3", to): 1 for to in everyone}
    assert min(n.at for n in told) >= stories.maintenance_end


@pytest.mark.parametrize("extractor", MAINTAINED)
def test_the_receiver_is_told_of_maintenance_and_of_nothing_that_it_mutes(
    stories: Stories, extractor: str
) -> None:
    told = stories.of(extractor).deliveries(extractor)
    during = [d.labels["alertname"] for d in told if d.at < stories.maintenance_end]
    assert set(during) == {"FeaturewatchMaintenance"}


def test_people_are_not_told_the_end_of_an_alert_that_wants_to_be_looked_at(
    stories: Stories,
) -> None:
    told = stories.of("falling-back").people("falling-back")
    assert [(n.address, n.firing) for n in told] == [(TEAM, True)]
