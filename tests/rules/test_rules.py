"""The generated rules do what tests/rules/*.yaml say, and those files would notice otherwise."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import _jsonnet
import pytest
import rjsonnet
import yaml

from featurewatch import METRICS

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.yaml"))

# A bit of everything that overlays change in the rules.
OVERLAY = """
alerting: {evaluation_interval: 30s}
metrics: {selector: 'namespace="prod"', identity: [extractor, cluster]}
alerts:
  FeatureExtractionLatencyCritical:
    window: 10m
    for: 1m
    min_requests: 0
    overrides: {big_model: {threshold: 0.25}, small_model: {threshold: 0.075}}
  FeatureExtractionCacheHitRateLow: {enabled: false}
  FeatureExtractionResourcesCritical:
    overrides: {big_model: {threshold: {cpu: 0.8, memory: 0.9}}}
correlation: {rules: {FeatureExtractionErrorStorm: {enabled: false}}}
escalation: {enabled: false}
channels: {slack: {enabled: false}}
"""

# The overridden extractor takes 200 ms and is allowed 250; the other one is not.
OVERRIDE_TEST = """
rule_files: [rules/generated/*.yaml]
evaluation_interval: 15s
group_eval_order: [featurewatch.rules, featurewatch.alerts]
tests:
  - interval: 15s
    input_series:
      - series: feature_extraction_requests_total{extractor="big_model"}
        values: 0+100x20
      - series: feature_extraction_duration_seconds_bucket{extractor="big_model", le="0.15"}
        values: 0x20
      - series: feature_extraction_duration_seconds_bucket{extractor="big_model", le="0.25"}
        values: 0+100x20
      - series: feature_extraction_duration_seconds_bucket{extractor="big_model", le="+Inf"}
        values: 0+100x20
      - series: feature_extraction_requests_total{extractor="small_model"}
        values: 0+100x20
      - series: feature_extraction_duration_seconds_bucket{extractor="small_model", le="0.15"}
        values: 0x20
      - series: feature_extraction_duration_seconds_bucket{extractor="small_model", le="0.25"}
        values: 0+100x20
      - series: feature_extraction_duration_seconds_bucket{extractor="small_model", le="+Inf"}
        values: 0+100x20
      - series: feature_extraction_requests_total{extractor="busy_model"}
        values: 0x20
      - series: feature_extraction_cpu_utilization_ratio{extractor="busy_model"}
        values: 0.7x20
    promql_expr_test:
      - expr: featurewatch:threshold{alert="FeatureExtractionLatencyCritical"}
        eval_time: 5m
        exp_samples:
          - labels: >-
              featurewatch:threshold{alert="FeatureExtractionLatencyCritical",
              extractor="big_model"}
            value: 0.25
          - labels: >-
              featurewatch:threshold{alert="FeatureExtractionLatencyCritical",
              extractor="small_model"}
            value: 0.15
          - labels: >-
              featurewatch:threshold{alert="FeatureExtractionLatencyCritical",
              extractor="busy_model"}
            value: 0.15
      - expr: >-
          count by (alertname, extractor)
          (ALERTS{alertname=~".+Critical", alertstate="firing", escalation_level="1"})
        eval_time: 1m
        exp_samples:
          - labels: '{alertname="FeatureExtractionLatencyCritical", extractor="small_model"}'
            value: 1
          - labels: '{alertname="FeatureExtractionResourcesCritical", extractor="busy_model"}'
            value: 1
"""
OVERRIDES = """
alerts:
  FeatureExtractionLatencyCritical: {overrides: {big_model: {threshold: 0.25}}}
  FeatureExtractionResourcesCritical:
    overrides: {busy_model: {threshold: {cpu: 0.6, memory: 0.95}}}
"""


def run(*command):
    """Exit code and all that the command says."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def promtool_test(promtool, folder, name):
    """Run tests/rules/<name>.yaml on the rules that were generated below the folder."""
    copy = folder / "tests" / "rules" / f"{name}.yaml"
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(HERE / copy.name, copy)
    return run(promtool, "test", "rules", copy)


def rules(file):
    """Every rule of a generated file."""
    groups = yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def all_rules(root):
    """Every rule of the generated files."""
    return [
        rule for file in sorted((root / "rules/generated").glob("*.yaml")) for rule in rules(file)
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_alert_behaves_as_its_file_says(file, promtool):
    code, said = run(promtool, "test", "rules", file)
    assert code == 0, said


def test_promtool_accepts_the_generated_rules(root, promtool):
    code, said = run(promtool, "check", "rules", *sorted((root / "rules/generated").glob("*.yaml")))
    assert code == 0, said


def test_every_alert_has_a_test_file_and_every_test_file_an_alert(all_rules):
    alerts = {rule["alert"] for rule in all_rules if "alert" in rule}
    assert {file.stem for file in FILES} == alerts


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_test_file_asks_for_each_level_of_its_alert(file, all_rules):
    levels = {
        rule["labels"]["escalation_level"] for rule in all_rules if rule.get("alert") == file.stem
    }
    asked = {
        alert["exp_labels"]["escalation_level"]
        for case in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]
        for question in case.get("alert_rule_test", [])
        for alert in question["exp_alerts"]
    }
    assert asked == levels


def test_every_metric_in_the_rules_is_in_the_contract(all_rules):
    contract = {
        metric.name + suffix
        for metric in METRICS
        for suffix in (("_bucket", "_sum", "_count") if metric.type == "histogram" else ("",))
    }
    # Recording rules are named level:metric:operation; those are ours and not the exporter's.
    metric = re.compile(r"(?<![\w:])feature_extraction_\w+(?![\w:])")
    used = {name for rule in all_rules for name in metric.findall(rule["expr"])}
    assert used
    assert used <= contract


def test_every_recorded_series_that_an_alert_reads_is_recorded(all_rules):
    recorded = {rule["record"] for rule in all_rules if "record" in rule}
    series = re.compile(r"\b(?:extractor\w*:\w+:\w+|featurewatch:\w+)")
    read = {name for rule in all_rules for name in series.findall(rule["expr"])}
    assert read == recorded


@pytest.mark.parametrize("overlay", ["{}", OVERLAY], ids=["defaults", "overlay"])
def test_both_jsonnets_generate_the_same(overlay, root):
    source = f"""
      local overlay = std.parseJson({json.dumps(json.dumps(yaml.safe_load(overlay)))});
      local mixin = (import 'mixin.libsonnet') + {{
        _config+:: {{ featurewatch: std.mergePatch(super.featurewatch, overlay) }},
      }};
      {{
        rules: mixin.prometheusRules,
        alerts: mixin.prometheusAlerts,
        alertmanager: mixin.alertmanagerConfig,
        dashboards: mixin.grafanaDashboards,
      }}
    """
    ours = rjsonnet.evaluate_snippet("both", source, jpathdir=[str(root)])
    original = _jsonnet.evaluate_snippet("both", source, jpathdir=[str(root)])
    assert json.loads(ours) == json.loads(original)


def test_an_overlay_of_everything_gives_rules_that_promtool_accepts(generated, promtool):
    folder = generated(OVERLAY)
    code, said = run(promtool, "check", "rules", *(folder / "rules/generated").glob("*.yaml"))
    assert code == 0, said


def test_an_override_is_the_threshold_of_its_extractor_alone(generated, promtool):
    folder = generated(OVERRIDES)
    file = folder / "overrides.yaml"
    file.write_text(OVERRIDE_TEST, encoding="utf-8")
    code, said = run(promtool, "test", "rules", file)
    assert code == 0, said


DELAYS = """
escalation:
  default_delay: 3m
  policies:
    latency_violation:
      levels:
        - {channels: [email], recipients: [monitoring_team], response_time: immediate}
        - {channels: [email], recipients: [monitoring_team], response_time: immediate}
        - {delay: 7m, channels: [email], recipients: [monitoring_team], response_time: immediate}
"""


def test_a_first_level_without_delay_does_not_wait_and_the_next_waits_the_default(generated):
    folder = generated(DELAYS)
    due = [
        rule["for"]
        for rule in rules(folder / "rules/generated/featurewatch_alerts.yaml")
        if rule.get("alert") == "FeatureExtractionLatencyCritical"
    ]
    assert due == ["0s", "3m", "10m"]


def test_alerting_off_generates_no_alerts(generated):
    folder = generated("alerting: {enabled: false}")
    assert yaml.safe_load((folder / "rules/generated/featurewatch_alerts.yaml").read_text()) == {
        "groups": []
    }
    assert rules(folder / "rules/generated/featurewatch_rules.yaml")


def test_an_alert_that_is_off_is_not_generated(generated):
    folder = generated("alerts: {FeatureExtractionFallbackUsageHigh: {enabled: false}}")
    alerts = {
        rule.get("alert") for rule in rules(folder / "rules/generated/featurewatch_alerts.yaml")
    }
    assert "FeatureExtractionFallbackUsageHigh" not in alerts
    assert "FeatureExtractionErrorRateHigh" in alerts


# Each of these changes must fail the file of its alert, or that file proves nothing.
MUTATIONS = {
    "FeatureExtractionLatencyCritical": [
        "{threshold: 0.1}",
        "{threshold: 0.25}",
        "{for: 15s}",
        "{cooldown: 1m45s}",
        "{min_requests: 21}",
        "{max_escalation_levels: 2}",
        "{message: Slow}",
    ],
    "FeatureExtractionLatencyHigh": [
        "{threshold: 0.075}",
        "{threshold: 0.15}",
        "{cooldown: 5m15s}",
        "{max_escalation_levels: 2}",
    ],
    "FeatureExtractionCacheHitRateLow": [
        "{threshold: 0.84}",
        "{threshold: 0.86}",
        "{cooldown: 9m45s}",
        "{min_requests: 10}",
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
        "{min_requests: 105}",
    ],
    "FeatureExtractionFallbackUsageHigh": [
        "{threshold: 0.04}",
        "{threshold: 0.07}",
        "{cooldown: 15m15s}",
    ],
}
CORRELATION_MUTATIONS = {
    "FeatureExtractionLatencyCascade": ["{window: 4m45s}", "{window: 5m15s}"],
    "FeatureExtractionErrorStorm": ["{window: 2m15s}", "{cooldown: 2m15s}"],
}
CHANGES = [
    (name, f"alerts: {{{name}: {change}}}")
    for name, changes in MUTATIONS.items()
    for change in changes
] + [
    (name, f"correlation: {{rules: {{{name}: {change}}}}}")
    for name, changes in CORRELATION_MUTATIONS.items()
    for change in changes
]


def test_freshly_generated_rules_pass(generated, promtool):
    """The counterpart of the next test: what fails there passes here, without the change."""
    code, said = promtool_test(promtool, generated("{}"), "FeatureExtractionLatencyCritical")
    assert code == 0, said


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_a_changed_setting_fails_the_file_of_its_alert(name, change, generated, promtool):
    code, said = promtool_test(promtool, generated(change), name)
    assert code == 1
    assert "FAILED" in said
