"""The gate: an alert without a test of each kind does not pass.

Whether a test is there is not a matter of its name: an alert is broken in the way that the test
must notice, and its file must fail.
"""

import re

import pytest
import yaml
from rulefiles import HERE, NAMES, OVERLAYS, edit, promtool_finds, promtool_test, rules

# What is there to be measured when an alert may fire; of all others, any extractor.
DATA = {
    "FeatureExtractionExporterDown": "max by (job, instance) (up)",
    "FeaturewatchReceiverDown": "max by (job, instance) (up)",
    "FeaturewatchDeliveriesSetAside": (
        "max by (job) (featurewatch_receiver_inbox_set_aside_deliveries)"
    ),
    "FeaturewatchDeliveriesLost": "sum by (job) (featurewatch_receiver_reconciled_total)",
    "FeaturewatchRemediationFailed": (
        "sum by (extractor) (featurewatch_receiver_remediations_total)"
    ),
}
EXTRACTORS = "extractor:feature_extraction_instances:count"
# For these, that nothing is measured is the news.
FIRES_WITHOUT_DATA = ("FeatureExtractionMetricsAbsent", "FeaturewatchReceiverDown", "Watchdog")
# Nothing can keep it from firing.
ALWAYS = ("Watchdog",)


@pytest.fixture
def fails(generated, promtool):
    """Whether the file of an alert fails when `breaks(expr)` is the alert's expression.

    With `recorded`, that of every recorded series instead.
    """

    def fails_when(name, breaks, overlay=None, *, recorded=False):
        folder = generated(overlay or OVERLAYS.get(name, "{}"))

        def broken(rule):
            if "record" in rule if recorded else rule.get("alert") == name:
                rule["expr"] = breaks(rule["expr"])
            return rule

        edit(folder, broken)
        return promtool_finds(promtool, folder, name)

    return fails_when


def alerts(folder):
    """Every alert rule below a folder."""
    return [
        rule
        for rule in rules(folder / "rules/generated/featurewatch_alerts.yaml")
        if "alert" in rule
    ]


def test_every_alert_has_a_file_and_every_file_an_alert(generated):
    every = "\n".join(OVERLAYS.values())
    assert {rule["alert"] for rule in alerts(generated(every))} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_without_a_change_the_file_passes(name, generated, promtool):
    """The counterpart of the next ones: what fails there passes here."""
    folder = generated(OVERLAYS.get(name, "{}"))
    edit(folder, lambda rule: rule)
    code, said = promtool_test(promtool, folder, name)
    assert code == 0, said


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_when_its_alert_fires(name, fails):
    assert fails(name, lambda expr: "vector(1) < 0")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ALWAYS])
def test_a_file_says_when_its_alert_does_not_fire(name, fails):
    there = DATA.get(name, EXTRACTORS)
    assert fails(name, lambda expr: f"(\n{expr}\n) or {there} >= 0")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ALWAYS])
def test_a_file_says_what_happens_without_data(name, fails):
    nothing = 'absent({__name__=~"up|feature.*_extraction_.+|featurewatch_receiver_.+"})'
    if name in FIRES_WITHOUT_DATA:
        assert fails(name, lambda expr: f"(\n{expr}\n) unless on () {nothing}")
    else:
        assert fails(name, lambda expr: f"(\n{expr}\n) or {nothing}")


def about_traffic(root):
    """Alerts about shares of requests."""
    settings = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    return sorted(name for name, alert in settings["alerts"].items() if "confidence" in alert)


@pytest.mark.parametrize("name", about_traffic(HERE.parent.parent))
def test_a_file_says_what_may_be_chance(name, fails):
    assert fails(name, lambda expr: expr, f"alerts: {{{name}: {{confidence: null}}}}")


# Of the levels beyond the first.
STILL = re.compile(r"\n  and on \([^)]*\)\n# What is over is not escalated.*", re.DOTALL)


def test_a_file_says_that_what_is_over_is_not_escalated(fails):
    assert fails("FeatureExtractionLatencyCritical", lambda expr: STILL.sub("\n", expr))


# The ways in which a count of errors could be wrong.
MISCOUNTED = {
    "first events left out": (r"\n  # Born within.*?\n  \)\n  or\n", "\n"),
    "of new processes too": (r"\n      and on \([^)]*\)\n    \S+_requests_total\S* offset \w+", ""),
}


@pytest.mark.parametrize("change", MISCOUNTED.values(), ids=MISCOUNTED)
def test_a_file_says_which_first_events_count(change, fails):
    wrong = re.compile(change[0], re.DOTALL)
    name = "FeatureExtractionErrorRateHigh"
    assert fails(name, lambda expr: wrong.sub(change[1], expr), recorded=True)


SNAPSHOT = re.compile(r"round\(\n(.+)\n  or\n(  \w+ by [^\n]+_snapshot_[^\n]+),\n", re.DOTALL)
WITHOUT_IT = r"round(\n\1,\n"
BEFORE_OURS = r"round(\n\2\n  or\n\1,\n"


