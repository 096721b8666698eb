"""Bad input gets one line that names the place and the fix."""

import json
import re
import subprocess
import sys

import pytest
from waiting import PATIENCE_SECONDS

from featurewatch_kit.cli import main
from featurewatch_kit.project import load_config
from featurewatch_receiver.errors import ConfigError

LATENCY = "alerts.FeatureExtractionLatencyCritical"
# The alerts whose value is a rate.
RATES = (
    "FeatureExtractionLatencyCritical",
    "FeatureExtractionLatencyHigh",
    "FeatureExtractionCacheHitRateLow",
    "FeatureExtractionErrorRateHigh",
    "FeatureExtractionFallbackUsageHigh",
    "FeaturewatchRemediationFailed",
    "FeaturewatchDeliveriesLost",
)
LEVEL = "escalation.policies.default.levels.0"
SECTIONS = (
    "access, alerting, alerts, backends, channels, correlation, escalation, grafana, history,"
    " links, maintenance, metrics, operator, receiver, recipients, responses, routing, rules,"
    " scrape, targets, templates_path, watchdog"
)
HIGH = "alerts.FeatureExtractionLatencyHigh"
BOUNDS = "[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]"


def latency(entry):
    """An overlay with one entry of the critical latency alert, on line 3."""
    return f"alerts:\n  FeatureExtractionLatencyCritical:\n    {entry}\n"


def level(**entries):
    """An overlay with one level of the default policy, whose keys are on lines 5 to 8."""
    keys = {
        "delay": "0s",
        "channels": "[email]",
        "recipients": "[monitoring_team]",
        "response_time": "immediate",
    }
    lines = "\n          ".join(f"{key}: {value}" for key, value in (keys | entries).items())
    return f"escalation:\n  policies:\n    default:\n      levels:\n        - {lines}\n"


def nights(entry):
    """An overlay with one time interval, whose entry is on line 4."""
    return f"routing:\n  time_intervals:\n    nights:\n      - {entry}\n"


NIGHT = "routing.time_intervals.nights.0"


