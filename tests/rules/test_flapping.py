"""What begins again and again, with pauses beyond its cooldown, is one alert that escalates."""

import pytest
import rulefiles

NAME = "FeatureExtractionResourcesCritical"
# Two minutes of eight the CPU is busy; the cooldown is 3 minutes, level 2 is due after 2.
BUSY, IDLE = ["0.97"] * 8, ["0.3"] * 24


def fires(at, *levels):
    """Which levels fire at that time."""
    return {
        "expr": f'count by (escalation_level) (ALERTS{{alertname="{NAME}", alertstate="firing"}})',
        "eval_time": at,
        "exp_samples": [
            {"labels": f'{{escalation_level="{level}"}}', "value": 1} for level in levels
        ],
    }


def began(at, minute):
    """When the alert that fires at that time began."""
    return {
        "expr": f'max(featurewatch:alert_start_timestamp_seconds{{alertname="{NAME}"}}) / 60',
        "eval_time": at,
        "exp_samples": [{"labels": "{}", "value": minute}],
    }


@pytest.fixture
def answers(generated, promtool):
    """Ask promtool about the CPU of one extractor, scraped four times a minute."""

    def ask(values, *questions, alerts=(), overlay="{}"):
        series = 'feature_extraction_cpu_utilization_ratio{extractor="a", instance="b"}'
        cpu = [{"series": series, "values": " ".join(values)}]
        return rulefiles.ask(promtool, generated(overlay), cpu, questions, alerts)

    return ask


def test_two_beginnings_are_two_alerts(answers):
    code, said = answers(
        (BUSY + IDLE) * 2, fires("1m", 1), fires("6m"), fires("9m30s", 1), fires("15m")
    )
    assert code == 0, said


ENGINES = pytest.mark.parametrize(
    "overlay", ["{}", "{rules: {engine: vmalert}, routing: {people: {group_wait: 75s}}}"]
)


@ENGINES
def test_from_the_third_beginning_on_it_is_one_alert_that_escalates(overlay, answers):
    code, said = answers(
        (BUSY + IDLE) * 5,
        fires("15m"),
        fires("17m30s", 1),
        # A pause in which it ended before.
        fires("23m", 1),
        # The value is beyond its threshold again, and the alert more than 2 minutes old.
        fires("25m45s", 1, 2),
        fires("31m", 1, 2),
        began("17m30s", 17),
        began("39m", 17),
        overlay=overlay,
    )
    assert code == 0, said


@ENGINES
def test_it_ends_when_it_has_been_quiet_for_long_enough(overlay, answers):
    """Beyond its threshold until 18m; half an hour, and its cooldown."""
    code, said = answers(
        (BUSY + IDLE) * 3 + IDLE * 10,
        fires("48m", 1),
        fires("50m45s", 1),
        fires("51m45s"),
        overlay=overlay,
    )
    assert code == 0, said


def test_it_says_how_often_it_has_begun(answers):
    _, said = answers(
        (BUSY + IDLE) * 3,
        alerts=[{"alertname": NAME, "eval_time": "17m30s", "exp_alerts": []}],
    )
    assert "a is out of CPU or memory again and again: 3 times within 1h" in said


@pytest.mark.parametrize(
    "flapping", ["null", "{beginnings: 4, window: 1h}", "{beginnings: 3, window: 15m}"]
)
def test_what_is_no_flapping_by_the_configuration_is_told_each_time(answers, flapping):
    code, said = answers(
        (BUSY + IDLE) * 3,
        fires("17m30s", 1),
        fires("23m"),
        overlay=f"alerting: {{flapping: {flapping}}}",
    )
    assert code == 0, said
