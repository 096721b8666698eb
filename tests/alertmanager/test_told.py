"""One incident, one page: what joins a trouble that people had heard of tells nothing twice.

Labels are those of the rules (tests/rules/test_told.py), on a real Alertmanager.
"""

from collections import Counter

from alertmanager.forms import (
    CACHE,
    CASCADE,
    CRITICAL,
    ERRORS,
    FALLBACK,
    RESOURCES,
    STORM,
    incident,
    member,
)
from alertmanager.people import (
    MANAGER,
    MANAGER_PAGER,
    MANAGER_SLACK,
    ON_CALL,
    ON_CALL_PAGER,
    ON_CALL_SLACK,
    TEAM,
    TEAM_SLACK,
)

FIRST_PAGED = (ON_CALL_PAGER, MANAGER, MANAGER_SLACK, MANAGER_PAGER)
PAGED = (ON_CALL, ON_CALL_SLACK, *FIRST_PAGED)


def at(name, level, *addresses):
    """That each of these heard once of a level."""
    return Counter({(address, name, str(level)): 1 for address in addresses})


def test_whoever_was_paged_for_a_member_is_not_paged_for_the_incident(people):
    """Level 2 of resources, then latency joins, and goes through all of its levels."""
    x = "paged"
    resources = member(RESOURCES, x, 1, 2)
    people.begins(resources[0])
    people.begins(*resources)
    first = at(RESOURCES, 1, ON_CALL, ON_CALL_SLACK) + at(RESOURCES, 2, *PAGED)
    assert people.began(x) == first
    cascade = incident(CASCADE, x, "resource_critical", 1, 2, told=f"{RESOURCES}/2")
    latency = member(CRITICAL, x, 1, 2, 3)
    people.settle(*resources, *cascade, latency[0])
    people.settle(*resources, *cascade, *latency)
    people.resolve(*resources, *latency)
    people.resolve(*cascade, *resources)
    people.wait_until("it is forgotten", lambda: not people.fires(x))
    people.wait_until("all hear of the end", lambda: people.ended(x) >= at(RESOURCES, 2, *PAGED))
    people.settle()
    assert people.began(x) == first
    assert people.ended(x) == at(RESOURCES, 2, *PAGED)


def test_the_next_level_is_the_incidents_and_each_hears_of_one_end(people):
    """Level 2 of latency, then the cache joins; level 3 is the incident's."""
    x = "next"
    latency = member(CRITICAL, x, 1, 2, 3)
    people.begins(latency[0])
    people.begins(*latency[:2])
    cascade = incident(CASCADE, x, "latency_violation", 1, 2, 3, told=f"{CRITICAL}/2")
    cache = member(CACHE, x, 1)
    first = at(CRITICAL, 1, TEAM) + at(CRITICAL, 2, TEAM, TEAM_SLACK, ON_CALL, ON_CALL_SLACK)
    people.settle(*latency[:2], *cache, *cascade[:2])
    assert people.began(x) == first
    people.begins(*latency, *cache, *cascade)
    people.settle()
    assert people.began(x) == first + at(CASCADE, 3, *PAGED)
    # The member ends first; Prometheus tells its end again every minute.
    people.resolve(*latency)
    people.settle(*cascade)
    people.resolve(*cascade, *cache, *latency)
    expected = at(CRITICAL, 2, TEAM, TEAM_SLACK) + at(CASCADE, 3, *PAGED)
    people.wait_until("all hear of the end", lambda: people.ended(x) >= expected)
    people.settle()
    assert people.ended(x) == expected