# Overlay, line of the fault, and what is said about it.
FAULTS = {
    "an unknown key that is close to a known one": (
        latency("treshold: 0.1"),
        3,
        f"{LATENCY}.treshold: unknown key; write 'threshold'",
    ),
    "an unknown key that is close to none": (
        "colour: red\n",
        1,
        f"colour: unknown key; the keys here are {SECTIONS}",
    ),
    "an unknown alert": (
        "\nalerts:\n  FeatureExtractionLatencyCrit: {}\n",
        3,
        "alerts.FeatureExtractionLatencyCrit: unknown key;"
        " write 'FeatureExtractionLatencyCritical'",
    ),
    "a word for a number": (
        latency("threshold: fast"),
        3,
        f"{LATENCY}.threshold: must be a number (here: fast); write for example 'threshold: 0.15'",
    ),
    "a text for a number": (
        latency('min_requests: "20"'),
        3,
        f"{LATENCY}.min_requests: must be a whole number (here: '20');"
        " write for example 'min_requests: 20'",
    ),
    "a word for a switch": (
        "alerting:\n  enabled: maybe\n",
        2,
        "alerting.enabled: must be true or false (here: maybe); write for example 'enabled: true'",
    ),
    "a number for a mapping": (
        "alerts:\n  FeatureExtractionLatencyCritical: 3\n",
        2,
        f"{LATENCY}: must be a mapping (here: 3); write 'key: value' lines below it",
    ),
    "a section that is left empty": (
        "alerts:\n",
        1,
        "alerts: must be a mapping (here: null); write 'key: value' lines below it",
    ),
    "a severity that does not exist": (
        latency("severity: fatal"),
        3,
        f"{LATENCY}.severity: must be 'low', 'medium', 'high' or 'critical'"
        " (here: fatal); write for example 'severity: high'",
    ),
    "a level with no channel": (
        level(channels="[]"),
        6,
        f"{LEVEL}.channels: must not be empty"
        " (here: []); write for example 'channels: [dashboard, email]'",
    ),
    "a level without channels": (
        "escalation:\n  policies:\n    default:\n      levels:\n"
        "        - recipients: [monitoring_team]\n          response_time: immediate\n",
        5,
        f"{LEVEL}.channels: is missing; write 'channels: [dashboard, email]'",
    ),
    "a channel that does not exist": (
        level(channels="[sms]"),
        6,
        f"{LEVEL}.channels.0: must be 'dashboard', 'email', 'slack' or 'pagerduty'"
        " (here: sms); write for example 'channels: [dashboard, email]'",
    ),
    "a policy that nobody defines": (
        latency("escalation: gone"),
        3,
        f"{LATENCY}.escalation: no policy is named 'gone'; write one of: default,"
        " error_rate_spike, latency_violation, resource_critical",
    ),
    "a negative threshold": (
        latency("threshold: -0.1"),
        3,
        f"{LATENCY}.threshold: must be greater than 0 (here: -0.1);"
        " write for example 'threshold: 0.15'",
    ),
    "a percentage for a ratio": (
        "alerts: {FeatureExtractionCacheHitRateLow: {threshold: 85}}\n",
        1,
        "alerts.FeatureExtractionCacheHitRateLow.threshold: must be less than 1"
        " (here: 85); write for example 'threshold: 0.85'",
    ),
    "a latency threshold that is no bucket": (
        latency("threshold: 0.2"),
        3,
        f"{LATENCY}.threshold: p95 is not exact at 0.2, which is no bucket bound; add it to"
        " metrics.duration_buckets and to the library's duration_buckets, or write one of"
        f" {BOUNDS}",
    ),
    "an override that is no bucket": (
        latency("overrides:\n      big_model:\n        threshold: 0.3"),
        5,
        f"{LATENCY}.overrides.big_model.threshold: p95 is not exact at 0.3, which is no bucket"
        " bound; add it to metrics.duration_buckets and to the library's duration_buckets, or"
        f" write one of {BOUNDS}",
    ),
    "a recipient without an address for the channel": (
        level(channels="[email, pagerduty]"),
        7,
        f"{LEVEL}.recipients.0: monitoring_team has no address for pagerduty, which this level"
        " uses; write recipients.monitoring_team.pagerduty_routing_key_file",
    ),
    "an unknown recipient": (
        level(recipients="[monitoring_team, boss]"),
        7,
        f"{LEVEL}.recipients.1: no recipient is named 'boss'; write one of:"
        " engineering_manager, monitoring_team, on_call_engineer",
    ),
    "a first level that waits": (
        level(delay="5m"),
        5,
        f"{LEVEL}.delay: the first level can't wait; write 'delay: 0s' and use the alert's 'for'",
    ),
    "an unknown placeholder": (
        latency('message: "p95 is {value}, CPU {cpu}"'),
        3,
        f"{LATENCY}.message: {{cpu}} is not filled in; write one of"
        " {extractor}, {threshold}, {value}",
    ),
    "a key that is written twice": (
        "alerting:\n  enabled: true\n  enabled: false\n",
        3,
        "alerting.enabled: written twice; keep one of the two",
    ),
    "something that is not YAML": (
        "alerting: {enabled: true\n",
        2,
        "not YAML (did not find expected ',' or '}'); fix the syntax",
    ),
    "two documents": (
        "alerting: {}\n---\nmetrics: {}\n",
        2,
        "not YAML (but found another document); fix the syntax",
    ),
    "a list for a mapping": (
        "- alerting\n",
        1,
        "(top level): not a mapping; write 'key: value' lines",
    ),
    "an action of that name that nobody brings": (
        "responses:\n  actions:\n    clear_cahce:\n      mode: auto\n",
        3,
        "responses.actions.clear_cahce: no action is named so; write clear_cache",
    ),
    "mode off without quotes, which is false in YAML": (
        "responses: {actions: {clear_cache: {mode: off}}}\n",
        1,
        "responses.actions.clear_cache.mode: must be 'auto', 'approve', 'dry-run' or 'off'"
        " (here: false); write for example \"mode: 'off'\"",
    ),
    "an action that does not exist": (
        latency("response: reboot"),
        3,
        f"{LATENCY}.response: no action is named 'reboot'; write one of: clear_cache,"
        " optimize_resources, restart_deployment, scale_down_deployment, scale_up_deployment,"
        " trigger_retraining",
    ),
    "an action twice in a response": (
        latency("response: [clear_cache, clear_cache]"),
        3,
        f"{LATENCY}.response: clear_cache is written twice; attempts.episode says how often it"
        " may run",
    ),
    "an action that the backend can't do": (
        "targets: {feature_extractor: {backend: keys}}\nbackends: {keys: {kind: redis, url:"
        " 'redis://localhost:6379/0', request_timeout: 5s,"
        " caches: {feature_cache: {prefix: f}}}}\n",
        1,
        "targets.feature_extractor.backend: scale_up_deployment is on, and a backend of kind redis"
        " can't do it; name one that can in backend, or write 'mode: \"off\"' for"
        " scale_up_deployment",
    ),
    "a wait for runs that nobody can look at": (
        "responses:\n  actions:\n    trigger_retraining:\n      mode: auto\n      wait: true\n"
        "targets: {feature_extractor: {model_backend: hook}}\nbackends: {hook: {kind: http_job,"
        " url: 'https://ml.example.com/retrain', body: {run: '{{run_id}}'}, status: null,"
        " request_timeout: 5s}}\n",
        5,
        "responses.actions.trigger_retraining.wait: true, and runs of backends.hook can't be"
        " looked at (status: null); describe them in backends.hook.status, or write 'wait: false'",
    ),
    "a verification that ends before there is anything to see": (
        "responses:\n  actions:\n    clear_cache:\n      verify: 1m\n",
        4,
        "responses.actions.clear_cache.verify: is too short to see anything: values are read over"
        " 60 s; write 120s or more, or 0s for no verification",
    ),
    "a key of another kind of backend": (
        "backends: {keys: {kind: redis, url: 'redis://localhost:6379/0', request_timeout: 5s,"
        " caches: {feature_cache: {prefix: f}}, token_file: x}}\n",
        1,
        "backends.keys.token_file: unknown key; the keys here are ca_file, caches, cluster, kind,"
        " password_file, request_timeout, url, username",
    ),
    "fewer replicas at most than at least": (
        "targets:\n  feature_extractor:\n    min_replicas: 9\n    max_replicas: 8\n",
        4,
        "targets.feature_extractor.max_replicas: is less than min_replicas; write 9 or more",
    ),
    "a backend that nobody defines": (
        "targets: {feature_extractor: {backend: kubernetes}}\n",
        1,
        "targets.feature_extractor.backend: no backend is named 'kubernetes'; write one of:"
        " feature_server",
    ),
    "repeats that are faster than the group": (
        "routing:\n  people:\n    repeat_interval: 1m\n",
        3,
        "routing.people.repeat_interval: is less than group_interval, below which Alertmanager"
        " does not repeat; write 5m or more",
    ),
    "an empty duration": (
        latency('window: ""'),
        3,
        f"{LATENCY}.window: is not a duration (here: ''); write for example 'window: 5m'",
    ),
    "a negative duration": (
        latency("for: -5m"),
        3,
        f"{LATENCY}.for: is not a duration (here: -5m); write for example 'for: 0s'",
    ),
    "a window of no length": (
        latency("window: 0s"),
        3,
        f"{LATENCY}.window: must be longer than 0s (here: 0s); write for example 'window: 5m'",
    ),
    "a duration without a unit": (
        latency("window: 300"),
        3,
        f"{LATENCY}.window: must be text (here: 300); write for example 'window: 5m'",
    ),
    "an address without a scheme": (
        "links:\n  grafana: localhost\n",
        2,
        "links.grafana: has the wrong form (here: localhost); write for example 'grafana: http://localhost:9099'",
    ),
    "a mail address that is none": (
        "recipients: {monitoring_team: {email: nobody}}\n",
        1,
        "recipients.monitoring_team.email: has the wrong form (here: nobody);"
        " write for example 'email: team@example.com'",
    ),
    "a mention without Slack's id": (
        "recipients: {monitoring_team: {slack_mention: '@oncall'}}\n",
        1,
        "recipients.monitoring_team.slack_mention: has the wrong form (here: '@oncall');"
        " write for example 'slack_mention: <!here>'",
    ),
    "a Slack webhook of someone who is not on Slack": (
        "recipients:\n  boss:\n    slack_api_url_file: /run/secrets/slack-boss\n",
        3,
        "recipients.boss.slack_api_url_file: has no effect without a channel; write"
        " recipients.boss.slack as well",
    ),
    "a name with a blank": (
        "recipients: {on call: {slack: '#on-call'}}\n",
        1,
        "recipients.on call: is no name; write letters, digits, _ and - only",
    ),
    "an extractor whose name breaks a line": (
        latency('overrides: {"a\\Nb": {threshold: 0.2}}'),
        3,
        f"{LATENCY}.overrides.a\\x85b: has a line break or control character: U+0085; leave it out",
    ),
    "a label that breaks a line": (
        latency('labels: {team: "a\\nb"}'),
        3,
        f"{LATENCY}.labels.team: has a line break or control character: U+000A; leave it out"
        r" (here: 'a\n\n  b'); write another one",
    ),
    "a message with a line break that YAML alone knows": (
        latency('message: "a\\Lb"'),
        3,
        f"{LATENCY}.message: has a line break or control character: U+2028; leave it out"
        " (here: \"a\\Lb\"); write for example 'message: some text'",
    ),
    "extractors in maintenance whose names break lines": (
        "maintenance:\n- {name: a, from: 2026-01-01T00:00:00Z, to: 2026-01-02T00:00:00Z,"
        ' extractors: ["a\\Pb"]}\n',
        2,
        "maintenance.0.extractors.0: has a line break or control character: U+2029; leave it out"
        ' (here: "a\\Pb"); write another one',
    ),
    "a job that breaks a line": (
        'metrics: {job: "a\\Nb"}\n',
        1,
        'metrics.job: has the wrong form (here: "a\\Nb");'
        " write for example 'job: featurewatch.*'",
    ),
    "a selector that breaks a line": (
        r"""metrics: {selector: "a=\"\L\""}""" + "\n",
        1,
        r"""metrics.selector: has the wrong form (here: "a=\"\L\"");"""
        " write for example 'selector: namespace=\"prod\"'",
    ),
    "a label that would replace the alert's own": (
        latency("labels: {extractor: all}"),
        3,
        f"{LATENCY}.labels.extractor: is set by the rules; name yours otherwise",
    ),
    "a date that is none": (
        "history: {max_days: 2026-13-45}\n",
        1,
        "history.max_days: month must be in 1..12; quote it",
    ),
    "an identity that lacks the extractor": (
        "metrics: {identity: [cluster]}\n",
        1,
        "metrics.identity: lacks extractor, which thresholds and targets are looked up by; add it",
    ),
    "a selector that PromQL can't read": (
        "metrics: {selector: namespace=prod}\n",
        1,
        "metrics.selector: has the wrong form (here: namespace=prod);"
        " write for example 'selector: namespace=\"prod\"'",
    ),
    "a selector that ends in a comma": (
        "metrics:\n  selector: 'a=\"b\",'\n",
        2,
        'metrics.selector: has the wrong form (here: a="b",);'
        " write for example 'selector: namespace=\"prod\"'",
    ),
    "a selector with an escape that PromQL refuses": (
        "metrics:\n  selector: 'a=~\"b\\.c\"'\n",
        2,
        'metrics.selector: has the wrong form (here: a=~"b\\.c");'
        " write for example 'selector: namespace=\"prod\"'",
    ),
    **{
        f"an identity with the label {label}": (
            f"metrics:\n  identity:\n    - extractor\n    - {label}\n",
            4,
            f"metrics.identity.1: {label} is set or removed by the rules;"
            " name labels of the metrics only",
        )
        for label in (
            "__name__",
            "__mine",
            "action",
            "alert",
            "alertname",
            "auto_resolve",
            "bound",
            "category",
            "correlation",
            "escalation_level",
            "escalation_policy",
            "instance",
            "job",
            "le",
            "outcome",
            "resource",
            "result",
            "scope",
            "severity",
            "type",
            "window",
        )
    },
    "an identity that names a label twice": (
        "metrics:\n  identity:\n    - extractor\n    - extractor\n",
        4,
        "metrics.identity.1: extractor is named twice; keep one of the two",
    ),
    "a template in an alert's message": (
        latency('message: "p95 is {{ $value }}"'),
        3,
        f"{LATENCY}.message: '{{{{' would begin a template of Prometheus; use"
        " {extractor}, {threshold}, {value}",
    ),
    "a template in a correlation's message": (
        "correlation: {rules: {FeatureExtractionErrorStorm: {message: '{{ $value }}'}}}\n",
        1,
        "correlation.rules.FeatureExtractionErrorStorm.message: '{{' would begin a template of"
        " Prometheus; use {extractor}, {window}",
    ),
    "a port to listen on that does not exist": (
        "receiver:\n  listen: 127.0.0.1:65536\n",
        2,
        "receiver.listen: the port must be from 0 to 65535 (here: 127.0.0.1:65536);"
        " write for example 'listen: 127.0.0.1:9099'",
    ),
    "a mail server's port that does not exist": (
        "channels: {email: {smarthost: 'localhost:0'}}\n",
        1,
        "channels.email.smarthost: the port must be from 1 to 65535 (here: localhost:0);"
        " write for example 'smarthost: localhost:587'",
    ),
    "buckets that do not rise": (
        "metrics: {duration_buckets: [0.15, 0.1, 0.5]}\n",
        1,
        "metrics.duration_buckets: must rise; write [0.1, 0.15, 0.5]",
    ),
    "a correlation of one category": (
        "correlation: {rules: {FeatureExtractionErrorStorm: {members:"
        " [FeatureExtractionLatencyHigh, FeatureExtractionLatencyCritical]}}}\n",
        1,
        "correlation.rules.FeatureExtractionErrorStorm.members: all are of category"
        " performance; name alerts of two or more",
    ),
    "a severity that repeats sooner than its groups are looked at": (
        "routing:\n  severities:\n    critical:\n      repeat_interval: 30s\n",
        4,
        "routing.severities.critical.repeat_interval: is less than group_interval, below which"
        " Alertmanager does not repeat; write 1m or more",
    ),
    "a severity that does not wait for correlation": (
        "routing:\n  severities:\n    critical:\n      group_wait: 10s\n",
        4,
        "routing.severities.critical.group_wait: is less than three evaluation intervals, so"
        " people hear of a correlation's members before it mutes them; write 45s or more, or"
        " switch off correlation",
    ),
    "people who are told of members, since vmalert begins their correlation late": (
        "rules: {engine: vmalert}\nrouting:\n  people:\n    group_wait: 74s\n",
        4,
        "routing.people.group_wait: is less than five evaluation intervals, so people hear of a"
        " correlation's members before it mutes them; write 75s or more, or switch off correlation",
    ),
    "a level that the next one overtakes": (
        "escalation:\n  default_delay: 45s\n  policies:\n    default:\n      levels:\n"
        "        - {channels: [email], recipients: [monitoring_team], response_time: immediate}\n"
        "        - {channels: [email], recipients: [monitoring_team], response_time: immediate}\n",
        7,
        "escalation.policies.default.levels.1.delay: is not longer than group_wait (45s), so the"
        " level before it would never be told; write more",
    ),
    "a bucket bound without end": (
        "metrics: {duration_buckets: [0.1, 0.15, .inf]}\n",
        1,
        "metrics.duration_buckets.2: must be a finite number (here: .inf);"
        " write for example 'duration_buckets: [0.1, 0.15, 0.5]'",
    ),
    "a latency threshold that p95 can't pass": (
        latency("threshold: 10.0"),
        3,
        f"{LATENCY}.threshold: p95 is never found above the highest bucket bound, 10.0, so this"
        " would never fire; add a higher bound to metrics.duration_buckets and to the library's"
        " duration_buckets",
    ),
    "an override above all bounds": (
        latency("overrides:\n      big_model:\n        threshold: 20"),
        5,
        f"{LATENCY}.overrides.big_model.threshold: p95 is never found above the highest bucket"
        " bound, 10.0, so this would never fire; add it and a higher bound to"
        " metrics.duration_buckets and to the library's duration_buckets",
    ),
    "a high threshold that is the critical one": (
        "alerts:\n  FeatureExtractionLatencyHigh:\n    threshold: 0.15\n",
        3,
        f"{HIGH}.threshold: is not below the 0.15 of FeatureExtractionLatencyCritical; write less",
    ),
    "a high override above the critical threshold": (
        "alerts:\n  FeatureExtractionLatencyHigh:\n    overrides:\n      big_model:\n"
        "        threshold: 0.25\n",
        5,
        f"{HIGH}.overrides.big_model.threshold: is not below the 0.15 of"
        " FeatureExtractionLatencyCritical; write less",
    ),
    "a critical override below the high threshold": (
        latency("overrides:\n      big_model:\n        threshold: 0.075"),
        5,
        f"{LATENCY}.overrides.big_model.threshold: is not above the 0.1 of"
        " FeatureExtractionLatencyHigh; write more",
    ),
    "a rate of too few samples": (
        latency("window: 59s"),
        3,
        f"{LATENCY}.window: is less than four evaluation intervals, so a rate would often be of"
        " too few samples; write 60s or more",
    ),
    "a count of remediations over too few samples": (
        "alerts:\n  FeaturewatchRemediationFailed:\n    window: 30s\n",
        3,
        "alerts.FeaturewatchRemediationFailed.window: is less than four evaluation intervals, so a"
        " rate would often be of too few samples; write 60s or more",
    ),
    "an extractor that is forgotten before it is missed": (
        "alerts:\n  FeatureExtractionMetricsAbsent:\n    window: 10m\n    for: 6m\n",
        3,
        "alerts.FeatureExtractionMetricsAbsent.window: is less than 'for' and five minutes, so a"
        " vanished extractor would be forgotten before anyone hears of it; write 660s or more",
    ),
    "a window that ends before anything is usual": (
        "alerts:\n  FeatureExtractionUnusual:\n    window: 24h\n",
        3,
        "alerts.FeatureExtractionUnusual.window: is no more than the day that the alert waits for;"
        " write 2d or more",
    ),
    "a look at the past that is seldom taken": (
        "alerts:\n  FeatureExtractionUnusual:\n    step: 61m\n",
        3,
        "alerts.FeatureExtractionUnusual.step: misses most of a day; write 1h or less",
    ),
    "a label by which Alertmanager routes": (
        latency('labels: {auto_resolve: "false"}'),
        3,
        f"{LATENCY}.labels.auto_resolve: is set by the rules; name yours otherwise",
    ),
    "a label that an alert without extractor is told apart by": (
        "alerts: {FeatureExtractionExporterDown: {labels: {instance: bad}}}\n",
        1,
        "alerts.FeatureExtractionExporterDown.labels.instance: is set by the rules;"
        " name yours otherwise",
    ),
    "a label that would name the threshold's bound": (
        "alerts: {FeatureExtractionThresholdNotBucket: {labels: {le: x}}}\n",
        1,
        "alerts.FeatureExtractionThresholdNotBucket.labels.le: is set by the rules;"
        " name yours otherwise",
    ),
    "a label that is Prometheus's own": (
        latency("labels: {__name__: x}"),
        3,
        f"{LATENCY}.labels.__name__: is reserved by Prometheus; begin it with a letter",
    ),
    "an alert that claims to be a correlated one": (
        latency("labels: {category: correlation}"),
        3,
        f"{LATENCY}.labels.category: is that of the correlated alerts, which others are muted by;"
        " write another one",
    ),
    "a template in a label": (
        latency("labels: {team: 'team {{ $labels.extractor }}'}"),
        3,
        f"{LATENCY}.labels.team: '{{{{' would begin a template of Prometheus; write plain text",
    ),
    "a night in one piece": (
        nights('times: [{start_time: "22:00", end_time: "06:00"}]'),
        4,
        f"{NIGHT}.times.0.end_time: is not after start_time; split what spans midnight in two, one"
        " that ends at 24:00 and one that starts at 00:00",
    ),
    "a moment": (
        nights('times: [{start_time: "06:00", end_time: "06:00"}]'),
        4,
        f"{NIGHT}.times.0.end_time: is not after start_time; split what spans midnight in two, one"
        " that ends at 24:00 and one that starts at 00:00",
    ),
    "a weekday that does not exist": (
        nights("weekdays: [mon]"),
        4,
        f"{NIGHT}.weekdays.0: has the wrong form (here: mon);"
        " write for example \"weekdays: ['monday:friday', sunday]\"",
    ),
    "weekdays that end before they begin": (
        nights("weekdays: [saturday:sunday]"),
        4,
        f"{NIGHT}.weekdays.0: ends before it begins (here: saturday:sunday);"
        " write for example \"weekdays: ['monday:friday', sunday]\"",
    ),
    "a month that does not exist": (
        nights('months: ["13"]'),
        4,
        f"{NIGHT}.months.0: has the wrong form (here: '13');"
        " write for example \"months: ['january:march', '12']\"",
    ),
    "months that end before they begin": (
        nights('months: ["november:2"]'),
        4,
        f"{NIGHT}.months.0: ends before it begins (here: november:2);"
        " write for example \"months: ['january:march', '12']\"",
    ),
    "a day that no month has": (
        nights('days_of_month: ["32"]'),
        4,
        f"{NIGHT}.days_of_month.0: has the wrong form (here: '32');"
        " write for example \"days_of_month: ['1:5', '-3:-1']\"",
    ),
    "days of a month that end before they begin": (
        nights('days_of_month: ["28:-1"]'),
        4,
        f"{NIGHT}.days_of_month.0: ends before it begins, at least in February (here: 28:-1);"
        " write for example \"days_of_month: ['1:5', '-3:-1']\"",
    ),
    "years that end before they begin": (
        nights('years: ["2028:2026"]'),
        4,
        f"{NIGHT}.years.0: ends before it begins (here: 2028:2026);"
        " write for example \"years: ['2026:2028']\"",
    ),
    "no weekdays": (
        nights("weekdays: []"),
        4,
        f"{NIGHT}.weekdays: must not be empty (here: []);"
        " write for example \"weekdays: ['monday:friday', sunday]\"",
    ),
    "a time interval that is always": (
        nights("location: Europe/Paris"),
        4,
        f"{NIGHT}: is always; write times, weekdays, days_of_month, months or years",
    ),
    "a time interval that is never": (
        "routing: {time_intervals: {nights: []}}\n",
        1,
        "routing.time_intervals.nights: has no times; write some, or leave it out",
    ),
    "a level that the next one overtakes while its severity waits": (
        "routing:\n  severities:\n    high: {group_wait: 5m}\n"
        "escalation:\n  policies:\n    error_rate_spike:\n      levels:\n"
        "        - {channels: [email], recipients: [monitoring_team], response_time: immediate}\n"
        "        - {channels: [email], recipients: [monitoring_team], response_time: immediate}\n",
        9,
        "escalation.policies.error_rate_spike.levels.1.delay: is not longer than group_wait"
        " (300s), so the level before it would never be told; write more",
    ),
    "a quiet time that nothing defines": (
        "routing:\n  severities:\n    low:\n      mute_time_intervals: [nights]\n",
        4,
        "routing.severities.low.mute_time_intervals.0: no time interval is named 'nights';"
        " write one of: none yet",
    ),
    "planned work that ends before it begins": (
        "maintenance:\n  - name: w\n    from: 2026-12-01T20:00:00Z\n    to: 2026-12-01T19:00:00Z\n",
        4,
        "maintenance.0.to: is not after from; write a later time",
    ),
    "planned work of the same name": (
        "maintenance:\n  - {name: w, from: 2026-12-01T20:00:00Z, to: 2026-12-01T21:00:00Z}\n"
        "  - {name: w, from: 2026-12-02T20:00:00Z, to: 2026-12-02T21:00:00Z}\n",
        3,
        "maintenance.1.name: w is the name of another window; write one of its own",
    ),
    "an evaluation that is rarer than Prometheus looks back": (
        "alerting:\n  evaluation_interval: 5m\ncorrelation: {enabled: false}\n"
        f"alerts: {{{', '.join(f'{name}: {{window: 20m}}' for name in RATES)}}}\n",
        2,
        "alerting.evaluation_interval: is too long for escalation, whose clock is looked up for"
        " 5m; write 4m or less",
    ),
    "a member that is about no extractor": (
        "correlation:\n  rules:\n    FeatureExtractionErrorStorm:\n      members:\n"
        "        - FeatureExtractionErrorRateHigh\n        - FeatureExtractionExporterDown\n",
        6,
        "correlation.rules.FeatureExtractionErrorStorm.members.1: FeatureExtractionExporterDown"
        " is not about one extractor; name alerts that are",
    ),
    "a job that is no regular expression": (
        "metrics:\n  job: '('\n",
        2,
        "metrics.job: is no regular expression: missing ), unterminated subpattern at position 0"
        " (here: (); write for example 'job: featurewatch.*'",
    ),
}


