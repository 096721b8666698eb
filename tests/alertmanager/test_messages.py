"""What a real Alertmanager sends to Slack, PagerDuty and the mail server.

One Alertmanager serves the module; each test sends alerts of its own and waits for the messages
that name them.
"""

import re
from urllib.parse import unquote

import pytest

from alertmanager.chain import ANNOTATIONS, MENTION, Page, an_alert, details, matchers, plain

# --- One alert --------------------------------------------------------------------------------


def test_slack_gets_facts_links_and_a_mention(chain):
    chain.send(an_alert("SlackFacts"))
    attachment, _, _ = chain.heard("SlackFacts")
    fields = {field["title"]: field["value"] for field in attachment["fields"]}
    buttons = {action["text"]: action["url"] for action in attachment["actions"]}
    silence = buttons.pop("Silence")
    assert attachment["title"] == "🔴 [CRITICAL] SlackFacts: Feature extraction is critically slow"
    assert attachment["title_link"] == ANNOTATIONS["dashboard_url"]
    assert attachment["color"] == "danger"
    assert attachment["text"] == ANNOTATIONS["description"]
    assert fields == {
        "Severity": "critical",
        "Extractor": "west, a b",
        "Value": f"245 ms (threshold 150 ms), {ANNOTATIONS['evidence']}",
        "Escalation level": "3",
        "Response expected": "within 5 minutes",
        "Since": "2026-01-02 03:04:05 UTC",
        "Duration": "15m 0s",
    }
    assert buttons == {
        name: ANNOTATIONS[f"{name.lower()}_url"] for name in ("Runbook", "Dashboard", "Console")
    }
    assert matchers(silence) == {"alertname": "SlackFacts", "cluster": "west", "extractor": "a b"}
    assert attachment["mrkdwn_in"] == ["pretext"]


def test_pagerduty_gets_an_incident_with_details_and_links(chain):
    chain.send(an_alert("PageFacts"))
    _, _, event = chain.heard("PageFacts")
    payload = event["payload"]
    assert payload["summary"] == "[CRITICAL] PageFacts: Feature extraction is critically slow"
    assert (payload["severity"], payload["class"]) == ("critical", "PageFacts/latency")
    assert (payload["source"], payload["component"]) == ("west, a b", "west, a b")
    assert details(event) == {
        "summary": ANNOTATIONS["summary"],
        "description": ANNOTATIONS["description"],
        "value": "245 ms",
        "threshold": "150 ms",
        "evidence": ANNOTATIONS["evidence"],
        "severity": "critical",
        "extractor": "a b",
        "since": "2026-01-02 03:04:05 UTC",
        "duration": "15m 0s",
        "escalation_policy": "latency_violation",
        "escalation_level": "3",
        "response_time": "within 5 minutes",
        "firing": ANNOTATIONS["description"],
        "resolved": "",
        "num_firing": "1",
        "num_resolved": "0",
    }
    assert (event["client"], event["client_url"]) == ("featurewatch", ANNOTATIONS["console_url"])
    links = {link["text"]: link["href"] for link in event["links"]}
    assert matchers(links.pop("Silence"))["extractor"] == "a b"
    assert links == {
        name: ANNOTATIONS[f"{name.lower()}_url"] for name in ("Runbook", "Dashboard", "Console")
    }


def test_mail_says_the_same_as_text_and_as_html(chain):
    chain.send(an_alert("MailFacts"))
    _, mail, _ = chain.heard("MailFacts")
    page = Page(mail)
    assert mail["Subject"] == "[CRITICAL] MailFacts: Feature extraction is critically slow"
    for fact in ("245 ms", "critical", "west, a b", "2026-01-02 03:04:05 UTC", "15m 0s", "3"):
        assert fact in page.text
        assert fact in plain(mail)
    lines = plain(mail).split("\n")
    assert "  Threshold:  150 ms" in lines
    assert f"  Counted:    {ANNOTATIONS['evidence']}" in lines
    assert ANNOTATIONS["evidence"] in page.text
    assert "  Level:      3, response expected: within 5 minutes" in lines
    links = [line.split()[1] for line in lines if re.match(r"(Runb|Dashb|Cons|Sil)\w+:", line)]
    assert [unquote(link) for link in page.links] == [unquote(link) for link in links]
    assert links[:3] == [ANNOTATIONS[f"{name}_url"] for name in ("runbook", "dashboard", "console")]
    assert matchers(page.links[3]) == matchers(links[3])


