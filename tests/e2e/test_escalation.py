"""Who is told, by which channel, and when: each policy on the real servers."""

from collections import Counter

import pytest

from e2e.expected import (
    GROUP_WAIT,
    LATE,
    MANAGER,
    MANAGER_PAGER,
    MANAGER_SLACK,
    ON_CALL,
    ON_CALL_PAGER,
    ON_CALL_SLACK,
    TEAM,
    TEAM_SLACK,
    Address,
)
from e2e.journal import Notice
from e2e.stories import Stories

pytestmark = pytest.mark.e2e

#: Extractor: alert, and of each level its due time in seconds and all whom it tells.
POLICIES: dict[str, tuple[str, dict[str, tuple[float, set[Address]]]]] = {
    "slow": (
        "FeatureExtractionLatencyCritical",
        {
            "1": (0.0, {TEAM}),
            "2": (10.0, {ON_CALL, TEAM, ON_CALL_SLACK, TEAM_SLACK}),
            "3": (
                15.0,
                {ON_CALL, MANAGER, ON_CALL_SLACK, MANAGER_SLACK, ON_CALL_PAGER, MANAGER_PAGER},
            ),
        },
    ),
    "out-of-cpu": (
        "FeatureExtractionResourcesCritical",
        {
            "1": (0.0, {ON_CALL, ON_CALL_SLACK}),
            "2": (
                10.0,
                {ON_CALL, MANAGER, ON_CALL_SLACK, MANAGER_SLACK, ON_CALL_PAGER, MANAGER_PAGER},
            ),
        },
    ),
    "failing": (
        "FeatureExtractionErrorRateHigh",
        {
            "1": (0.0, {TEAM}),
            "2": (10.0, {ON_CALL, TEAM, ON_CALL_SLACK, TEAM_SLACK}),
        },
    ),
}


def _at_level(notices: list[Notice], level: str) -> list[Notice]:
    return [notice for notice in notices if notice.level == level]


@pytest.mark.parametrize("extractor", POLICIES)
def test_each_level_tells_exactly_the_people_of_its_policy_once(
    stories: Stories, extractor: str
) -> None:
    alert, levels = POLICIES[extractor]
    told = Counter((n.alert, n.level, n.address) for n in stories.of(extractor).firing(extractor))
    expected = {(alert, level, to) for level, (_, people) in levels.items() for to in people}
    assert told == dict.fromkeys(expected, 1)


@pytest.mark.parametrize("extractor", POLICIES)
def test_no_level_is_told_before_its_time_and_none_much_later(
    stories: Stories, extractor: str
) -> None:
    alert, levels = POLICIES[extractor]
    journal = stories.of(extractor)
    began = journal.began(extractor, alert)
    heard: set[Address] = set()
    for level, (after, _) in levels.items():
        told = _at_level(journal.firing(extractor), level)
        # Whoever heard of a lower level hears of the next one without a wait.
        wait = {n.address: 0.0 if n.address in heard else GROUP_WAIT for n in told}
        late = [notice.at - (began + after + wait[notice.address]) for notice in told]
        assert late
        assert min(late) >= 0, f"level {level}"
        assert max(late) < LATE, f"level {level}"
        heard |= wait.keys()


@pytest.mark.parametrize("extractor", POLICIES)
def test_everyone_is_told_of_one_end_with_the_highest_level_that_they_heard_of(
    stories: Stories, extractor: str
) -> None:
    alert, levels = POLICIES[extractor]
    highest = {to: level for level, (_, people) in levels.items() for to in people}
    ends = [n for n in stories.of(extractor).people(extractor) if not n.firing]
    told = Counter((n.address, n.alert, n.level) for n in ends)
    assert told == {(to, alert, level): 1 for to, level in highest.items()}


def test_what_dies_goes_on_and_ends_when_it_is_back_and_well(stories: Stories) -> None:
    alert, levels = POLICIES["slow"]
    journal = stories.of("dies")
    heard = [notice for notice in journal.people("dies") if notice.alert == alert]
    told = Counter((n.level, n.address) for n in heard if n.firing)
    expected = {(level, to) for level, (_, people) in levels.items() for to in people}
    assert told == dict.fromkeys(expected, 1)
    ends = Counter(n.address for n in heard if not n.firing)
    assert ends == dict.fromkeys({to for _, to in expected}, 1)


def test_an_end_before_level_two_spares_the_people_of_level_two(stories: Stories) -> None:
    told = stories.of("early-end").people("early-end")
    # On a busy machine a late scrape may end it and begin it anew; nobody else hears of it.
    assert {n.address for n in told} == {TEAM}
    assert (told[0].firing, told[-1].firing) == (True, False)


def test_an_acknowledged_alert_stops_at_its_level_and_still_tells_its_end(
    stories: Stories,
) -> None:
    told = stories.of("acknowledged").people("acknowledged")
    assert [(n.address, n.firing) for n in told] == [(TEAM, True), (TEAM, False)]
