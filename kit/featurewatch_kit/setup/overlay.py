"""The settings that `featurewatch init` writes: small, commented, to be changed by hand."""

import json
from pathlib import Path

from featurewatch_kit.setup.answers import Answers

SETTINGS, USERS = "featurewatch.yaml", "users.yaml"
SECRETS, GENERATED, DATA = "secrets", "generated", "data"
RECEIVER_TOKEN, SLACK_URL = "receiver-token", "slack-webhook-url"
ON_CALL_KEY, MANAGER_KEY = "pagerduty-on-call", "pagerduty-managers"

TEXT = """\
# What differs from the defaults, which `featurewatch defaults` prints with every key explained.
# After a change: featurewatch check, then featurewatch generate (README: Put it on your service).

scrape:
  # Where services show their metrics: {names}.
  targets: {targets}
  rule_files: [{generated}/rules/generated/featurewatch_*.yaml]
  alertmanagers: [localhost:9093]

# Who is told. Which of them at which level, and when: escalation.policies.
recipients:
{recipients}
channels:
  email: {email}
  slack: {slack}
  pagerduty: {pagerduty}

links:
  # null: no Grafana.
  grafana: {grafana}
  # As people's browsers reach them; these four are this machine alone.
  console: http://localhost:9099
  runbook: http://localhost:9099/runbook/
  prometheus: http://localhost:9090
  alertmanager: http://localhost:9093

templates_path: {generated}/alertmanager/templates/*.tmpl
receiver:
  # Where it listens, and as Alertmanager reaches it; the other two as it reaches them.
  listen: 127.0.0.1:9099
  url: http://localhost:9099
  alertmanager_url: http://localhost:9093
  prometheus_url: http://localhost:9090
  token_file: {secrets}/{receiver_token}
  database: sqlite:///{data}/receiver.db
access:
  # `featurewatch-receiver token` makes a line for each person.
  users_file: {users}

# Record only. Before you switch it on, write what may be touched (docs/automation.md).
responses:
  enabled: false
# The examples of the defaults are no services of yours.
targets: {{feature_extractor: null}}
backends: {{feature_server: null}}
"""


def overlay(answers: Answers, folder: Path) -> str:
    """Text of the settings for that folder, an absolute path."""
    return TEXT.format(
        names=", ".join(answers.extractors),
        targets=json.dumps([*answers.extractors.values()]),
        recipients=_recipients(answers, folder),
        email=_flow(_email(answers)),
        slack=_flow(_slack(answers, folder)),
        pagerduty=_flow({"enabled": answers.pagerduty}),
        grafana=json.dumps(answers.grafana),
        generated=folder / GENERATED,
        secrets=folder / SECRETS,
        data=folder / DATA,
        users=folder / USERS,
        receiver_token=RECEIVER_TOKEN,
    )


def secret_names(answers: Answers) -> list[str]:
    """Files for secrets that only people know."""
    slack = [SLACK_URL] if answers.slack else []
    return slack + ([ON_CALL_KEY, MANAGER_KEY] if answers.pagerduty else [])


def _recipients(answers: Answers, folder: Path) -> str:
    people = (
        ("monitoring_team", answers.email, None),
        ("on_call_engineer", answers.on_call, ON_CALL_KEY),
        ("engineering_manager", answers.manager, MANAGER_KEY),
    )
    lines = []
    for name, email, key in people:
        ways: dict[str, object] = {"email": email, "slack": answers.slack}
        if key:
            place = str(folder / SECRETS / key)
            ways["pagerduty_routing_key_file"] = place if answers.pagerduty else None
        lines.append(f"  {name}: {_flow(ways)}\n")
    return "".join(lines)


def _email(answers: Answers) -> dict[str, object]:
    here = answers.smarthost.rpartition(":")[0] in ("localhost", "127.0.0.1")
    return {"smarthost": answers.smarthost, "from": answers.sender} | (
        {"require_tls": False} if here else {}
    )


def _slack(answers: Answers, folder: Path) -> dict[str, object]:
    if answers.slack is None:
        return {"enabled": False}
    return {"api_url_file": str(folder / SECRETS / SLACK_URL)}


def _flow(entries: dict[str, object]) -> str:
    """On one line, as YAML: each value as JSON, which is YAML too."""
    pairs = ", ".join(f"{key}: {json.dumps(value)}" for key, value in entries.items())
    return "{" + pairs + "}"
