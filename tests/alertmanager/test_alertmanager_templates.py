"""What the message templates make of alerts, rendered by amtool."""

import json
import subprocess

import pytest
from waiting import PATIENCE_SECONDS

LABELS = {
    "alertname": "FeatureExtractionLatencyCritical",
    "extractor": "feature_extractor",
    "severity": "critical",
    "category": "performance",
    "type": "latency",
    "escalation_policy": "latency_violation",
    "escalation_level": "2",
}
ANNOTATIONS = {
    "summary": "Feature extraction of feature_extractor is critically slow",
    "description": "p95 latency (245ms) exceeds critical threshold of 150ms",
    "value": "245ms",
    "threshold": "150ms",
    "response_time": "within 15 minutes",
    "since": "2026-01-02 02:59:05 UTC",
    "duration": "5m 0s",
    "runbook_url": "http://localhost:9099/runbook/FeatureExtractionLatencyCritical",
    "dashboard_url": "http://localhost:3000/d/featurewatch-overview?var-extractor=feature_extractor",
    "console_url": "http://localhost:9099/alerts?alertname=FeatureExtractionLatencyCritical",
}


def group(*, status="firing", **labels):
    """What Alertmanager hands to a template for a group of one alert."""
    labels = LABELS | labels
    alert = {
        "status": status,
        "labels": labels,
        "annotations": ANNOTATIONS,
        "startsAt": "2026-01-02T03:04:05Z",
        "endsAt": "2026-01-02T03:14:05Z" if status == "resolved" else "0001-01-01T00:00:00Z",
        "generatorURL": "http://localhost:9090/graph",
        "fingerprint": "0123456789abcdef",
    }
    return {
        "receiver": "latency_violation-level-2",
        "status": status,
        "alerts": [alert],
        "groupLabels": {key: labels[key] for key in ("alertname", "extractor")},
        "commonLabels": labels,
        "commonAnnotations": ANNOTATIONS,
        "externalURL": "http://localhost:9093",
    }


# What alertmanager/receivers.libsonnet hands to the templates of one alert.
FIRST = "(index (or .Alerts.Firing .Alerts.Resolved) 0)"


@pytest.fixture
def render(root, amtool, tmp_path):
    """Render one of our templates as text, or as HTML."""

    def render_template(name, data, kind="text", of="."):
        file = tmp_path / "data.json"
        file.write_text(json.dumps(data), encoding="utf-8")
        command = [
            amtool,
            "template",
            "render",
            f"--template.glob={root}/alertmanager/templates/*.tmpl",
            f'--template.text={{{{ template "featurewatch.{name}" {of} }}}}',
            f"--template.type={kind}",
            f"--template.data={file}",
        ]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return render_template


@pytest.mark.parametrize(
    ("severity", "sent"),
    [
        ("critical", "critical"),
        ("high", "error"),
        ("medium", "warning"),
        ("low", "info"),
        ("", "warning"),
        ("error", "error"),
        ("page", "warning"),
    ],
)
def test_pagerduty_gets_a_severity_that_it_knows(severity, sent, render):
    assert render("pagerduty.severity", group(severity=severity), of=FIRST) == sent


@pytest.mark.parametrize(
    ("severity", "status", "start", "color"),
    [
        ("critical", "firing", "🔴 [CRITICAL]", "danger"),
        ("high", "firing", "🟠 [HIGH]", "danger"),
        ("medium", "firing", "🟡 [MEDIUM]", "warning"),
        ("low", "firing", "🟢 [LOW]", "good"),
        ("page", "firing", "⚪ [PAGE]", "danger"),
        ("critical", "resolved", "✅ [RESOLVED]", "good"),
    ],
)
def test_subject_and_title_begin_with_the_state(severity, status, start, color, render):
    data = group(severity=severity, status=status)
    title = (
        f"{start} FeatureExtractionLatencyCritical:"
        " Feature extraction of feature_extractor is critically slow"
    )
    assert render("slack.title", data) == title
    assert render("email.subject", data) == title[title.index("[") :]
    assert render("slack.color", data) == color


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("severity", "critical"),
        ("value", "245ms"),
        ("threshold", "150ms"),
        ("level", "2"),
        ("class", "performance/latency"),
        ("response_time", "within 15 minutes"),
        ("since", "2026-01-02 02:59:05 UTC"),
        ("duration", "5m 0s"),
        ("description", "p95 latency (245ms) exceeds critical threshold of 150ms"),
        ("slack.value", "245ms (threshold 150ms)"),
    ],
)
def test_a_field_is_the_alerts_own(template, text, render):
    assert render(template, group(), of=FIRST) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("since", "2026-01-02 03:04:05 UTC"),
        ("description", "latency_violation, feature_extractor, critical"),
        ("slack.value", "none"),
        ("slack.response_time", "none"),
        ("slack.duration", "none"),
    ],
)
def test_a_field_of_an_alert_without_annotations_has_something_to_say(template, text, render):
    data = group()
    data["alerts"][0]["annotations"] = {}
    assert text in render(template, data, of=FIRST)