def test_a_stricter_policy_pages_those_who_were_not_told_by_that_channel(people):
    """Level 2 of latency, then resources join, whose level 2 pages."""
    x = "stricter"
    latency = member(CRITICAL, x, 1, 2)
    people.begins(*latency)
    first = at(CRITICAL, 2, TEAM, TEAM_SLACK, ON_CALL, ON_CALL_SLACK)
    cascade = incident(CASCADE, x, "resource_critical", 1, 2, told=f"{CRITICAL}/2")
    resources = member(RESOURCES, x, 1, 2)
    people.settle(*latency, resources[0], cascade[0])
    assert people.began(x) == first
    people.send(*latency, *resources, *cascade)
    second = at(CASCADE, 2, *FIRST_PAGED)
    people.wait_until("those are paged", lambda: people.began(x) >= first + second)
    people.settle(*latency, *resources, *cascade)
    assert people.began(x) == first + second
    people.resolve(*latency, *resources)
    people.resolve(*cascade)
    people.wait_until("all hear of the end", lambda: people.ended(x) >= first + second)
    people.settle()
    assert people.ended(x) == first + second


def test_a_stricter_policy_pages_those_whom_the_milder_incident_had_not_told(people):
    x = "milder"
    latency, cache = member(CRITICAL, x, 1, 2), member(CACHE, x, 1)
    mild = incident(CASCADE, x, "latency_violation", 1, 2)
    people.begins(*latency, *cache, *mild)
    first = at(CASCADE, 2, TEAM, TEAM_SLACK, ON_CALL, ON_CALL_SLACK)
    assert people.began(x) == first
    strict = incident(
        CASCADE, x, "resource_critical", 1, 2, told=f"{CASCADE}/critical/latency_violation/2"
    )
    resources = member(RESOURCES, x, 1, 2)
    everything = [*latency, *cache, *mild, *resources, *strict]
    people.send(*everything)
    second = at(CASCADE, 2, *FIRST_PAGED)
    people.wait_until("those are paged", lambda: people.began(x) >= first + second)
    people.settle(*everything)
    assert people.began(x) == first + second
    people.resolve(*everything)
    people.wait_until("all hear of the end", lambda: people.ended(x) >= first + second)
    people.settle()
    assert people.ended(x) == first + second


def test_fallbacks_that_join_errors_are_not_told_again(people):
    x = "fallbacks"
    errors = member(ERRORS, x, 1, 2)
    people.begins(*errors)
    first = at(ERRORS, 2, TEAM, TEAM_SLACK, ON_CALL, ON_CALL_SLACK)
    storm = incident(STORM, x, "error_rate_spike", 1, 2, told=f"{ERRORS}/2", severity="high")
    everything = [*errors, *storm, *member(FALLBACK, x, 1)]
    people.settle(*everything)
    assert people.began(x) == first
    people.resolve(*everything)
    people.wait_until("all hear of the end", lambda: people.ended(x) >= first)
    people.settle()
    assert people.ended(x) == first


def test_what_begins_together_is_told_as_one_incident(people):
    x = "together"
    everything = [
        *member(CRITICAL, x, 1),
        *member(CACHE, x, 1),
        *incident(CASCADE, x, "latency_violation", 1),
    ]
    people.begins(*everything)
    people.settle(*everything)
    assert people.began(x) == at(CASCADE, 1, TEAM)
    people.resolve(*everything)
    people.wait_until("the team hears of the end", lambda: people.ended(x))
    people.settle()
    assert people.ended(x) == at(CASCADE, 1, TEAM)


def test_the_end_of_an_incident_names_no_member_that_it_had_muted_all_along(people):
    """Its next level is held back by a silence, and that of a member has ended, told to nobody."""
    x = "muted"
    latency = member(CRITICAL, x, 1, 2)
    cascade = incident(CASCADE, x, "latency_violation", 1, 2)
    people.silence(alertname=CASCADE, extractor=x, escalation_level="2")
    people.begins(latency[0], cascade[0])
    people.settle(*latency, *cascade)
    assert people.began(x) == at(CASCADE, 1, TEAM)
    people.resolve(*latency)
    people.settle(*cascade)
    # Prometheus tells the end of the members again, every minute.
    people.resolve(*cascade, *latency)
    people.wait_until("the team hears of the end", lambda: people.ended(x))
    people.settle()
    assert people.ended(x) == at(CASCADE, 1, TEAM)
