"""One search of the log by an episode's id finds its whole story, from a process as it is run."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from waiting import ANSWER_SECONDS, eventually

from receiver.in_process import TOKEN
from receiver.live_alertmanager import LiveAlertmanager
from receiver.payloads import Json, payload
from receiver.people import RESPONDER
from receiver.processes import Replica, Replicas
from receiver.target import Target

# Two looks at Alertmanager, 15 s apart, on a busy machine.


@pytest.fixture
def served(
    settings: Json, live: LiveAlertmanager, write_config: Callable[[], Path], tmp_path: Path
) -> Iterator[Replica]:
    """A receiver beside a real Alertmanager; what it scales up is leased."""
    token = tmp_path / "own-token"  # Alertmanager's has the name that the settings say
    token.write_text(TOKEN)
    settings["receiver"] |= {"listen": "127.0.0.1:0", "alertmanager_url": live.url}
    settings["receiver"] |= {"token_file": str(token)}
    settings["targets"]["extractor"] = settings["targets"]["feature_extractor"]
    settings["responses"]["actions"]["scale_up_deployment"]["lease"] = "30m"
    replicas = Replicas(write_config(), tmp_path)
    replica = replicas.start()
    replica.ready()
    yield replica
    replicas.close()


def deliver(replica: Replica, live: LiveAlertmanager) -> None:
    """Hand over what Alertmanager has, as it would."""
    firing = [alert | {"status": "firing"} for alert in live.alerts()]
    assert replica.post(payload(*firing)) == 200


def story(replica: Replica, episode: str) -> list[Json]:
    """What grep finds."""
    return [json.loads(line) for line in replica.log.read_text().splitlines() if episode in line]


def told(lines: list[Json], event: str, *fields: str) -> list[tuple[Any, ...]]:
    return [tuple(line[f] for f in fields) for line in lines if line["event"] == event]


def test_one_search_finds_alert_decision_steps_notification_and_acknowledgement(
    served: Replica, live: LiveAlertmanager, target: Target
) -> None:
    live.fire()
    live.fire(alertname="FeatureExtractionLatencyHigh", severity="high")  # another episode
    deliver(served, live)
    (done,) = eventually(lambda: [r for r in served.remediations() if r["finished_at"]])
    episode = done["id"].partition(":")[0]
    url = f"{served.url}/api/v1/episodes/{episode}/acknowledge"
    said = {"reason": "looking into it"}
    assert (
        requests.post(url, json=said, headers=RESPONDER, timeout=ANSWER_SECONDS).status_code == 200
    )

    def lines() -> list[Json]:
        return story(served, episode)

    eventually(lambda: told(lines(), "notification"))
    found = lines()
    assert told(found, "alert", "episode", "outcome", "alertname") == [
        (episode, "opened", "FeatureExtractionLatencyCritical")
    ]
    states = ["planned", "running", "verifying", "done"]
    assert told(found, "remediation", "episode", "id", "state") == [
        (episode, done["id"], state) for state in states
    ]
    assert told(found, "lease begun", "episode", "id") == [(episode, done["id"])]
    assert told(found, "act", "act", "subject", "actor") == [("acknowledge", episode, "ada")]
    assert told(found, "notification", "episode", "escalation_level", "receiver", "status") == [
        (episode, 1, "latency_violation-level-1", "firing")
    ]
    assert found[0]["event"] == "alert"
    assert target.effects == ["scale 2"]
