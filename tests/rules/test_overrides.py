"""What differs for one extractor differs for that one alone, and costs no rule."""

import json
from pathlib import Path

import pytest
import yaml
from rulefiles import rules, run

CRITICAL = "FeatureExtractionLatencyCritical"
HIT_RATE = "FeatureExtractionCacheHitRateLow"
RULES = "rules/generated/featurewatch_rules.yaml"
ALERTS = "rules/generated/featurewatch_alerts.yaml"
MINUTES = 5


def series(metric, extractor, values, **labels):
    """A series of the contract for MINUTES, scraped every 15 s."""
    pairs = ", ".join(f"{k}={json.dumps(v)}" for k, v in {"extractor": extractor, **labels}.items())
    return {
        "series": f"feature_extraction_{metric}{{{pairs}}}",
        "values": f"{values}x{MINUTES * 4}",
    }


def firing(name):
    """PromQL: the extractors of which the alert fires."""
    level_1 = f'alertname="{name}", alertstate="firing", escalation_level="1"'
    return f"count by (extractor) (ALERTS{{{level_1}}})"


def setting(record, name):
    """PromQL: the recorded threshold or min_requests of an alert, by extractor."""
    return f'max by (extractor) (featurewatch:{record}{{alert="{name}"}})'


@pytest.fixture
def holds(generated, promtool):
    """Assert that the rules of an overlay give, on these series, {extractor: value} for each."""

    def assert_holds(overlay, inputs, expected):
        folder = generated(yaml.safe_dump(overlay))
        questions = [
            {
                "expr": expr,
                "eval_time": f"{MINUTES}m",
                "exp_samples": [
                    {"labels": f"{{extractor={json.dumps(extractor)}}}", "value": value}
                    for extractor, value in samples.items()
                ],
            }
            for expr, samples in expected.items()
        ]
        file = folder / "overrides.yaml"
        case = {"interval": "15s", "input_series": inputs, "promql_expr_test": questions}
        file.write_text(
            yaml.safe_dump(
                {
                    "rule_files": ["rules/generated/*.yaml"],
                    "evaluation_interval": "15s",
                    "group_eval_order": ["featurewatch.rules", "featurewatch.alerts"],
                    "tests": [case],
                }
            ),
            encoding="utf-8",
        )
        code, said = run(promtool, "test", "rules", file)
        assert code == 0, said
        return folder

    return assert_holds


def overlay(name, overrides):
    """An overlay with the overrides of one alert."""
    return {"alerts": {name: {"overrides": overrides}}}


def slow(extractor):
    """Requests that all take between 150 and 250 ms."""
    values = "0+100"
    return [
        series("requests_total", extractor, values),
        series("duration_seconds_bucket", extractor, "0", le="0.15"),
        series("duration_seconds_bucket", extractor, values, le="0.25"),
        series("duration_seconds_bucket", extractor, values, le="+Inf"),
    ]


def test_an_override_is_the_threshold_of_its_extractor_alone(holds):
    holds(
        overlay(CRITICAL, {"big_model": {"threshold": 0.25}}),
        [*slow("big_model"), *slow("small_model"), series("requests_total", "idle_model", "0")],
        {
            setting("threshold", CRITICAL): {
                "big_model": 0.25,
                "small_model": 0.15,
                "idle_model": 0.15,
            },
            firing(CRITICAL): {"small_model": 1},
        },
    )


def test_an_override_of_resources_holds_without_any_request(holds):
    changed = {"busy_model": {"threshold": {"cpu": 0.6, "memory": 0.95}}}
    holds(
        overlay("FeatureExtractionResourcesCritical", changed),
        [series("cpu_utilization_ratio", name, "0.7") for name in ("busy_model", "other")],
        {firing("FeatureExtractionResourcesCritical"): {"busy_model": 1}},
    )