def test_what_differs_between_alerts_is_that_of_the_first_that_still_fires(render):
    data = group(severity="low")
    data["alerts"][0]["status"] = "resolved"
    data["alerts"].append(data["alerts"][0] | {"status": "firing", "labels": LABELS})
    data["commonLabels"] = {key: value for key, value in LABELS.items() if key != "severity"}
    assert render("severity", data, of=FIRST) == "critical"
    assert render("email.subject", data).startswith("[CRITICAL] ")
    assert render("slack.color", data) == "danger"


def test_line_breaks_of_a_description_stay(render):
    data = group()
    data["alerts"][0]["annotations"] = ANNOTATIONS | {"description": "two:\n- <one>\n- other"}
    assert "two:\n- <one>\n- other" in render("email.text", data)
    assert "two:\n- &lt;one&gt;\n- other" in render("slack.text", data)
    assert "two:<br>- &lt;one&gt;<br>- other" in render("email.html", data, "html")


def test_the_mail_says_value_threshold_since_and_how_soon_to_react(render):
    text = render("email.text", group())
    for line in (
        "  Value:      245ms",
        "  Threshold:  150ms",
        "  Severity:   critical",
        "  Extractor:  feature_extractor",
        "  Since:      2026-01-02 02:59:05 UTC",
        "  Duration:   5m 0s",
        "  Level:      2, response expected: within 15 minutes",
        f"Runbook:    {ANNOTATIONS['runbook_url']}",
        f"Dashboard:  {ANNOTATIONS['dashboard_url']}",
        f"Console:    {ANNOTATIONS['console_url']}",
    ):
        assert line in text.splitlines()
    assert "Until:" not in text


@pytest.mark.parametrize(
    ("level", "until"),
    [("1", "2026-01-02 03:14:05 UTC, after 10m 0s"), ("2", "2026-01-02 03:14:05 UTC")],
)
def test_a_resolved_message_says_until_when_and_asks_for_nothing(level, until, render):
    """Level 2 began later than its alert, so how long it was says nothing of that."""
    data = group(status="resolved", escalation_level=level)
    text = render("email.text", data)
    assert f"  Until:      {until}" in text.splitlines()
    assert "response expected" not in text
    assert "Duration" not in text
    assert render("slack.duration", data, of=FIRST) == until
    assert render("slack.response_time", data, of=FIRST) == "none any more"


def test_the_silence_link_holds_the_alert_and_its_extractor(render):
    assert render("silence_url", group()) == (
        "http://localhost:9093/#/silences/new?filter="
        "%7Balertname%3D%22FeatureExtractionLatencyCritical%22%2C"
        "extractor%3D%22feature_extractor%22%7D"
    )


def test_the_html_mail_is_a_whole_document_with_its_links(render):
    html = render("email.html", group(), "html").strip()
    assert html.startswith("<!DOCTYPE html>")
    assert html.endswith("</html>")
    assert "245ms" in html
    assert f'href="{ANNOTATIONS["runbook_url"]}"' in html
    assert 'href="http://localhost:9093/#/silences/new?filter=%7Balertname%3D%22' in html
    assert "ZgotmplZ" not in html


@pytest.mark.parametrize(("status", "color"), [("firing", "#b3261e"), ("resolved", "#2e7d32")])
def test_the_html_mail_is_coloured_by_its_state(status, color, render):
    assert f"background:{color}" in render("email.html", group(status=status), "html")


def test_hostile_label_values_stay_text_in_the_html_mail(render):
    hostile = '"><script>alert(1)</script><a href="'
    data = group(extractor=hostile, severity=hostile, alertname=hostile)
    data["alerts"][0]["annotations"] = dict.fromkeys(ANNOTATIONS, hostile)
    html = render("email.html", data, "html")
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<a ") == 1


def test_a_link_that_is_no_web_address_is_not_followed(render):
    data = group()
    data["alerts"][0]["annotations"] = ANNOTATIONS | {"runbook_url": "javascript:alert(1)"}
    assert "javascript:" not in render("email.html", data, "html")
