"""Whoever was told of several levels of an alert is told of one end, with the highest of them."""

from collections import Counter

from alertmanager.chain import an_alert
from alertmanager.people import (
    LEVELS,
    MANAGER,
    MANAGER_PAGER,
    MANAGER_SLACK,
    ON_CALL,
    ON_CALL_PAGER,
    ON_CALL_SLACK,
    TEAM,
    TEAM_SLACK,
)

NAME = "FeatureExtractionLatencyCritical"


def critical(extractor, level):
    """A level of an alert that has three."""
    return an_alert(NAME, extractor=extractor, category="performance", escalation_level=str(level))


def test_each_level_is_told_once_and_one_end_to_each(people):
    levels = [critical("all", level) for level in (1, 2, 3)]
    for count in (1, 2, 3):
        people.begins(*levels[:count])
    expected = {
        (address, NAME, str(level))
        for level in (1, 2, 3)
        for address in LEVELS["latency_violation", level]
    }
    assert people.began("all") == Counter(expected)
    people.resolve(*levels)
    highest = dict.fromkeys((TEAM, TEAM_SLACK), "2") | dict.fromkeys(
        (ON_CALL, ON_CALL_SLACK, ON_CALL_PAGER, MANAGER, MANAGER_SLACK, MANAGER_PAGER), "3"
    )
    ends = Counter((address, NAME, level) for address, level in highest.items())
    people.wait_until("all hear of the end", lambda: people.ended("all").keys() >= ends.keys())
    people.wait_until("it is forgotten", lambda: not people.holds(NAME, extractor="all"))
    assert people.ended("all") == ends


def test_who_was_told_of_the_first_level_alone_hears_of_its_end(people):
    first = critical("first", 1)
    people.begins(first)
    people.resolve(first)
    people.wait_until("the team hears of the end", lambda: people.ended("first"))
    assert people.ended("first") == {(TEAM, NAME, "1"): 1}
