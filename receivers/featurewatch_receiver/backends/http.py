"""The `http` backend: a service with the admin API of docs/http-backend.md."""

from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote

import pydantic
from pydantic import Field

from featurewatch_receiver.backends.base import Deployment, Training, TrainingState
from featurewatch_receiver.backends.rest import Rest, RestAnswer, short
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import HttpBackend as Settings
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.errors import (
    TargetAnswerInvalidError,
    TargetChangedError,
    TargetRefusedError,
    TargetSilentError,
)

_NOT_FOUND = 404
_CONFLICT = 409

Count = Annotated[int, Field(ge=0)]


class _Shape(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)


class HttpDeploymentAnswer(_Shape):
    """The answer about a deployment."""

    name: str
    replicas: Count
    ready_replicas: Count
    generation: Count
    restart_key: str | None = None


class RestartAnswer(_Shape):
    """The answer to a restart."""

    generation: Count


class ClearAnswer(_Shape):
    """The answer to a cleared cache."""

    cleared: Count


class StartAnswer(_Shape):
    """The answer to the start of a training run."""

    run_id: Annotated[str, Field(min_length=1)]


class TrainingAnswer(_Shape):
    """The answer about a training run."""

    state: Literal["running", "succeeded", "failed"]


Shape = TypeVar("Shape", bound=pydantic.BaseModel)


class HttpClient:
    """Speaks to one admin API. It is Deployments, Caches and Trainings."""

    def __init__(self, settings: Settings, token: str | None, deadline: Deadline):
        self._rest = Rest(
            settings.url, timeout=seconds(settings.request_timeout), token=token, deadline=deadline
        )
        #: What the service calls the runs that were started here, by our ids.
        self._named: dict[str, str] = {}

    def deployment(self, name: str) -> Deployment:
        """Look at a deployment."""
        return self._deployment("GET", name)

    def scale(self, name: str, setpoint: int, *, expected: int) -> Deployment:
        """Set the number of replicas, provided that it still is `expected`."""
        body = {"replicas": setpoint, "expected_replicas": expected}
        return self._deployment("PUT", name, json=body)

    def restart(self, name: str, key: str) -> Deployment:
        """Replace every replica, once per key."""
        path = f"/deployments/{_part(name)}/restart"
        wanted = self._post(path, key).read(RestartAnswer).generation
        try:
            seen = self.deployment(name)
        except TargetRefusedError as error:
            raise TargetSilentError(f"told, and can't be seen since: {error}") from error
        # The service may keep no key, and show the generation of before for a moment.
        settled = seen.settled and int(seen.generation) >= wanted
        return replace(seen, restart_key=seen.restart_key or key, settled=settled)

    def undo_restart(self, name: str, previous_key: str | None) -> Deployment:
        """Refuse: this API has no way back."""
        del previous_key
        raise TargetRefusedError(f"{name}: this API can't take a restart back")

    def clear_cache(self, name: str, key: str) -> int:
        """Empty a cache, once per key."""
        return self._post(f"/caches/{_part(name)}/clear", key).read(ClearAnswer).cleared

    def start_training(self, model: str, run_id: str, facts: dict[str, str]) -> Training:
        """Start a run, once per `run_id`; the answer names the run by the service's own id."""
        path = f"/models/{_part(model)}/retrain"
        started = self._post(path, run_id, json={"facts": facts}).read(StartAnswer)
        self._named[run_id] = started.run_id
        seen = None
        with suppress(TargetRefusedError):
            seen = self.training(model, run_id)
        return seen or Training(run_id=started.run_id, state=TrainingState.RUNNING)

    def training(self, model: str, run_id: str) -> Training | None:
        """Look at a run by the service's own id, where it has told one; else by ours."""
        name = self._named.get(run_id, run_id)
        answer = self._rest.call("GET", f"/models/{_part(model)}/retrain/{_part(name)}")
        if answer.status == _NOT_FOUND:
            return None
        state = TrainingState(_demand(answer).read(TrainingAnswer).state)
        return Training(run_id=name, state=state)

    def close(self) -> None:
        """Close the connections."""
        self._rest.close()

    def _deployment(self, method: str, name: str, **body: Any) -> Deployment:
        path = f"/deployments/{_part(name)}"
        answer = _demand(self._rest.call(method, path, **body)).read(HttpDeploymentAnswer)
        if answer.name != name:
            raise TargetAnswerInvalidError(f"{method} {path}: is about {short(answer.name)}")
        return Deployment(
            replicas=answer.replicas,
            ready_replicas=answer.ready_replicas,
            generation=str(answer.generation),
            settled=answer.ready_replicas == answer.replicas,
            restart_key=answer.restart_key,
        )

    def _post(self, path: str, key: str, **body: Any) -> RestAnswer:
        return _demand(self._rest.call("POST", path, headers={"Idempotency-Key": key}, **body))


def _demand(answer: RestAnswer) -> RestAnswer:
    if answer.status == _CONFLICT:
        raise TargetChangedError(str(answer))
    answer.demand_ok()
    return answer


def _part(name: str) -> str:
    return quote(name, safe="")
