"""Prometheus and Alertmanager killed (-9) in the middle of incidents, and started again."""

from collections import Counter

import pytest

from e2e import crashes
from e2e.expected import LATE, TEAM, TEAM_SLACK
from e2e.journal import Journal
from e2e.scenarios import CASCADE
from e2e.stories import Stories

pytestmark = pytest.mark.e2e

ALERT = "FeatureExtractionLatencyCritical"
TOLD = {("1", TEAM): 1, ("2", TEAM_SLACK): 1}


@pytest.fixture
def journal(stories: Stories) -> Journal:
    return stories.of("crashes")


def test_escalation_goes_on_by_the_original_clock_after_prometheus_was_killed(
    journal: Journal,
) -> None:
    due = journal.began(crashes.ESCALATING, ALERT) + crashes.DELAY
    # All had been told before the crash: a clock that began anew is late by group_wait and more.
    assert due <= journal.began(crashes.ESCALATING, ALERT, "2") < due + LATE
    (told,) = [n.at for n in journal.firing(crashes.ESCALATING) if n.level == "2"]
    assert told >= due + crashes.GROUP_WAIT


def test_nothing_is_told_again_after_either_crash(journal: Journal) -> None:
    told = journal.firing(crashes.ESCALATING)
    assert Counter((n.level, n.address) for n in told) == TOLD


@pytest.mark.parametrize("extractor", crashes.CASCADES)
def test_members_of_an_incident_stay_muted_through_both_crashes(
    journal: Journal, extractor: str
) -> None:
    told = Counter((n.alert, n.level, n.address) for n in journal.firing(extractor))
    assert told == {(CASCADE, level, to): 1 for level, to in TOLD}


def test_everyone_who_was_told_before_the_crashes_is_told_of_the_end(journal: Journal) -> None:
    for extractor in (crashes.ESCALATING, *crashes.CASCADES):
        assert journal.ended(extractor)


def test_a_silence_outlives_a_crash(journal: Journal) -> None:
    assert journal.people(crashes.SILENT) == []