@pytest.mark.parametrize("name", about_traffic(HERE.parent.parent))
@pytest.mark.parametrize("change", [WITHOUT_IT, BEFORE_OURS], ids=["left out", "preferred"])
def test_a_file_says_what_a_snapshot_is_for(name, change, fails):
    assert fails(name, lambda expr: SNAPSHOT.sub(change, expr), recorded=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_asks_for_each_level_of_its_alert(name, generated):
    levels = {
        rule["labels"].get("escalation_level")
        for rule in alerts(generated(OVERLAYS.get(name, "{}")))
        if rule["alert"] == name
    }
    asked = {
        alert["exp_labels"].get("escalation_level")
        for case in yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))["tests"]
        for question in case.get("alert_rule_test", [])
        for alert in question["exp_alerts"]
    }
    assert asked == levels


# Each of these changes must fail the file of its alert, or that file proves nothing.
MUTATIONS = {
    "FeatureExtractionLatencyCritical": [
        "{threshold: 0.25}",
        "{for: 15s}",
        "{cooldown: 1m45s}",
        "{min_requests: 11}",
        "{dispersion: 5}",
        "{max_escalation_levels: 2}",
        "{escalation_required: false}",
        "{auto_resolve: false}",
        "{message: Slow}",
    ],
    "FeatureExtractionLatencyHigh": [
        "{threshold: 0.075}",
        "{cooldown: 5m15s}",
        "{escalation_required: true}",
    ],
    "FeatureExtractionCacheHitRateLow": [
        "{threshold: 0.84}",
        "{threshold: 0.86}",
        "{cooldown: 9m45s}",
        "{min_requests: 11}",
        "{dispersion: 5}",
    ],
    "FeatureExtractionResourcesCritical": [
        "{threshold: {cpu: 0.89}}",
        "{threshold: {memory: 0.97}}",
        "{window: 2m}",
        "{cooldown: 3m15s}",
    ],
    "FeatureExtractionErrorRateHigh": [
        "{threshold: 0.0009}",
        "{threshold: 0.0012}",
        "{cooldown: 4m45s}",
        "{min_requests: 61}",
        "{confidence: 0.95}",
        "{dispersion: 2}",
    ],
    "FeatureExtractionFallbackUsageHigh": [
        "{threshold: 0.04}",
        "{threshold: 0.07}",
        "{cooldown: 15m15s}",
    ],
    "FeatureExtractionBatchBacklog": ["{threshold: 900}", "{window: 1m}", "{cooldown: 4m45s}"],
    "FeatureExtractionMetricsAbsent": ["{window: 23h}", "{for: 6m}"],
    "FeatureExtractionTrafficStopped": ["{window: 14m}", "{window: 20m}", "{cooldown: 3m}"],
    "FeatureExtractionExporterDown": ["{for: 1m45s}", "{cooldown: 1m}", "{window: 30m}"],
    "FeatureExtractionLatencyUnknown": ["{for: 4m45s}", "{cooldown: 1m}"],
    "FeatureExtractionThresholdNotBucket": ["{for: 4m45s}", "{cooldown: 1m}"],
    "FeatureExtractionUnusual": [
        "{enabled: true, window: 26h}",
        "{enabled: true, window: 2d, margin: 0.06}",
        "{enabled: true, window: 2d, margin: 0.1}",
        "{enabled: true, window: 2d, cooldown: 55m}",
        "{enabled: true, window: 2d, cooldown: 65m}",
    ],
    "FeaturewatchRemediationFailed": ["{window: 14m}", "{cooldown: 1m}"],
    "FeaturewatchReceiverDown": ["{for: 2m15s}", "{cooldown: 1m}"],
    "FeaturewatchDeliveriesSetAside": ["{for: 15s}", "{cooldown: 1m}"],
    "FeaturewatchDeliveriesLost": [
        "{window: 14m}",
        "{window: 16m}",
        "{for: 29m45s}",
        "{for: 30m15s}",
        "{cooldown: 1m}",
    ],
}
# One threshold of latency can't reach the other, so that one gives way.
LATENCY_MUTATIONS = [
    (
        "FeatureExtractionLatencyCritical",
        "alerts: {FeatureExtractionLatencyCritical: {threshold: 0.1},"
        " FeatureExtractionLatencyHigh: {threshold: 0.075}}",
    ),
    (
        "FeatureExtractionLatencyHigh",
        "alerts: {FeatureExtractionLatencyHigh: {threshold: 0.15},"
        " FeatureExtractionLatencyCritical: {enabled: false}}",
    ),
]
CORRELATION_MUTATIONS = {
    "FeatureExtractionLatencyCascade": ["{window: 4m45s}", "{window: 5m15s}"],
    "FeatureExtractionErrorStorm": ["{window: 2m15s}", "{cooldown: 2m15s}"],
}
CHANGES = (
    LATENCY_MUTATIONS
    + [
        (name, f"alerts: {{{name}: {change}}}")
        for name, changes in MUTATIONS.items()
        for change in changes
    ]
    + [
        (name, f"correlation: {{rules: {{{name}: {change}}}}}")
        for name, changes in CORRELATION_MUTATIONS.items()
        for change in changes
    ]
)


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_a_changed_setting_fails_the_file_of_its_alert(name, change, fails):
    assert fails(name, lambda expr: expr, change)
