"""Restarts and training runs of a service that keeps to docs/http-backend.md and no more."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from waiting import eventually

from receiver.in_process import Receiver
from receiver.payloads import Json, alert
from receiver.target import Target

ERRORS, FALLBACK = "FeatureExtractionErrorRateHigh", "FeatureExtractionFallbackUsageHigh"


@dataclass
class Service(Target):
    """It tells no restart_key, names training runs itself, and knows keys that it has seen."""

    generation: int = 1
    state: str = "running"

    def answer(self, method: str, path: str, body: Any, key: str) -> tuple[int, dict[str, Any]]:
        if method == "POST" and path.endswith("/restart"):
            self._once(key, "restart", {"generation": self.generation + 1})
            self.generation = max(self.generation, self.keys[key]["generation"])
            return 202, self.keys[key]
        if method == "POST" and path.endswith("/retrain"):
            self._once(key, "train", {})
            return 202, {"run_id": "run-17"}
        if "/retrain/" in path:
            known = path.endswith("/run-17")
            return (200, {"state": self.state}) if known else (404, {"error": "no such run"})
        status, answer = super().answer(method, path, body, key)
        return status, answer | ({"generation": self.generation} if "replicas" in answer else {})

    def _once(self, key: str, effect: str, answer: dict[str, int]) -> None:
        if key not in self.keys:
            self.keys[key] = answer
            self.effects.append(effect)


@pytest.fixture
def target() -> Service:
    return Service()


@pytest.fixture
def respond(make_receiver: Callable[[], Receiver], settings: Json) -> Callable[[str], Receiver]:
    """Turn an action on, and report its alert."""

    def begin(action: str) -> Receiver:
        settings["responses"]["actions"][action]["mode"] = "auto"
        settings["alerts"][FALLBACK] = {"responses": ["trigger_retraining"], "decay": "5m"}
        receiver = make_receiver()
        receiver.start()
        receiver.deliver(alert(ERRORS if action == "restart_deployment" else FALLBACK))
        return receiver

    return begin


def test_a_restart_is_over_when_the_new_generation_is_ready(
    respond: Callable[[str], Receiver], target: Service
) -> None:
    working = respond("restart_deployment")
    done = working.finished()
    assert (done["state"], done["reason"]) == ("done", None)
    assert (target.effects, target.generation) == (["restart"], 2)


@pytest.mark.parametrize(
    ("state", "became"), [("succeeded", ("done", None)), ("failed", ("failed", "rollout_failed"))]
)
def test_a_training_run_is_followed_by_the_services_own_name(
    respond: Callable[[str], Receiver],
    settings: Json,
    target: Service,
    state: str,
    became: tuple[str, str | None],
) -> None:
    settings["responses"]["actions"]["trigger_retraining"]["wait"] = True
    working = respond("trigger_retraining")
    eventually(lambda: sum(path.endswith("/run-17") for _, path, *_ in target.requests) > 1)
    target.state = state
    done = working.finished()
    assert ((done["state"], done["reason"]), target.effects) == (became, ["train"])