def test_an_extractor_for_which_an_alert_is_off_has_no_threshold_and_never_fires(holds):
    """Its other alerts go on."""
    names = ("quiet_model", "loud_model")
    holds(
        overlay(CRITICAL, {"quiet_model": {"enabled": False}}),
        [series("snapshot_p95_seconds", name, "0.5") for name in names],
        {
            setting("threshold", CRITICAL): {"loud_model": 0.15},
            firing(CRITICAL): {"loud_model": 1},
            firing("FeatureExtractionLatencyHigh"): dict.fromkeys(names, 1),
        },
    )


def test_an_extractor_has_a_min_requests_of_its_own(holds):
    """By default ten misses within 5 minutes are news, if there is nothing else."""
    misses = {"rare_usual": "0+0.5", "rare_calm": "0+0.5", "many_usual": "0+2", "many_calm": "0+2"}
    holds(
        overlay(HIT_RATE, {"rare_calm": {"min_requests": 20}, "many_calm": {"min_requests": 50}}),
        [
            one
            for name, values in misses.items()
            for one in (
                series("requests_total", name, values),
                series("cache_lookups_total", name, values, result="miss"),
            )
        ],
        {
            setting("min_requests", HIT_RATE): {
                "rare_usual": 0,
                "rare_calm": 20,
                "many_usual": 0,
                "many_calm": 50,
            },
            firing(HIT_RATE): {"rare_usual": 1, "many_usual": 1},
        },
    )


def test_extractors_with_one_threshold_share_a_branch(holds):
    big = ["big_a", "big_b", "big_c"]
    folder = holds(
        overlay(CRITICAL, {name: {"threshold": 0.25} for name in big}),
        [series("snapshot_p95_seconds", name, "0.2") for name in [*big, "big", "big_abc"]],
        {
            setting("threshold", CRITICAL): {
                **dict.fromkeys(big, 0.25),
                "big": 0.15,
                "big_abc": 0.15,
            },
            firing(CRITICAL): {"big": 1, "big_abc": 1},
        },
    )
    [threshold] = [
        rule["expr"]
        for rule in rules(folder / RULES)
        if rule["record"] == "featurewatch:threshold" and rule["labels"]["alert"] == CRITICAL
    ]
    assert threshold.count("group by") == 2


# Each name as a pattern, or badly quoted, would also be the others of its row, or nothing at all.
LOOKALIKES = [
    ("a.b", ["axb"]),
    ("a+b", ["ab", "aab"]),
    ("a|b", ["a", "b"]),
    ("a*", ["aa"]),
    ("(a)[b]{1}", ["ab"]),
    ("^a?$", ["a"]),
    ("a\\d", ["a1"]),
    ('a"b', ["a'b"]),
]


@pytest.mark.parametrize(("name", "others"), LOOKALIKES)
def test_a_name_is_no_pattern_for_its_threshold(name, others, holds):
    holds(
        overlay(CRITICAL, {name: {"threshold": 0.25}}),
        [series("snapshot_p95_seconds", each, "0.2") for each in [name, *others]],
        {
            setting("threshold", CRITICAL): {name: 0.25, **dict.fromkeys(others, 0.15)},
            firing(CRITICAL): dict.fromkeys(others, 1),
        },
    )


@pytest.mark.parametrize(("name", "others"), LOOKALIKES)
def test_a_name_is_no_pattern_when_its_alert_is_off(name, others, holds):
    holds(
        overlay(CRITICAL, {name: {"enabled": False}}),
        [series("snapshot_p95_seconds", each, "0.2") for each in [name, *others]],
        {
            setting("threshold", CRITICAL): dict.fromkeys(others, 0.15),
            firing(CRITICAL): dict.fromkeys(others, 1),
        },
    )


def test_two_hundred_overrides_cost_no_rule(generated, promtool):
    many = {
        f"model_{i}": {"threshold": (i + 1) / 1000, "min_requests": i, "enabled": i % 10 != 0}
        for i in range(200)
    }
    few = {"model_0": {"min_requests": 1}}
    folder, usual = (generated(yaml.safe_dump(overlay(HIT_RATE, each))) for each in (many, few))
    for file in (RULES, ALERTS):
        assert len(rules(folder / file)) == len(rules(usual / file))
    code, said = run(promtool, "check", "rules", *(folder / Path(RULES).parent).glob("*.yaml"))
    assert code == 0, said
