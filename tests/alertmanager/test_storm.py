"""A storm is one message: whatever fires for many extractors at once, on a real Alertmanager."""

from collections import Counter
from contextlib import ExitStack

import pytest
import yaml

from alertmanager.chain import an_alert
from alertmanager.people import TEAM, People
from featurewatch_kit import generate

STORM = "FeatureExtractionStorm"
CRITICAL = "FeatureExtractionLatencyCritical"
EXTRACTORS = 40
#: Of one person by one channel, within 5 minutes.
MOST = 20
WORDS = {"summary": "a storm", "value": "40 extractors", "threshold": "10 extractors within 5m"}


@pytest.fixture
def people(root, tmp_path):
    """A chain of each test's own: they count all messages."""
    with ExitStack() as exit_stack:
        yield People(root, tmp_path, exit_stack)


def rules(folder):
    """Every alerting rule."""
    text = (folder / generate.ALERTS).read_text(encoding="utf-8")
    groups = yaml.safe_load(text)["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def begun(folder, levels):
    """All alerts of all extractors at these levels, and the storms that they are."""
    for rule in rules(folder):
        labels = rule["labels"] | {"alertname": rule["alert"]}
        if labels.get("escalation_level") not in levels:
            continue
        if rule["alert"] == STORM:
            yield {"labels": labels, "annotations": WORDS}
        elif rule["alert"] == "FeatureExtractionExporterDown":
            for number in range(EXTRACTORS):
                own = {"job": "feature-extraction", "instance": f"host-{number}"}
                yield {"labels": labels | own, "annotations": WORDS}
        elif rule["alert"].startswith("FeatureExtraction"):
            for number in range(EXTRACTORS):
                yield {"labels": labels | {"extractor": f"x{number}"}, "annotations": WORDS}


def heard(people):
    """How many messages each address got."""
    return Counter(notice.address for notice in people.journal.everything())


def test_when_everything_fires_for_all_each_person_gets_few_messages(people, tmp_path):
    people.send(*begun(tmp_path, {"1", "2"}))
    people.wait_until("the team hears of it", lambda: heard(people)[TEAM])
    people.settle()
    people.settle()
    told = heard(people)
    assert max(told.values()) <= MOST, told
    alerts = {n.alert for n in people.journal.everything()} - {"Probe"}
    # That is about instances, which are one group anyway.
    assert alerts == {STORM, "FeatureExtractionExporterDown"}


def test_a_storm_mutes_each_level_that_it_has_reached_and_what_outlasts_it_is_told(people):
    def one(extractor, level):
        return an_alert(
            CRITICAL, extractor=extractor, category="performance", escalation_level=str(level)
        )

    def storm(level):
        labels = one("", level)["labels"] | {"alertname": STORM, "of": CRITICAL}
        del labels["extractor"]
        return {"labels": labels, "annotations": WORDS}

    def told_of_storm():
        return [notice.address for notice in people.journal.people("") if notice.alert == STORM]

    singles = [one(f"y{number}", 1) for number in range(10)]
    people.settle(*singles, storm(1))
    people.wait_until("the storm is told", lambda: told_of_storm() == [TEAM])
    assert heard_of(people, "y0") == []
    # One of them is older: its second level comes before that of the storm.
    people.begins(one("y0", 1), one("y0", 2))
    people.resolve(storm(1))
    people.wait_until("what lasts is told", lambda: heard_of(people, "y1"))


def heard_of(people, extractor):
    """Levels that people heard of one extractor."""
    return [notice.level for notice in people.journal.firing(extractor)]
