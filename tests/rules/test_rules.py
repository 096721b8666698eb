"""The generated rules do what tests/rules/*.yaml say, and those files would notice otherwise."""

import json
import re

import _jsonnet
import pytest
import rjsonnet
import yaml
from rulefiles import NAMES, OVERLAYS, edit, promtool_test, rules, run

from featurewatch import METRICS

# A bit of everything that overlays change in the rules.
OVERLAY = """
alerting: {evaluation_interval: 30s}
routing: {people: {group_wait: 90s}}
metrics: {selector: 'namespace="prod"', identity: [extractor, cluster]}
alerts:
  FeatureExtractionLatencyCritical:
    window: 10m
    for: 1m
    confidence: 0.99
    dispersion: 5
    min_requests: 10
    overrides: {big_model: {threshold: 0.25}, small_model: {threshold: 0.5}}
  FeatureExtractionCacheHitRateLow: {enabled: false}
  FeatureExtractionResourcesCritical:
    overrides: {big_model: {threshold: {cpu: 0.8, memory: 0.9}}}
correlation: {rules: {FeatureExtractionErrorStorm: {enabled: false}}}
escalation: {enabled: false}
channels: {slack: {enabled: false}}
"""


@pytest.fixture(scope="module")
def all_rules(root):
    """Every rule of the generated files."""
    return [
        rule for file in sorted((root / "rules/generated").glob("*.yaml")) for rule in rules(file)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_alert_behaves_as_its_file_says(name, generated, promtool):
    code, said = promtool_test(promtool, generated(OVERLAYS.get(name, "{}")), name)
    assert code == 0, said


def test_promtool_accepts_the_generated_rules(root, promtool):
    code, said = run(promtool, "check", "rules", *sorted((root / "rules/generated").glob("*.yaml")))
    assert code == 0, said


def test_every_metric_in_the_rules_is_in_the_contract(all_rules):
    contract = {
        metric.name + suffix
        for metric in METRICS
        for suffix in (("", "_bucket", "_sum", "_count") if metric.type == "histogram" else ("",))
    }
    # Recording rules are named level:metric:operation; those are ours and not the exporter's.
    metric = re.compile(r"(?<![\w:])feature_extraction_\w+(?![\w:])")
    used = {name for rule in all_rules for name in metric.findall(rule["expr"])}
    assert used
    assert used <= contract


def test_every_recorded_series_that_an_alert_reads_is_recorded(all_rules):
    recorded = {rule["record"] for rule in all_rules if "record" in rule}
    series = re.compile(r"\b(?:extractor\w*:\w+:\w+|featurewatch:\w+)")
    texts = [[rule["expr"], *rule.get("annotations", {}).values()] for rule in all_rules]
    read = {name for text in texts for name in series.findall(" ".join(text))}
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
    # It collects garbage less often than by default, which takes it a third of its time.
    original = _jsonnet.evaluate_snippet(
        "both", source, jpathdir=[str(root)], gc_min_objects=3_000_000
    )
    assert json.loads(ours) == json.loads(original)


def test_an_overlay_of_everything_gives_rules_that_promtool_accepts(generated, promtool):
    folder = generated(OVERLAY)
    code, said = run(promtool, "check", "rules", *(folder / "rules/generated").glob("*.yaml"))
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
        re.findall(r"^time\(\) - .+ >= (\d+)$", rule["expr"], re.MULTILINE)
        for rule in rules(folder / "rules/generated/featurewatch_alerts.yaml")
        if rule.get("alert") == "FeatureExtractionLatencyCritical"
    ]
    assert due == [[], ["180"], ["600"]]


def test_a_correlation_that_names_no_window_has_that_of_all(generated):
    folder = generated(
        "correlation: {window: 7m, rules: {FeatureExtractionErrorStorm: {window: null}}}"
    )
    begins = {
        rule["alert"]: re.findall(r"<= (\d+)$", rule["expr"], re.MULTILINE)
        for rule in rules(folder / "rules/generated/featurewatch_alerts.yaml")
        if rule.get("labels", {}).get("category") == "correlation"
        and rule["labels"].get("escalation_level") == "1"
    }
    assert begins == {
        "FeatureExtractionErrorStorm": ["420"],
        "FeatureExtractionLatencyCascade": ["300"],
    }


def test_every_group_is_evaluated_as_often_as_configured(generated):
    folder = generated(
        "{alerting: {evaluation_interval: 30s}, routing: {people: {group_wait: 90s}}}"
    )
    groups = [
        group
        for file in (folder / "rules/generated").glob("*.yaml")
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    ]
    assert [group["interval"] for group in groups] == ["30s", "30s"]


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