def complaint(root, *overlays):
    """What loading the overlays is refused with."""
    with pytest.raises(ConfigError) as refused:
        load_config(root, list(overlays))
    return str(refused.value)


@pytest.fixture
def overlay(tmp_path):
    """Write an overlay and return its path."""

    def write(text, name="my.yaml"):
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.mark.parametrize("fault", FAULTS)
def test_one_line_says_where_what_and_how_to_fix(fault, root, overlay):
    text, line, said = FAULTS[fault]
    file = overlay(text)
    assert complaint(root, file) == f"{file}:{line}: {said}"


@pytest.mark.parametrize(
    "text",
    [
        # No alert of low severity escalates.
        "routing: {severities: {low: {group_wait: 10m}}}\n",
        "rules: {engine: vmalert}\nrouting: {people: {group_wait: 75s}}\n",
        "routing: {people: {group_wait: 10m, group_interval: 10m}}\nescalation: {enabled: false}\n",
        # A level after 2m, which critical alerts alone reach.
        "routing: {severities: {high: {group_wait: 3m}}}\nalerts: {FeatureExtractionErrorRateHigh:"
        " {escalation: resource_critical, max_escalation_levels: 1}}\n",
        # Without the other one there is nothing to be below of.
        "alerts: {FeatureExtractionLatencyHigh: {threshold: 0.15},"
        " FeatureExtractionLatencyCritical: {enabled: false}}\n",
        "alerts: {FeatureExtractionLatencyHigh: {overrides: {m: {enabled: false}}},"
        " FeatureExtractionLatencyCritical: {overrides: {m: {threshold: 0.1}}}}\n",
        "alerts: {FeatureExtractionLatencyHigh: {overrides: {m: {threshold: 0.25}}},"
        " FeatureExtractionLatencyCritical: {overrides: {m: {threshold: 0.5}}}}\n",
        # A mean needs no second sample.
        "alerts: {FeatureExtractionResourcesCritical: {window: 15s}}\n",
        # Labels that are an identity elsewhere only.
        "alerts: {FeatureExtractionLatencyHigh: {labels: {outcome: slow, category: speed}}}\n",
        nights(
            '{times: [{start_time: "22:00", end_time: "24:00"}], weekdays: [Monday:friday],'
            ' days_of_month: ["1", "-3:-1", "1:-2"], months: ["January:3", "12"],'
            ' years: ["2026:2028"], location: Europe/Paris}'
        ),
    ],
)
def test_what_only_looks_like_a_fault_is_accepted(text, root, overlay):
    load_config(root, [overlay(text)])


