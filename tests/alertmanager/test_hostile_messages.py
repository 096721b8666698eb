"""Whatever an alert's labels and annotations hold stays text, in every message.

One Alertmanager serves the module; each test sends alerts of its own and waits for the messages
that name them.
"""

import html
import json
import re

import pytest

from alertmanager.chain import (
    ALERTS_PAGE,
    ANNOTATIONS,
    LINKS,
    Page,
    an_alert,
    details,
    matchers,
    plain,
)

# The tags of our mail. Whatever else appears came from an alert.
TAGS = {"html", "head", "meta", "title", "body", "table", "tr", "td", "h1", "p", "b", "br"}
TAGS |= {"span", "a"}
# A label's value, and what people read of it.
HOSTILE = {
    "quotes": ('say "it\'s" `now` *bold* _it_', 'say "it\'s" `now` *bold* _it_'),
    "line breaks": ("first\nsecond\r\nthird\u2028fourth", "first second third fourth"),
    "control characters": ("a\tb\x7fc\x85d", "a b c d"),
    "markup": (
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
    ),
    "an attribute's end": ('"><a href="http://evil.example">', '"><a href="http://evil.example">'),
    "emoji": ("👩‍🚀 🔥 né", "👩‍🚀 🔥 né"),
    "right to left": ("\u202egnp.exe שלום", "gnp.exe שלום"),
    "mentions": (
        "<!channel> <@U012AB3CD> <http://evil.example|click>",
        "<!channel> <@U012AB3CD> <http://evil.example|click>",
    ),
    "entities": ("&lt;!channel&gt; &amp;amp;", "&lt;!channel&gt; &amp;amp;"),
    "a template": ('{{ .Foo }} {{ template "x" }}', '{{ .Foo }} {{ template "x" }}'),
    # Alertmanager 0.33 fills in details of PagerDuty that are YAML again.
    "a template in YAML": ("x: '{{ nope }}'", "x: '{{ nope }}'"),
    "a template in a list": ("['{{ nope }}']", "['{{ nope }}']"),
    "backslashes": ('\\ \\n \\" \\u0041 C:\\', '\\ \\n \\" \\u0041 C:\\'),
    "a mail header": ("a\r\nBcc: x@evil.example\r\n\r\nbody", "a Bcc: x@evil.example body"),
    "an address": ("a+b&c=d#e?f/g%20;h", "a+b&c=d#e?f/g%20;h"),
}


def texts(attachment):
    """Every text of a Slack message that came from an alert."""
    fields = [field["value"] for field in attachment["fields"]]
    return [attachment["title"], attachment["text"], attachment["fallback"], *fields]


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_value_is_text_everywhere(case, chain):
    value, shown = HOSTILE[case]
    name = f"Hostile {case}"
    annotations = ANNOTATIONS | dict.fromkeys(
        ("summary", "description", "value", "threshold", "response_time", "since", "duration"),
        value,
    )
    alert = an_alert(name, annotations, extractor=value, type=value)
    chain.send(alert)
    attachment, mail, event = chain.heard(name)

    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", "".join(texts(attachment)))
    fields = {f["title"]: html.unescape(f["value"]) for f in attachment["fields"]}
    assert fields["Extractor"] == f"west, {shown}"
    assert fields["Duration"] == shown
    assert html.unescape(attachment["title"]) == f"🔴 [CRITICAL] {name}: {shown}"

    assert mail["Subject"] == f"[CRITICAL] {name}: {shown}"
    assert "Bcc" not in mail
    assert len(mail.get_all("To")) == 1
    page = Page(mail)
    assert page.tags <= TAGS
    assert f"west, {shown}" in page.text
    assert f"  Extractor:  west, {shown}" in plain(mail).split("\n")

    for detail in ("extractor", "since", "description"):  # these may have line breaks
        assert " ".join(details(event)[detail].split()) == shown
    assert event["payload"]["severity"] == "critical"

    identity = {label: alert["labels"][label] for label in ("alertname", "cluster", "extractor")}
    silence = next(a["url"] for a in attachment["actions"] if a["text"] == "Silence")
    assert matchers(silence) == identity
    assert matchers(page.links[3]) == identity
    assert len(page.links) == 4


def test_a_value_that_the_silence_form_cannot_read_leads_to_the_alerts(chain):
    chain.send(an_alert("Escape", extractor="a\x1b[31mb"))
    attachment, mail, _ = chain.heard("Escape")
    assert attachment["actions"][3]["url"] == ALERTS_PAGE
    assert Page(mail).links[3] == ALERTS_PAGE
    assert attachment["fields"][1]["value"] == "west, a [31mb"


def test_a_link_that_is_no_web_address_is_left_out_or_replaced(chain):
    names = ("runbook_url", "dashboard_url", "console_url")
    chain.send(an_alert("BadLinks", ANNOTATIONS | dict.fromkeys(names, "javascript:alert(1)")))
    attachment, mail, event = chain.heard("BadLinks")
    links = {action["text"]: action["url"] for action in attachment["actions"]}
    assert [links[name] for name in ("Runbook", "Dashboard", "Console")] == [
        LINKS[name] for name in ("runbook", "grafana", "console")
    ]
    assert [link["text"] for link in event["links"]] == ["Silence"]
    assert event["client_url"] == "http://alertmanager.example.com"
    assert "javascript" not in plain(mail)
    assert len(Page(mail).links) == 1


def test_a_long_value_is_cut_between_characters(chain):
    long = "é🔥" * 2048
    names = [name for name in ANNOTATIONS if not name.endswith("_url")]
    links = [name for name in ANNOTATIONS if name.endswith("_url")]
    annotations = dict.fromkeys(names, long) | dict.fromkeys(
        links, "http://a.example/" + "x" * 4096
    )
    chain.send(an_alert("Long", annotations, extractor=long, severity=long, type=long))
    attachment, mail, event = chain.heard("Long")
    cut = long[:199] + "…"
    assert attachment["title"] == f"⚪ [FIRING] Long: {cut}"
    assert attachment["text"] == long[:999] + "…"
    assert {len(f["value"]) for f in attachment["fields"][3:6]} <= {1, 200}
    assert event["payload"]["summary"] == f"[FIRING] Long: {cut}"
    # More would be a line that mail servers refuse.
    assert mail["Subject"] == f"[FIRING] Long: {long[:43]}…"
    assert details(event)["value"] == long[:999] + "…"
    urls = [action["url"] for action in attachment["actions"]]
    assert urls == [*(LINKS[n] for n in ("runbook", "grafana", "console")), ALERTS_PAGE]
    assert len(json.dumps(event)) < 512_000