# Down from 1m15s on, for 2 minutes of patience.
DURATION_TEST = """
rule_files: [rules/generated/*.yaml]
evaluation_interval: 15s
group_eval_order: [featurewatch.rules, featurewatch.alerts]
tests:
  - interval: 15s
    input_series:
      - series: up{job="feature-extraction", instance="a"}
        values: 1x4 0x40
    alert_rule_test:
      - alertname: FeatureExtractionExporterDown
        eval_time: 3m15s
        exp_alerts: [{exp_labels: {job: feature-extraction, instance: a, escalation_level: "1"},
                      exp_annotations: {since: 1970-01-01 00:03:15 UTC, duration: 0s}}]
      - alertname: FeatureExtractionExporterDown
        eval_time: 3m30s
        exp_alerts: [{exp_labels: {job: feature-extraction, instance: a, escalation_level: "1"},
                      exp_annotations: {since: 1970-01-01 00:03:15 UTC, duration: 15s}}]
      - alertname: FeatureExtractionExporterDown
        eval_time: 9m15s
        exp_alerts: [{exp_labels: {job: feature-extraction, instance: a, escalation_level: "1"},
                      exp_annotations: {since: 1970-01-01 00:03:15 UTC, duration: 6m 0s}}]
"""


# 0.2 requests a second, and all are slow and fail, in a process that is older than the window.
EVIDENCE_TEST = """
rule_files: [rules/generated/*.yaml]
evaluation_interval: 15s
group_eval_order: [featurewatch.rules, featurewatch.alerts]
tests:
  - interval: 15s
    input_series:
      - {series: 'feature_extraction_requests_total{extractor="a", job="j", instance="i"}',
         values: 0+3x40}
      - {series: 'feature_extraction_errors_total{extractor="a", job="j", instance="i"}',
         values: _x21 3+3x20}
      - {series: 'feature_extraction_duration_seconds_bucket{extractor="a", le="0.15"}',
         values: 0x40}
      - {series: 'feature_extraction_duration_seconds_bucket{extractor="a", le="0.25"}',
         values: 0+3x40}
      - {series: 'feature_extraction_duration_seconds_bucket{extractor="a", le="+Inf"}',
         values: 0+3x40}
    alert_rule_test:
      - alertname: FeatureExtractionErrorRateHigh
        eval_time: 6m
        exp_alerts:
          - exp_labels: {extractor: a, escalation_level: "1"}
            exp_annotations: {evidence: "ERRORS"}
      - alertname: FeatureExtractionLatencyCritical
        eval_time: 5m
        exp_alerts:
          - exp_labels: {extractor: a, escalation_level: "1"}
            exp_annotations: {evidence: "SLOW"}
"""


CLUSTERS_TEST = """
rule_files: [rules/generated/*.yaml]
evaluation_interval: 15s
group_eval_order: [featurewatch.rules, featurewatch.alerts]
tests:
  - interval: 15s
    input_series:
      - {series: 'feature_extraction_queue_depth{extractor="a", cluster="e u"}', values: 2000x4}
      - {series: 'feature_extraction_queue_depth{extractor="b"}', values: 2000x4}
    alert_rule_test:
      - alertname: FeatureExtractionBatchBacklog
        eval_time: 0s
        exp_alerts:
          - exp_labels: {extractor: a, cluster: e u}
            exp_annotations: {dashboard_url: "PAGE?var-extractor=a&var-cluster=e+u"}
          - exp_labels: {extractor: b}
            exp_annotations: {dashboard_url: "PAGE?var-extractor=b"}
"""


def test_an_alert_leads_to_the_dashboard_of_its_cluster(generated, promtool):
    """Of any, where Prometheus adds the cluster to what it sends and its series have none."""
    folder = generated("metrics: {identity: [extractor, cluster]}")

    def only_address(rule):
        if rule.get("alert") == "FeatureExtractionBatchBacklog":
            rule["labels"] = {}
            rule["annotations"] = {"dashboard_url": rule["annotations"]["dashboard_url"]}
        return rule

    edit(folder, only_address)
    file = folder / "clusters.yaml"
    page = "http://localhost:3000/d/featurewatch-overview"
    file.write_text(CLUSTERS_TEST.replace("PAGE", page), encoding="utf-8")
    code, said = run(promtool, "test", "rules", file)
    assert code == 0, said


def test_an_alert_says_since_when_and_for_how_long(generated, promtool):
    """Down from 1m15s on, for 2 minutes of patience."""
    folder = generated("{}")

    def only_times(rule):
        if rule.get("alert") == "FeatureExtractionExporterDown":
            rule["labels"] = {"escalation_level": "1"}
            rule["annotations"] = {key: rule["annotations"][key] for key in ("since", "duration")}
        return rule

    edit(folder, only_times)
    file = folder / "duration.yaml"
    file.write_text(DURATION_TEST, encoding="utf-8")
    code, said = run(promtool, "test", "rules", file)
    assert code == 0, said


def test_an_alert_says_how_many_requests_of_how_many(generated, promtool):
    folder = generated("{}")
    judging = ("FeatureExtractionErrorRateHigh", "FeatureExtractionLatencyCritical")

    def only_evidence(rule):
        if rule.get("alert") in judging:
            rule["labels"] = {"escalation_level": rule["labels"]["escalation_level"]}
            rule["annotations"] = {"evidence": rule["annotations"]["evidence"]}
        return rule

    edit(folder, only_evidence)
    file = folder / "evidence.yaml"
    errors = "12 of 60 requests failed within 5m: at least 6.431%, 99.9% sure"
    slow = "60 of 60 requests took longer within 5m: at least 63.96%, 99.9% sure"
    file.write_text(EVIDENCE_TEST.replace("ERRORS", errors).replace("SLOW", slow), encoding="utf-8")
    code, said = run(promtool, "test", "rules", file)
    assert code == 0, said