@pytest.mark.parametrize(
    "selector",
    ["", 'a="b"', r'namespace!="a", pod=~"x.*|y\\.z",c!~"\""', 'a=""'],
)
def test_a_list_of_matchers_is_a_selector(selector, root, overlay):
    file = overlay(json.dumps({"metrics": {"selector": selector}}))
    assert load_config(root, [file]).metrics.selector == selector


@pytest.mark.parametrize("port", [0, 1, 65535])
def test_the_receiver_may_listen_on_any_port_and_0_is_a_free_one(port, root, overlay):
    file = overlay(f"receiver: {{listen: '127.0.0.1:{port}'}}\n")
    assert load_config(root, [file]).receiver.listen == f"127.0.0.1:{port}"


def test_a_missing_file_is_named(root, tmp_path):
    file = tmp_path / "gone.yaml"
    assert complaint(root, file) == (
        f"{file}: can't be read (No such file or directory); check the path"
    )


def test_a_file_that_is_no_text_is_named(root, tmp_path):
    file = tmp_path / "my.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    assert complaint(root, file) == f"{file}: not UTF-8 text; save it as UTF-8"


def test_an_alias_that_holds_itself_is_one_line(root, overlay):
    file = overlay("alerts: &a [*a]\n")
    assert complaint(root, file) == f"{file}: an alias holds itself; write the value out"


