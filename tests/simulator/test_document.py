"""docs/signal.md is of the rules as they are, and says what the cells show."""

from pathlib import Path

import pytest

from featurewatch_kit.generate import ALERTS, RULES
from simulator.__main__ import main
from simulator.cells import BLIPS, FAILING, HEALTHY, TROUBLES, Cell, Effort, Measured
from simulator.document import DOCUMENT, document, fingerprint
from simulator.goals import goals

QUIET = {"alerts": 0.0, "slack": 0.0, "pagerduty": 0.0}


def _cells(**changes: object) -> Measured:
    trouble = {"found": 1.0, "delays": [30.0, 44.0], **QUIET, "pagerduty": 1.0}
    return {
        Cell("healthy", HEALTHY[1], 2.0): {**QUIET, "alerts": 0.125},
        Cell("healthy", HEALTHY[3], 2.0): {"alerts": 1.6, "slack": 0.125, "pagerduty": 0.0},
        Cell("troubles", FAILING, 2.0): {**trouble, **changes},
        Cell("troubles", TROUBLES[1], 10.0): {**trouble, "found": 0.5},
        Cell("blips", BLIPS[0], 10.0): QUIET,
    }


def test_the_document_is_of_the_rules_as_they_are(root: Path) -> None:
    texts = [(root / name).read_text(encoding="utf-8") for name in (RULES, ALERTS)]
    said = (root / DOCUMENT).read_text(encoding="utf-8")
    assert f"`{fingerprint(texts)}`" in said, "the rules have changed: run `make signal`"


def test_a_comment_or_a_message_makes_no_document_stale_and_a_threshold_does() -> None:
    rule = "groups: [{name: a, rules: [{alert: A, expr: '%s', annotations: {summary: '%s'}}]}]"
    first = fingerprint([rule % ("x > 1", "much")])
    assert fingerprint([rule % ("x  >\n\n  1  # much", "more")]) == first
    assert fingerprint([rule % ("x > 2", "much")]) != first


def test_the_document_has_a_row_for_each_state_and_says_how_it_was_made() -> None:
    said = document(("groups: []",), 15.0, Effort(), _cells())
    assert "8 weeks of each healthy service, 40 troubles of each kind, seed 14" in said
    assert "make signal CONFIG=my.yaml" in said
    assert "| errors at 95 % | 1.6 (0.12/0) |" in said
    assert "| all requests fail | 37 s / 43 s |  |" in said
    assert "|  | 30 s |" not in said
    assert "| errors at 2 times the threshold |  | 37 s / 43 s; 50% found |" in said


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({}, set()),
        ({"delays": [30.0, 50.0]}, {"all requests fail at 2/s and more, 95 in 100"}),
        ({"found": 0.9}, {"all requests fail at 2/s and more, 95 in 100"}),
        ({"pagerduty": 1.5}, {"PagerDuty triggers for an hour of trouble"}),
    ],
)
def test_a_goal_is_missed_by_the_worst_of_its_cells(
    changes: dict[str, object], missed: set[str]
) -> None:
    noisy = {"pages a week of a healthy service", "alerts a week up to 95 % of it"}
    reached = list(goals(_cells(**changes)))
    assert {each.goal.split(":")[0] for each in reached if not each.met} == noisy | missed


def test_the_command_prints_the_tables_of_ones_own_settings(
    tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "my.yaml"
    mine.write_text("alerts: {FeatureExtractionFallbackUsageHigh: {enabled: false}}")
    before = (root / DOCUMENT).read_bytes()
    options = ["--root", str(root), "--config", str(mine), "--weeks", "0.01", "--only", "nights"]
    assert main(options) == 0
    said = capsys.readouterr().out
    assert "| errors at 50 % | " in said
    assert "fallbacks" not in said
    assert (root / DOCUMENT).read_bytes() == before
