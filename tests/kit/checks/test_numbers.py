"""Every generated number is the configured one, and one that is not is named."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from featurewatch_kit import generate
from featurewatch_kit.checks.numbers import check_numbers
from featurewatch_kit.checks.tree import Tree, read_tree
from featurewatch_kit.config.model import Config
from featurewatch_kit.project import load_config
from featurewatch_receiver.config.values import CONTROLS
from kit.conftest import PLANNED, Project

ERRORS, CRITICAL = "FeatureExtractionErrorRateHigh", "FeatureExtractionLatencyCritical"
RESOURCES = "FeatureExtractionResourcesCritical"

ratios = st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True)
names = st.text(min_size=1, max_size=12).filter(
    lambda name: name.strip() and not re.search(f"[{CONTROLS}]", name)
)
durations = st.integers(1, 10**7).map("{}s".format)


def overridden(threshold: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Settings of an alert about requests, with overrides."""
    own = {
        "threshold": st.none() | threshold,
        "min_requests": st.none() | st.integers(0, 10**9),
        "enabled": st.none() | st.booleans(),
    }
    return st.fixed_dictionaries(
        {
            "threshold": threshold,
            "min_requests": st.integers(0, 10**9),
            "confidence": st.none() | st.floats(0.5, 0.999999),
            "dispersion": st.floats(1, 1000),
            "cooldown": durations,
            "for": durations,
            "overrides": st.dictionaries(names, st.fixed_dictionaries(own), max_size=4),
        }
    )


def level(delay: str) -> dict[str, Any]:
    """A level of a policy that is due so long after the one before."""
    who = {"channels": ["email"], "recipients": ["monitoring_team"], "response_time": "immediate"}
    return {"delay": delay, **who}


# Longer than people wait for a group.
delays = st.lists(st.integers(46, 10**7).map("{}s".format), max_size=3).map(
    lambda later: {"levels": [level("0s"), *map(level, later)]}
)
resources = st.fixed_dictionaries({"cpu": ratios, "memory": ratios})
overlays = st.fixed_dictionaries(
    {
        "alerts": st.fixed_dictionaries(
            {
                ERRORS: overridden(ratios),
                "FeatureExtractionCacheHitRateLow": overridden(ratios),
                RESOURCES: st.fixed_dictionaries({"threshold": resources}),
                "FeatureExtractionBatchBacklog": st.fixed_dictionaries(
                    {"threshold": st.floats(min_value=1e-9, max_value=1e18)}
                ),
                "FeatureExtractionUnusual": st.fixed_dictionaries(
                    {"enabled": st.just(True), "margin": st.floats(0, 100)}
                ),
                "FeatureExtractionMetricsAbsent": st.fixed_dictionaries(
                    {"window": st.integers(600, 10**7).map("{}s".format)}
                ),
            }
        ),
        "correlation": st.fixed_dictionaries({"window": durations}),
        "escalation": st.fixed_dictionaries(
            {"policies": st.fixed_dictionaries({"error_rate_spike": delays})}
        ),
    }
)


@pytest.fixture
def told(root: Path, tmp_path: Path) -> Callable[[Any], list[str]]:
    """What is said of the rules that an overlay gives."""

    def said_of(overlay: Any) -> list[str]:
        file = tmp_path / "overlay.yaml"
        file.write_text(yaml.safe_dump(overlay), encoding="utf-8")
        config = load_config(root, [file])
        mixin = generate.evaluate(config, root)
        tree = read_tree(generate.render(config, mixin), mixin["identities"])
        return [str(finding) for finding in check_numbers(config, tree)]

    return said_of


def test_the_defaults_and_planned_work_are_generated_as_configured(
    config: Config, tree: Tree
) -> None:
    assert list(check_numbers(config, tree)) == []


def test_a_threshold_of_seven_in_a_hundred_thousand_is_generated_so(
    project: Callable[[str], Project],
) -> None:
    config, tree = project(f"alerts: {{{ERRORS}: {{threshold: 0.00007}}}}")
    assert "0.00007 * group by" in yaml.safe_dump(tree.rules)
    assert list(check_numbers(config, tree)) == []


# Each example generates every file.
@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(overlay=overlays)
@example(overlay={"alerts": {"FeatureExtractionCacheHitRateLow": {"dispersion": 1 + 2**-52}}})
def test_whatever_is_configured_is_generated(
    told: Callable[[Any], list[str]], overlay: dict[str, Any]
) -> None:
    assert told(overlay) == []