def test_two_faults_are_two_lines_in_the_order_of_the_file(root, overlay):
    file = overlay("history: {max_days: 0}\nalerting:\n  enabled: maybe\n")
    first, second = complaint(root, file).splitlines()
    assert first.startswith(f"{file}:1: history.max_days: ")
    assert second.startswith(f"{file}:3: alerting.enabled: ")


def test_the_fault_is_in_the_overlay_that_wrote_it_last(root, overlay):
    first = overlay("history: {max_days: 0}\n", "first.yaml")
    second = overlay("\nhistory: {max_days: -1}\n", "second.yaml")
    assert complaint(root, first, second).startswith(f"{second}:2: history.max_days: ")


def test_the_other_end_of_a_contradiction_is_found_in_the_defaults(root, overlay):
    """The overlay raises only min_replicas; the max_replicas below it is the default."""
    file = overlay("targets: {feature_extractor: {min_replicas: 9}}\n")
    lines = (root / "config.yaml").read_text(encoding="utf-8").splitlines()
    line = lines.index("    max_replicas: 8") + 1
    assert complaint(root, file).startswith(f"{root / 'config.yaml'}:{line}: targets.")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_complaint_is_one_line_without_pythons_words(fault, root, overlay):
    text, _, _ = FAULTS[fault]
    said = complaint(root, overlay(text))
    assert "\n" not in said
    assert not re.search(r"Traceback|pydantic|Value error|object at 0x|Error:", said)


