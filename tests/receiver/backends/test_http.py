"""The backend `http` speaks docs/http-backend.md; the server's part is examples/feature_server."""

from collections.abc import Iterator
from typing import Any

import pytest

from featurewatch_receiver.backends.base import (
    Caches,
    Deployment,
    Deployments,
    Resources,
    Training,
    Trainings,
    TrainingState,
)
from featurewatch_receiver.backends.http import HttpClient
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import HttpBackend as Settings
from featurewatch_receiver.errors import (
    TargetAnswerInvalidError,
    TargetChangedError,
    TargetRefusedError,
    TargetSilentError,
)
from receiver.replay import Exchange, Replay, replaying

FE = {"name": "fe", "replicas": 2, "ready_replicas": 2, "generation": 7}
KEY = "episode:restart_deployment:1"


@pytest.fixture
def server() -> Iterator[Replay]:
    with replaying() as replay:
        yield replay


@pytest.fixture
def backend(server: Replay) -> Iterator[HttpClient]:
    settings = Settings(
        kind="http", url=f"{server.url}/admin", token_file=None, request_timeout="2s"
    )
    backend = HttpClient(settings, None, Deadline(60))
    yield backend
    backend.close()


def exchange(line: str, asked: Any, status: int, answer: Any) -> Exchange:
    method, path = line.split()
    return Exchange(
        name=line,
        method=method,
        path=f"/admin{path}",
        asked=asked,
        status=status,
        answer=answer,
        content_type="application/json",
    )


def test_it_offers_all_but_resources(backend: HttpClient) -> None:
    assert isinstance(backend, Deployments)
    assert isinstance(backend, Caches)
    assert isinstance(backend, Trainings)
    assert not isinstance(backend, Resources)


def test_a_deployment_is_settled_when_all_are_ready(backend: HttpClient, server: Replay) -> None:
    server.expect(exchange("GET /deployments/fe", None, 200, FE))
    assert backend.deployment("fe") == Deployment(replicas=2, ready_replicas=2, generation="7")
    later = FE | {"ready_replicas": 1, "restart_key": KEY}
    server.expect(exchange("GET /deployments/fe", None, 200, later))
    seen = backend.deployment("fe")
    assert (seen.settled, seen.restart_key) == (False, KEY)


def test_scaling_names_the_number_that_is_expected(backend: HttpClient, server: Replay) -> None:
    body = {"replicas": 3, "expected_replicas": 2}
    server.expect(exchange("PUT /deployments/fe", body, 200, FE | {"replicas": 3}))
    assert backend.scale("fe", 3, expected=2).replicas == 3
    server.expect(exchange("PUT /deployments/fe", body, 409, {"error": "4 replicas are set"}))
    with pytest.raises(TargetChangedError, match="4 replicas are set"):
        backend.scale("fe", 3, expected=2)


def test_a_restart_bears_its_key_and_is_looked_at(backend: HttpClient, server: Replay) -> None:
    begun = FE | {"ready_replicas": 0, "generation": 8, "restart_key": KEY}
    server.expect(
        exchange("POST /deployments/fe/restart", None, 202, {"generation": 8}),
        exchange("GET /deployments/fe", None, 200, begun),
    )
    asked = backend.restart("fe", KEY)
    assert (asked.generation, asked.settled, asked.restart_key) == ("8", False, KEY)
    assert server.sent[0].headers["Idempotency-Key"] == KEY


def test_what_cannot_be_seen_after_a_restart_counts_as_silence_and_not_as_a_refusal(
    backend: HttpClient, server: Replay
) -> None:
    server.expect(
        exchange("POST /deployments/fe/restart", None, 202, {"generation": 8}),
        exchange("GET /deployments/fe", None, 503, {"error": "busy"}),
    )
    with pytest.raises(TargetSilentError, match="answered 503"):
        backend.restart("fe", KEY)


def test_a_restart_cannot_be_taken_back(backend: HttpClient, server: Replay) -> None:
    with pytest.raises(TargetRefusedError, match="can't take a restart back"):
        backend.undo_restart("fe", None)
    assert server.sent == []


def test_a_training_is_started_under_a_key_and_followed(
    backend: HttpClient, server: Replay
) -> None:
    facts = {"alertname": 'A "name"'}
    server.expect(
        exchange("POST /models/cnn/retrain", {"facts": facts}, 202, {"run_id": "run/17"}),
        exchange("GET /models/cnn/retrain/run%2F17", None, 200, {"state": "running"}),
        exchange("GET /models/cnn/retrain/run%2F17", None, 200, {"state": "succeeded"}),
        exchange("GET /models/cnn/retrain/other", None, 404, {"error": "no retraining"}),
    )
    started = backend.start_training("cnn", "ours", facts)
    assert started == Training(run_id="run/17", state=TrainingState.RUNNING)
    assert server.sent[0].headers["Idempotency-Key"] == "ours"
    done = backend.training("cnn", "run/17")
    assert done == Training(run_id="run/17", state=TrainingState.SUCCEEDED)
    assert backend.training("cnn", "other") is None


@pytest.mark.parametrize("status", [404, 503])
def test_a_training_that_cannot_be_seen_yet_is_under_way(
    backend: HttpClient, server: Replay, status: int
) -> None:
    server.expect(
        exchange("POST /models/cnn/retrain", {"facts": {}}, 202, {"run_id": "17"}),
        exchange("GET /models/cnn/retrain/17", None, status, {"error": "not yet"}),
    )
    assert backend.start_training("cnn", "ours", {}).state is TrainingState.RUNNING


def test_a_state_outside_the_contract_is_refused(backend: HttpClient, server: Replay) -> None:
    server.expect(exchange("GET /models/cnn/retrain/1", None, 200, {"state": "paused"}))
    with pytest.raises(TargetAnswerInvalidError, match=r"answered .*paused"):
        backend.training("cnn", "1")
