"""Whatever policies the members of an incident have, its last level lets none of them through.

Every pair of policies, each on the real Alertmanager.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from waiting import ANSWER_SECONDS, PATIENCE_SECONDS, eventually

from featurewatch_kit import generate, programs
from featurewatch_kit.demo.processes import Processes, free_port
from featurewatch_kit.project import load_config

Labels = dict[str, str]
Json = dict[str, Any]
CASCADE = "FeatureExtractionLatencyCascade"
CRITICAL = "FeatureExtractionLatencyCritical"
RESOURCES = "FeatureExtractionResourcesCritical"
#: The strictest first: who pages soonest, then who is on Slack soonest.
POLICIES = ("resource_critical", "latency_violation", "error_rate_spike", "default")
PAIRS = list(product(POLICIES, POLICIES))


class Quiet:
    """An Alertmanager that tells nobody, on one configuration after the other."""

    def __init__(self, root: Path, folder: Path, processes: Processes) -> None:
        self._root, self._file = root, folder / "alertmanager.yaml"
        self.url = f"http://127.0.0.1:{free_port()}"
        self._file.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
        options = {
            "config.file": self._file,
            "storage.path": folder / "data",
            "web.listen-address": self.url.removeprefix("http://"),
            "cluster.listen-address": "",
        }
        program = programs.find(programs.ALERTMANAGER, root)
        processes.start_program("alertmanager", program, root, options)
        processes.wait_until("alertmanager starts", self._is_ready, PATIENCE_SECONDS)

    def load(self, files: dict[str, str]) -> None:
        config = yaml.safe_load(files[generate.ALERTMANAGER])
        config["receivers"] = [{"name": each["name"]} for each in config["receivers"]]
        self._file.write_text(yaml.safe_dump(config | {"global": {}, "templates": []}))
        requests.post(f"{self.url}/-/reload", timeout=ANSWER_SECONDS).raise_for_status()

    def send(self, alerts: list[Labels]) -> None:
        body = [{"labels": labels} for labels in alerts]
        answer = requests.post(f"{self.url}/api/v2/alerts", json=body, timeout=ANSWER_SECONDS)
        answer.raise_for_status()

    def active(self, extractor: str) -> list[str]:
        """Name and level of what is told of this extractor."""
        query = {"filter": f'extractor="{extractor}"'}
        answer = requests.get(f"{self.url}/api/v2/alerts", query, timeout=ANSWER_SECONDS)
        labels = [a["labels"] for a in answer.json() if a["status"]["state"] == "active"]
        return sorted(f"{one['alertname']} level {one['escalation_level']}" for one in labels)

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/-/ready", timeout=ANSWER_SECONDS).ok
        except requests.ConnectionError:
            return False


@pytest.fixture(scope="module")
def quiet(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quiet]:
    folder = tmp_path_factory.mktemp("incidents")
    with Processes(folder / "logs") as processes:
        yield Quiet(root, folder, processes)


def generated(root: Path, folder: Path, latency: str, resources: str) -> dict[str, str]:
    """All files, with these policies for two members of one incident."""
    all_levels = {"escalation_required": True, "max_escalation_levels": 3}
    alerts = {
        CRITICAL: {"escalation": latency, **all_levels},
        RESOURCES: {"escalation": resources, **all_levels},
    }
    overlay = folder / "overlay.yaml"
    overlay.write_text(yaml.safe_dump({"alerts": alerts}))
    return generate.generate(load_config(root, [overlay]), root)


def levels(files: dict[str, str], extractor: str) -> list[Labels]:
    """Labels of each level of the incident and of its members, as the rules have them."""
    groups = yaml.load(files[generate.ALERTS], Loader=yaml.CSafeLoader)["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    rules += [
        rule
        for group in yaml.load(files[generate.RULES], Loader=yaml.CSafeLoader)["groups"]
        for rule in group["rules"]
    ]
    members = {CASCADE, CRITICAL, RESOURCES}
    return [
        {"alertname": rule["alert"], "extractor": extractor} | rule["labels"]
        for rule in rules
        if rule.get("alert") in members
    ]


@pytest.mark.parametrize(("latency", "resources"), PAIRS)
def test_the_last_level_of_an_incident_mutes_every_level_of_its_members(
    quiet: Quiet, root: Path, tmp_path: Path, latency: str, resources: str
) -> None:
    extractor = f"{latency}-and-{resources}"
    files = generated(root, tmp_path, latency, resources)
    found = levels(files, extractor)
    strictest = next(policy for policy in POLICIES if policy in {latency, resources})
    form = {"alertname": CASCADE, "severity": "critical", "escalation_policy": strictest}
    incident = [labels for labels in found if labels.items() >= form.items()]
    members = [labels for labels in found if labels["alertname"] != CASCADE]
    assert {labels["escalation_policy"] for labels in members} == {latency, resources}
    quiet.load(files)
    quiet.send(incident + members)
    last = max(int(labels["escalation_level"]) for labels in incident)
    eventually(lambda: quiet.active(extractor) == [f"{CASCADE} level {last}"])