@pytest.mark.parametrize(
    "text", ["alerting: !!python/name:os.system x\n", "alerting: !mine x\n", "alerting: \x07\n"]
)
def test_strange_yaml_is_refused_in_one_line(text, root, overlay):
    file = overlay(text)
    said = complaint(root, file)
    assert said.startswith(f"{file}:1: ")
    assert "\n" not in said


def test_a_label_name_that_prometheus_refuses_is_refused(root, overlay):
    file = overlay(latency("labels: {my-team: blue}"))
    assert complaint(root, file).startswith(f"{file}:3: {LATENCY}.labels.my-team: ")


@pytest.mark.parametrize("text", [latency("zzz: 1"), "channels: {email: {zzz: 1}}\n"])
def test_known_keys_are_listed_as_they_are_written(text, root, overlay):
    known = complaint(root, overlay(text)).partition("the keys here are ")[2]
    assert not re.search(r"\w_\b", known)


# --- The command ----------------------------------------------------------------------------


def test_generate_says_it_on_stderr_exits_with_2_and_writes_nothing(
    overlay, root, tmp_path, capsys
):
    file = overlay("history: {max_days: 0}\ncolour: red\n")
    out = tmp_path / "out"
    arguments = ["generate", "--root", str(root), "--config", str(file), "--out", str(out)]
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.split(": ")[1] for line in said.err.splitlines()] == ["history.max_days", "colour"]
    assert not out.exists()