def test_the_end_is_told_everywhere_and_mentions_nobody(chain):
    alert = an_alert("Ending", escalation_level="3")
    chain.send(alert)
    chain.heard("Ending")
    begun = {event["routing_key"]: event["dedup_key"] for event in chain.told("Ending")[2]}
    mentions = {a.get("pretext") for a in chain.told("Ending", "CRITICAL")[0]}
    assert mentions == {MENTION, None}, "one of the two recipients has a mention"
    chain.resolve(alert)
    chain.heard("Ending", "RESOLVED")
    attachments, mails, events = chain.told("Ending", "RESOLVED")
    assert [a.get("pretext") for a in attachments] == [None, None]
    assert [a["color"] for a in attachments] == ["good", "good"]
    assert "  Until:      " in plain(mails[0])
    assert {event["event_action"] for event in events} == {"resolve"}
    assert {event["routing_key"]: event["dedup_key"] for event in events} == begun


def test_the_end_of_an_alert_that_does_not_resolve_by_itself_is_not_told(chain):
    told = an_alert("Fixing", escalation_policy="error_rate_spike", escalation_level="2")
    untold = an_alert(
        "Lasting",
        escalation_policy="error_rate_spike",
        escalation_level="2",
        auto_resolve="false",
        severity="high",
    )
    chain.send(told, untold)
    chain.wait_until("both fire", lambda: all(chain.told(n)[1] for n in ("Fixing", "Lasting")))
    chain.resolve(told, untold)
    chain.wait_until("the one ends", lambda: bool(chain.told("Fixing", "RESOLVED")[1]))
    chain.wait_until("the other is forgotten", lambda: not chain.holds("Lasting"))
    assert chain.told("Lasting", "RESOLVED") == ([], [], [])


def test_a_recipient_with_a_webhook_of_their_own_is_told_there(chain):
    chain.send(an_alert("OwnWebhook"))
    chain.heard("OwnWebhook")

    def channels(stand_in):
        sent = [m for m in stand_in.messages() if "OwnWebhook" in m["attachments"][0]["title"]]
        return [message["channel"] for message in sent]

    assert channels(chain.slack) == ["#on-call"]
    assert channels(chain.managers_slack) == ["#engineering-managers"]


# --- Several alerts, and alerts of others -----------------------------------------------------


def test_a_group_of_many_lists_ten_and_counts_the_rest(chain):
    labels = {"extractor": "", "cluster": "", "severity": "high", "job": "feature-extraction"}
    chain.send(
        *(
            an_alert("Many", {"description": "is down"}, instance=f"server-{i:02}", **labels)
            for i in range(12)
        )
    )
    attachment, mail, event = chain.heard("Many")
    listed = [f"server-{i:02}: is down" for i in range(10)]
    assert attachment["text"].split("\n") == [*(f"• {line}" for line in listed), "and 2 more"]
    assert attachment["title"] == "🟠 [HIGH] Many: is down (12 alerts)"
    assert {"title": "Job", "value": "feature-extraction", "short": True} in attachment["fields"]
    assert "\n".join([*listed, "and 2 more"]) in plain(mail)
    assert "server-09" in Page(mail).text
    assert "server-10" not in Page(mail).text
    assert details(event)["num_firing"] == "12"
    assert details(event)["firing"].endswith("\nand 2 more")


@pytest.mark.parametrize(
    ("labels", "subject"),
    [
        ({"instance": "db-1:9100", "severity": "warning"}, ("Instance", "db-1:9100")),
        ({"job": "postgres"}, ("Job", "postgres")),
        ({}, ("Alert", "About no Alert")),
    ],
)
def test_an_alert_of_someone_else_is_readable(labels, subject, chain):
    name = f"About no {subject[0]}"
    chain.send({"labels": {"alertname": name, **labels}})
    attachment, mail, event = chain.heard(name)
    everything = f"{attachment} {mail} {event}"
    assert "no value" not in everything
    assert "ZgotmplZ" not in everything
    fields = {field["title"]: field["value"] for field in attachment["fields"]}
    assert fields[subject[0]] == subject[1]
    assert all(fields.values())
    assert all(action["url"] for action in attachment["actions"])
    assert event["payload"]["source"]
    assert event["payload"]["severity"] == "warning"
    assert not re.search(r":\s*$", plain(mail), re.MULTILINE)
    assert "Extractor" not in plain(mail)


def test_an_alert_without_a_name_still_arrives(chain):
    chain.send({"labels": {"team": "storage"}})
    attachment, mail, event = chain.heard("[FIRING] Alert")
    assert attachment["text"] == "storage"
    assert {"title": "Alert", "value": "unnamed", "short": True} in attachment["fields"]
    assert mail["Subject"] == "[FIRING] Alert"
    assert (event["payload"]["source"], details(event)["description"]) == ("unnamed", "storage")