# Below alerts and groups, what is changed and what is then said of it.
WRONG = {
    "a threshold": (
        ("0.001 * group by", "0.0011 * group by"),
        f"featurewatch:threshold of {ERRORS}: says 0.0011 where alerts.{ERRORS}.threshold is 0.001",
    ),
    "an override": (
        ("0.25 * group by", "0.15 * group by"),
        f"featurewatch:threshold of {CRITICAL}: says 0.15 where"
        f" alerts.{CRITICAL}.overrides.big.threshold is 0.25",
    ),
    "an override of another extractor": (
        ('{extractor="big"}', '{extractor="bigger"}'),
        f"featurewatch:threshold of {CRITICAL}: says 0.15 where"
        f" alerts.{CRITICAL}.overrides.big.threshold is 0.25",
    ),
    "a threshold of resources": (
        ("0.95 * group by", "0.9 * group by"),
        f"featurewatch:threshold of {RESOURCES}: says 0.9 where"
        f" alerts.{RESOURCES}.threshold.memory is 0.95",
    ),
    "requests": (
        ("100 * group by", "10 * group by"),
        f"featurewatch:min_requests of {ERRORS}: says 10 where alerts.{ERRORS}.min_requests is 100",
    ),
    "how sure": (
        ("- 3.091 /", "- 1.645 /"),
        f"featurewatch:lower_bound: says 0.9500150944608786 where alerts.{CRITICAL}.confidence is"
        " 0.999",
    ),
    "events that come together": (
        (" / 5)", " / 2)"),
        f"featurewatch:lower_bound: says 2 where alerts.{ERRORS}.dispersion is 5",
    ),
    "a text that is no number": (
        ("0.001 * group by", "-1.-25 * group by"),
        f"featurewatch:threshold of {ERRORS}: says nothing where"
        f" alerts.{ERRORS}.threshold is 0.001",
    ),
    "what is unusual": (
        ("0.08 * stddev", "0.8 * stddev"),
        "featurewatch:usual_margin: says 0.8 where alerts.FeatureExtractionUnusual.margin is 0.08",
    ),
    "how often the past is looked at": (
        ("interval: 5m", "interval: 15s"),
        "group featurewatch.history: says 15 where alerts.FeatureExtractionUnusual.step is 300",
    ),
    "when a level is due": (
        (f'timestamp_seconds{{alertname="{CRITICAL}"}} >= 900', ">= 90"),
        f"{CRITICAL} level 3: says nothing where escalation.policies.latency_violation.levels:"
        " the delays up to level 3 is 900",
    ),
    "how long an extractor is remembered": (
        ("> time() - 86400", "> time() - 8640"),
        "FeatureExtractionMetricsAbsent level 1: says 8640 where"
        " alerts.FeatureExtractionMetricsAbsent.window is 86400",
    ),
    "what begins together": (
        ("<= 120", "<= 12"),
        "FeatureExtractionErrorStorm level 1 (high, error_rate_spike): says 12 where"
        " correlation.rules.FeatureExtractionErrorStorm.window is 120",
    ),
    "planned work": (
        ("vector(time()) >= 1767225600", "vector(time()) >= 1767225601"),
        "FeaturewatchMaintenance: says 1767225601 where maintenance.0.from is 1767225600",
    ),
    "a `for`": (
        ("for: 30m", "for: 3m"),
        "FeaturewatchDeliveriesLost level 1: says 180 where alerts.FeaturewatchDeliveriesLost.for"
        " is 1800",
    ),
    "a cooldown": (
        ("keep_firing_for: 15m", "keep_firing_for: 1m"),
        "FeatureExtractionFallbackUsageHigh level 1: says 60 where"
        " alerts.FeatureExtractionFallbackUsageHigh.cooldown is 900",
    ),
    "from how many beginnings on it flaps": (
        (">= 3,", ">= 2,"),
        "featurewatch:flapping: says 2 where alerting.flapping.beginnings is 3",
    ),
    "within what it flaps": (
        ("bool time() - 3600)", "bool time() - 360)"),
        "featurewatch:flapping: says 360 where alerting.flapping.window is 3600",
    ),
    "over what its beginnings are counted": (
        ("}[1h])", "}[10m])"),
        "featurewatch:flapping: says 600 where alerting.flapping.window is 3600",
    ),
    "over no time at all": (
        ("}[1h])", "}[soon])"),
        "featurewatch:flapping: says nothing where alerting.flapping.window is 3600",
    ),
    "how long what flaps must be quiet": (
        ("featurewatch:breach[30m])", "featurewatch:breach[3m])"),
        "featurewatch:flapping: says 180 where alerting.flapping: its pauses is 1800",
    ),
    "how many are a storm": (
        (") >= 10", ") >= 100"),
        "featurewatch:storm: says 100 where alerting.storm.extractors is 10",
    ),
    "until how many it is one": (
        (")) >= 5", ")) >= 1"),
        "featurewatch:storm: says 1 where alerting.storm.extractors: half of them is 5",
    ),
    "how soon they are a storm": (
        ("> time() - 300", "> time() - 30"),
        "featurewatch:storm: says 30 where alerting.storm.window is 300",
    ),
    "a storm that says nothing": (
        ("record: featurewatch:storm", "record: featurewatch:calm"),
        "featurewatch:storm: says nothing where alerting.storm.window is 300",
    ),
    "how often the rules are evaluated": (
        ("interval: 15s", "interval: 1m"),
        "group featurewatch.rules: says 60 where alerting.evaluation_interval is 15",
    ),
}


@pytest.mark.parametrize(("change", "expected"), WRONG.values(), ids=WRONG)
def test_a_number_that_is_another_is_named(
    change: tuple[str, str], expected: str, root: Path, tmp_path: Path
) -> None:
    file = tmp_path / "overlay.yaml"
    own = (
        f"alerts: {{{CRITICAL}: {{overrides: {{big: {{threshold: 0.25}}}}}},"
        f" {ERRORS}: {{min_requests: 100, dispersion: 5}},"
        " FeatureExtractionUnusual: {enabled: true}}"
    )
    file.write_text(PLANNED + own, encoding="utf-8")
    config = load_config(root, [file])
    mixin = generate.evaluate(config, root)
    files = generate.render(config, mixin)
    for name in (generate.RULES, generate.ALERTS):
        files[name] = files[name].replace(*change)
    said = [str(one) for one in check_numbers(config, read_tree(files, mixin["identities"]))]
    found = [re.sub(r"^\S+\.yaml: ", "", line).partition(";")[0] for line in said]
    assert expected in found