def test_the_command_prints_no_traceback(overlay, root, tmp_path):
    file = overlay("alerting: [\n")
    command = [sys.executable, "-m", "featurewatch_kit.cli", "generate"]
    command += ["--root", root, "--config", file, "--out", tmp_path / "out"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"{file}:2: not YAML (did not find expected node content); fix the syntax"
    ]


def test_outside_a_checkout_the_command_names_root(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["generate"]) == 2
    assert capsys.readouterr().err == (
        f"{tmp_path}: no mixin.libsonnet here or above; name a featurewatch checkout with --root\n"
    )


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("targets: {feature_extractor: null}", lambda config: config.targets),
        (
            "targets: {feature_extractor: null}\nbackends: {feature_server: null}",
            lambda config: config.backends,
        ),
        ("routing: {severities: {critical: null, low: null}}", lambda c: c.routing.severities),
    ],
)
def test_null_takes_an_entry_out(text, gone, root, overlay):
    assert gone(load_config(root, []))
    assert gone(load_config(root, [overlay(text + "\n")])) == {}


def test_what_was_taken_out_can_be_written_anew(root, overlay):
    out = overlay("recipients: {engineering_manager: null}\n", "out.yaml")
    anew = overlay(
        "recipients: {engineering_manager: {email: m@example.com, slack: '#m',"
        " pagerduty_routing_key_file: /key}}\n",
        "anew.yaml",
    )
    assert load_config(root, [out, anew]).recipients["engineering_manager"].slack == "#m"


def test_what_is_taken_out_is_missed_where_it_is_named(root, overlay):
    file = overlay("recipients: {engineering_manager: null}\n")
    with pytest.raises(ConfigError) as raised:
        load_config(root, [file])
    assert (
        "no recipient is named 'engineering_manager'; write one of: monitoring_team,"
        " on_call_engineer" in str(raised.value)
    )


def test_nobody_needs_an_address_for_a_channel_that_is_off(root, overlay):
    file = overlay(
        "channels: {slack: {enabled: false}, pagerduty: {enabled: false}}\n"
        "recipients:\n"
        "  monitoring_team: {slack: null}\n"
        "  on_call_engineer: {slack: null, pagerduty_routing_key_file: null}\n"
        "  engineering_manager: {slack: null, pagerduty_routing_key_file: null}\n"
    )
    assert load_config(root, [file]).recipients["monitoring_team"].slack is None
