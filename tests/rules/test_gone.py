"""What dies while it is in trouble goes on until it is measured again and well, or forgotten."""

import pytest
import rulefiles

# Extractors are forgotten after half an hour, and rates look back for a minute.
OVERLAY = """
alerts:
  FeatureExtractionMetricsAbsent: {window: 30m}
  FeatureExtractionBatchBacklog: {window: 1m, cooldown: 2m}
"""
FULL, WELL, GONE = "2000", "10", "_"


def minutes(*phases):
    """Values of a series scraped four times a minute: pairs of a value and its minutes."""
    values = []
    before = ""
    for value, count in phases:
        end = ["stale"] if value == GONE and before != GONE else []
        values += end + [value] * (4 * count - len(end))
        before = value
    return " ".join(values)


def levels(at, *expected):
    """Whether the alert fires at that minute, as promtool asks it."""
    return {
        "expr": 'count by (alertname) (ALERTS{alertname="FeatureExtractionBatchBacklog",'
        ' alertstate="firing"})',
        "eval_time": at,
        "exp_samples": [
            {"labels": '{alertname="FeatureExtractionBatchBacklog"}', "value": n} for n in expected
        ],
    }


@pytest.fixture
def answers(generated, promtool):
    """What promtool says of a queue with these values."""

    def ask(values, *questions):
        series = 'feature_extraction_queue_depth{extractor="a", instance="b"}'
        queue = [{"series": series, "values": values}]
        code, said = rulefiles.ask(promtool, generated(OVERLAY), queue, questions)
        assert code == 0, said

    return ask


def test_what_is_in_trouble_when_its_metrics_cease_goes_on(answers):
    answers(minutes((FULL, 2), (GONE, 28)), levels("2m", 1), levels("29m", 1))


def test_it_ends_once_it_is_measured_again_and_well(answers):
    values = minutes((FULL, 2), (GONE, 10), (WELL, 10))
    answers(values, levels("12m", 1), levels("13m45s", 1), levels("14m15s"))


def test_it_goes_on_when_it_is_measured_again_and_as_bad(answers):
    answers(minutes((FULL, 2), (GONE, 10), (FULL, 10)), levels("11m", 1), levels("20m", 1))


def test_it_ends_once_it_is_forgotten(answers):
    """Last seen at 1m45s, forgotten half an hour later, and then its cooldown."""
    values = minutes((FULL, 2), (GONE, 40))
    answers(values, levels("33m30s", 1), levels("34m15s"))


def test_what_had_become_well_ends_with_its_cooldown_though_its_metrics_cease(answers):
    values = minutes((FULL, 2), (WELL, 2), (GONE, 20))
    answers(values, levels("4m15s", 1), levels("6m"))


def test_a_gap_of_what_is_well_begins_nothing(answers):
    values = minutes((WELL, 5), (GONE, 1), (WELL, 5), (GONE, 10))
    answers(values, levels("5m30s"), levels("7m"), levels("20m"))


def test_a_gap_of_what_is_in_trouble_ends_nothing(answers):
    values = minutes((FULL, 5), (GONE, 1), (FULL, 5))
    began = {
        "expr": 'featurewatch:alert_start_timestamp_seconds{category="batch"}',
        "eval_time": "10m",
        "exp_samples": [
            {
                "labels": "featurewatch:alert_start_timestamp_seconds{"
                'alertname="FeatureExtractionBatchBacklog", category="batch", extractor="a"}',
                "value": 0,
            }
        ],
    }
    answers(values, levels("5m45s", 1), began)
