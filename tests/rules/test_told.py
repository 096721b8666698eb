"""What people had been told before an incident began, that says and keeps up."""

import pytest
import rulefiles

CASCADE = "FeatureExtractionLatencyCascade"
CRITICAL = "FeatureExtractionLatencyCritical"
RESOURCES = "FeatureExtractionResourcesCritical"
SLOW, QUICK = "0.2", "0.02"
FULL, IDLE = "0.97", "0.3"


def series(metric, *phases):
    """A gauge scraped four times a minute: pairs of a value and its minutes."""
    values = " ".join(value for value, minutes in phases for _ in range(int(4 * minutes)))
    return {"series": f'{metric}{{extractor="a", instance="b"}}', "values": values}


def latency(*phases):
    return series("feature_extraction_snapshot_p95_seconds", *phases)


def cpu(*phases):
    return series("feature_extraction_cpu_utilization_ratio", *phases)


def fires(at, **expected):
    """What fires at that time: by alert, its levels, and what had been told before."""
    names = "|".join((CASCADE, CRITICAL, RESOURCES))
    return {
        "expr": f'count by (alertname, escalation_level, told) (ALERTS{{alertname=~"{names}",'
        ' alertstate="firing"})',
        "eval_time": at,
        "exp_samples": [
            {"labels": "{" + ", ".join(f'{k}="{v}"' for k, v in labels.items()) + "}", "value": 1}
            for labels in expected["alerts"]
        ],
    }


def levels(name, *numbers, told=None):
    """Labels of these levels of an alert."""
    before = {"told": told} if told else {}
    return [{"alertname": name, "escalation_level": str(n)} | before for n in numbers]


@pytest.fixture
def answers(generated, promtool):
    """Ask promtool about series."""

    def ask(data, *questions, overlay="{}"):
        code, said = rulefiles.ask(promtool, generated(overlay), data, questions)
        assert code == 0, said

    return ask


def test_an_incident_says_the_level_of_the_member_that_had_been_told(answers):
    answers(
        [cpu((FULL, 20)), latency((QUICK, 3), (SLOW, 17))],
        fires(
            "3m",
            alerts=levels(RESOURCES, 1, 2)
            + levels(CRITICAL, 1)
            + levels(CASCADE, 1, 2, told=f"{RESOURCES}/2"),
        ),
        fires(
            "19m",
            alerts=levels(RESOURCES, 1, 2)
            + levels(CRITICAL, 1, 2, 3)
            + levels(CASCADE, 1, 2, told=f"{RESOURCES}/2"),
        ),
    )


def test_what_begins_together_had_not_been_told(answers):
    answers(
        [cpu((FULL, 10)), latency((QUICK, 0.5), (SLOW, 9.5))],
        fires("30s", alerts=levels(RESOURCES, 1) + levels(CRITICAL, 1) + levels(CASCADE, 1)),
        # Later it has been told, but by the incident.
        fires(
            "4m",
            alerts=levels(RESOURCES, 1, 2) + levels(CRITICAL, 1) + levels(CASCADE, 1, 2),
        ),
    )


@pytest.mark.parametrize(("minutes", "told"), [(0.5, None), (0.75, f"{RESOURCES}/1")])
def test_it_had_been_told_once_it_fires_as_long_as_alertmanager_waits(answers, minutes, told):
    """45 seconds."""
    answers(
        [cpu((FULL, 5)), latency((QUICK, minutes), (SLOW, 4))],
        fires(
            f"{int(60 * minutes)}s",
            alerts=levels(RESOURCES, 1) + levels(CRITICAL, 1) + levels(CASCADE, 1, told=told),
        ),
    )


def test_a_stricter_policy_comes_with_what_the_incident_itself_had_told(answers):
    """Latency and cache are one incident from the beginning; level 2 is due after 5 minutes."""
    cache = series("feature_extraction_snapshot_cache_hit_ratio", ("0.1", 20))
    answers(
        [latency((SLOW, 20)), cache, cpu((IDLE, 7), (FULL, 13))],
        {
            "expr": "count by (escalation_policy, escalation_level, told)"
            f' (ALERTS{{alertname="{CASCADE}"}})',
            "eval_time": "8m",
            "exp_samples": [
                {"labels": f'{{escalation_policy="latency_violation", {level}}}', "value": 1}
                for level in ('escalation_level="1"', 'escalation_level="2"')
            ]
            + [
                {
                    "labels": '{escalation_policy="resource_critical", escalation_level="1",'
                    f' told="{CASCADE}/critical/latency_violation/2"}}',
                    "value": 1,
                }
            ],
        },
    )


def test_the_member_that_had_been_told_lasts_as_long_as_any_is_in_trouble(answers):
    """The CPU is well from 4m on, latency from 10m on; cooldowns are 3 and 2 minutes."""
    told = f"{RESOURCES}/2"
    answers(
        [cpu((FULL, 4), (IDLE, 20)), latency((QUICK, 3), (SLOW, 7), (QUICK, 14))],
        fires(
            "9m45s",
            alerts=levels(RESOURCES, 1, 2)
            + levels(CRITICAL, 1, 2)
            + levels(CASCADE, 1, 2, told=told),
        ),
        fires("12m45s", alerts=levels(RESOURCES, 1, 2) + levels(CASCADE, 1, 2, told=told)),
        fires("13m45s", alerts=levels(CASCADE, 1, 2, told=told)),
        # FeatureExtractionLatencyHigh was the last of its members: 5 minutes.
        fires("16m45s", alerts=levels(CASCADE, 1, 2, told=told)),
        fires("17m30s", alerts=[]),
    )


def test_a_member_that_had_not_been_told_ends_by_itself(answers):
    answers(
        [cpu((FULL, 1), (IDLE, 20)), latency((SLOW, 12))],
        fires("6m", alerts=levels(CRITICAL, 1, 2) + levels(CASCADE, 1)),
    )
