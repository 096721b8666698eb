"""The real chain: feature server, Prometheus, Alertmanager, receiver, two incidents."""

import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from waiting import eventually

from featurewatch_kit.demo.clients import Client, Prometheus
from featurewatch_kit.demo.incident import Incidents
from featurewatch_kit.demo.stack import Stack
from featurewatch_kit.demo.timeline import Timeline

pytestmark = pytest.mark.e2e


@dataclass
class Story:
    """What both incidents left behind, read before the stack went down."""

    stack: Stack
    held: list[dict[str, float]]
    timeline: str
    mails: list[Any]
    slack: list[dict[str, Any]]
    pagerduty: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    remediations: list[dict[str, Any]]
    ports: list[int] = field(default_factory=list)

    def runs(self, action: str) -> list[dict[str, Any]]:
        """Every remediation of an action."""
        return [r for r in self.remediations if r["action"] == action]


@pytest.fixture(scope="module")
def story(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    out = StringIO()
    timeline = Timeline(out)
    folder = tmp_path_factory.mktemp("chain")
    with ExitStack() as exit_stack:
        stack = exit_stack.enter_context(Stack(root, folder, on_message=timeline.notification))
        # Shown where a link fails.
        exit_stack.callback(lambda: print(out.getvalue()))
        incidents = Incidents(stack, timeline)
        first = incidents.fixed_by_itself(time.monotonic() + 600)
        second = incidents.needs_people(time.monotonic() + 600)
        urls = stack.urls
        eventually(lambda: _all_ended(stack.pagerduty.messages()))
        told = Story(
            stack=stack,
            held=[first, second],
            timeline=out.getvalue(),
            mails=stack.mailbox.messages(),
            slack=stack.slack.messages(),
            pagerduty=stack.pagerduty.messages(),
            remediations=Client(urls.receiver, stack.person_token).get("/api/v1/remediations")[
                "remediations"
            ],
            rules=Prometheus(urls.prometheus).get("/api/v1/rules")["data"]["groups"],
            ports=[int(url.split(":")[2].split("/")[0]) for url in vars(urls).values()],
        )
    return told


def _keys(events: list[dict[str, Any]], action: str) -> set[str]:
    return {event["dedup_key"] for event in events if event["event_action"] == action}


def _all_ended(events: list[dict[str, Any]]) -> bool:
    triggered = _keys(events, "trigger")
    return bool(triggered) and triggered == _keys(events, "resolve")


def test_each_link_of_the_chain_holds_in_order(story: Story) -> None:
    for held in story.held:
        times = list(held.values())
        assert times == sorted(times)
        assert "the service recovers" in held


def test_every_rule_is_evaluated_without_error(story: Story) -> None:
    rules = [rule for group in story.rules for rule in group["rules"]]
    assert rules
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


def test_the_cache_is_cleared_once_and_the_service_recovers_by_it(story: Story) -> None:
    (run,) = [r for r in story.runs("clear_cache") if r["state"] != "skipped"]
    assert run["state"] == "effective"
    assert run["values_before"]["cache_hit_ratio"] < 0.85 < run["values_after"]["cache_hit_ratio"]


def test_an_action_that_does_not_help_is_said_to_and_people_are_paged_at_once(story: Story) -> None:
    (run,) = [r for r in story.runs("scale_up_deployment") if r["state"] != "skipped"]
    assert run["state"] == "ineffective"
    assert run["values_after"]["p95_seconds"] > 0.15
    assert story.pagerduty


def test_what_was_added_is_taken_back_when_all_is_quiet(story: Story) -> None:
    (up,) = [r for r in story.runs("scale_up_deployment") if r["state"] != "skipped"]
    (down,) = story.runs("scale_down_deployment")
    assert (down["origin"], down["state"]) == ("lease", "done")
    assert (down["plan"]["seen"], down["plan"]["replicas"]) == (
        up["plan"]["replicas"],
        up["plan"]["seen"],
    )


def test_people_hear_that_the_action_did_not_help(story: Story) -> None:
    subjects = [" ".join(mail["Subject"].split()) for mail in story.mails]
    assert any("FeaturewatchRemediationFailed" in subject for subject in subjects)


def test_people_get_mail_that_names_value_and_threshold_and_a_resolve(story: Story) -> None:
    subjects = [" ".join(mail["Subject"].split()) for mail in story.mails]
    assert any("FeatureExtraction" in s and not s.startswith("[RESOLVED]") for s in subjects)
    assert any(s.startswith("[RESOLVED]") for s in subjects)
    texts = [mail.get_body(("plain",)).get_content() for mail in story.mails]
    assert "Value:" in texts[0]
    # An incident is compared with no threshold; what comes alone is.
    assert any("Threshold:" in text for text in texts)
    assert not any("<no value>" in text for text in texts)


def test_slack_names_the_level_and_how_soon_to_react(story: Story) -> None:
    attachment = story.slack[0]["attachments"][0]
    fields = {f["title"]: f["value"] for f in attachment["fields"]}
    assert fields["Escalation level"] in {"2", "3"}
    assert fields["Response expected"].startswith("within")


def test_pagerduty_is_told_the_end_of_what_it_was_told(story: Story) -> None:
    triggered = _keys(story.pagerduty, "trigger")
    assert triggered
    assert _keys(story.pagerduty, "resolve") == triggered


def test_the_timeline_tells_the_incident_from_breach_to_resolve(story: Story) -> None:
    for word in ("incident", "breach", "alert", "remediation", "email", "recovery", "resolved"):
        assert f"  {word}" in story.timeline


def test_the_links_of_the_console_lead_to_the_servers_of_the_demo(story: Story) -> None:
    links, urls = story.stack.config.links, story.stack.urls
    assert (links.prometheus, links.alertmanager) == (urls.prometheus, urls.alertmanager)
    assert links.console == urls.receiver


def test_no_port_is_left_open(story: Story) -> None:
    for port in story.ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
