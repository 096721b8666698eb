"""A real Alertmanager with the generated configuration, and what arrives at its recipients."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import requests
import yaml
from waiting import ANSWER_SECONDS, PATIENCE_SECONDS

from featurewatch_kit import generate, programs
from featurewatch_kit.demo.mailbox import Mailbox
from featurewatch_kit.demo.processes import Processes, free_port
from featurewatch_kit.demo.stand_ins import PagerDutyStandIn, SlackStandIn
from featurewatch_kit.project import load_config

MENTION = "<!subteam^S012AB3CD>"
LINKS = {
    "grafana": "http://grafana.example.com",
    "runbook": "http://runbook.example.com/",
    "console": "http://console.example.com",
}
ANNOTATIONS = {
    "summary": "Feature extraction is critically slow",
    "description": "p95 latency (245 ms) exceeds critical threshold of 150 ms",
    "value": "245 ms",
    "threshold": "150 ms",
    "evidence": "41 of 60 requests took longer within 5m: at least 30%, 99.9% sure",
    "response_time": "within 5 minutes",
    "since": "2026-01-02 03:04:05 UTC",
    "duration": "15m 0s",
    "runbook_url": "http://runbook.example.com/FeatureExtractionLatencyCritical",
    "dashboard_url": "http://grafana.example.com/d/featurewatch-overview?var-extractor=a%20b",
    "console_url": "http://console.example.com/alerts?alertname=FeatureExtractionLatencyCritical",
}
ALERTS_PAGE = "http://alertmanager.example.com/#/alerts"


class Chain:
    """An Alertmanager with the generated configuration, and those that it tells.

    settings: sections of the configuration that take the place of those of _settings.
    on_message: gets the channel and content of each message.
    """

    def __init__(self, root, folder, exit_stack, settings=None, on_message=None):
        self._processes = exit_stack.enter_context(Processes(folder / "logs"))
        self.mailbox = exit_stack.enter_context(Mailbox(on_message=on_message))
        self.slack = exit_stack.enter_context(SlackStandIn(on_message=on_message))
        self.managers_slack = exit_stack.enter_context(SlackStandIn(on_message=on_message))
        self.pagerduty = exit_stack.enter_context(PagerDutyStandIn(on_message=on_message))
        self.url = f"http://127.0.0.1:{free_port()}"
        overlay = folder / "overlay.yaml"
        overlay.write_text(yaml.safe_dump(self._settings(root, folder) | (settings or {})))
        generate.write(generate.generate(load_config(root, [overlay]), root), folder)
        self._start(root, folder)

    def _settings(self, root, folder):
        def secret(name, text):
            (folder / name).write_text(text)
            return str(folder / name)

        everywhere = {
            "channels": ["email", "slack", "pagerduty"],
            "recipients": ["on_call_engineer", "engineering_manager"],
            "response_time": "immediate",
        }
        return {
            "metrics": {"identity": ["extractor", "cluster"]},
            "alerts": {"FeatureExtractionErrorRateHigh": {"auto_resolve": False}},
            "correlation": {"enabled": False},
            "escalation": {"policies": {"default": {"levels": [everywhere]}}},
            "recipients": {
                "on_call_engineer": {
                    "slack_mention": MENTION,
                    "pagerduty_routing_key_file": secret("key-1", "1" * 32),
                },
                "engineering_manager": {
                    "slack_api_url_file": secret("slack-2", self.managers_slack.url),
                    "pagerduty_routing_key_file": secret("key-2", "2" * 32),
                },
            },
            "channels": {
                "dashboard": {"enabled": False},
                "email": {"smarthost": self.mailbox.address, "require_tls": False},
                "slack": {"api_url_file": secret("slack-1", self.slack.url)},
                "pagerduty": {"url": self.pagerduty.url},
            },
            "routing": {
                "people": {"group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"},
                "severities": {"critical": {"group_interval": "1s"}},
            },
            "links": LINKS,
            "templates_path": str(root / "alertmanager/templates/*.tmpl"),
            "responses": {"enabled": False},
        }

    def _start(self, root, folder):
        program = programs.find(programs.ALERTMANAGER, root)
        options = {
            "config.file": folder / generate.ALERTMANAGER,
            "storage.path": folder / "data",
            "web.listen-address": self.url.removeprefix("http://"),
            "web.external-url": "http://alertmanager.example.com",
            "web.route-prefix": "/",
            "cluster.listen-address": "",
        }
        self._processes.start_program("alertmanager", program, root, options)
        self._processes.wait_until("alertmanager starts", self._ready, PATIENCE_SECONDS)

    def _ready(self):
        try:
            return requests.get(f"{self.url}/-/ready", timeout=ANSWER_SECONDS).ok
        except requests.ConnectionError:
            return False

    def send(self, *alerts):
        """Hand alerts to Alertmanager, as Prometheus does."""
        answer = requests.post(f"{self.url}/api/v2/alerts", json=alerts, timeout=ANSWER_SECONDS)
        assert answer.ok, answer.text

    def resolve(self, *alerts):
        """Tell Alertmanager that these alerts are over."""
        now = datetime.now(UTC).isoformat()
        self.send(*(alert | {"endsAt": now} for alert in alerts))

    def wait_until(self, what, condition):
        """Wait for a condition, half a minute at most."""
        self._processes.wait_until(what, condition, PATIENCE_SECONDS)

    def holds(self, name, **labels):
        """Whether Alertmanager still has something to tell of this alert, of a group with these."""
        groups = requests.get(f"{self.url}/api/v2/alerts/groups", timeout=ANSWER_SECONDS).json()
        return any(
            name in group["labels"]["alertname"] and labels.items() <= group["labels"].items()
            for group in groups
        )

    def told(self, name, state=""):
        """What arrived about an alert: Slack's attachments, mails, PagerDuty's events."""
        start = f"[{state}"
        sent = self.slack.messages() + self.managers_slack.messages()
        attachments = [message["attachments"][0] for message in sent]
        mails = self.mailbox.messages()
        events = self.pagerduty.messages()
        return (
            [a for a in attachments if name in a["title"] and start in a["title"]],
            [m for m in mails if name in m["Subject"] and start in m["Subject"]],
            [
                e
                for e in events
                if name in e["payload"]["summary"] and start in e["payload"]["summary"]
            ],
        )

    def heard(self, name, state=""):
        """The same for the first recipient, once both recipients have heard on every channel."""
        self.wait_until(
            f"everyone hears of {name}",
            lambda: all(len(messages) >= 2 for messages in self.told(name, state)),
        )
        return tuple(messages[0] for messages in self.told(name, state))


def an_alert(name, annotations=ANNOTATIONS, **labels):
    """One of ours, of a level that reaches two people on every channel."""
    ours = {
        "alertname": name,
        "extractor": "a b",
        "cluster": "west",
        "severity": "critical",
        # One of its own, so that no critical alert of another test mutes it.
        "category": name,
        "type": "latency",
        "escalation_policy": "latency_violation",
        "escalation_level": "3",
    }
    return {"labels": ours | labels, "annotations": annotations}


class Page(HTMLParser):
    """Tags, links and text of a mail."""

    def __init__(self, message):
        super().__init__()
        self.tags, self.links, self.text = set(), [], []
        self.feed(message.get_body(("html",)).get_content())

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name == "href"]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data):
        self.text.append(data)


def plain(message):
    return message.get_body(("plain",)).get_content().replace("\r\n", "\n")


def details(event):
    """PagerDuty's custom details as people see them: newer Alertmanagers make numbers of digits."""
    found = event["payload"]["custom_details"].items()
    return {name: "" if value is None else str(value).strip() for name, value in found}


def matchers(link):
    """What Alertmanager's page makes of a link to its form: it decodes percents, then JSON."""
    address = urlsplit(link)
    assert (address.scheme, address.netloc) == ("http", "alertmanager.example.com")
    path, _, query = address.fragment.partition("?filter=")
    assert path == "/silences/new"
    assert "+" not in query
    found = re.findall(r'(\w+)=("(?:\\.|[^"\\])*")[,}]', unquote(query))
    return {name: json.loads(value) for name, value in found}
