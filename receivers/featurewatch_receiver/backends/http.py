"""The `http` backend: a service with the admin API of docs/http-backend.md."""

import time
from collections.abc import Iterator
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import pydantic
import requests
from pydantic import Field
from urllib3.exceptions import HTTPError, NewConnectionError

from featurewatch_receiver.backends.base import Deployment
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config import HttpBackend as Settings
from featurewatch_receiver.errors import (
    TargetAnswerInvalidError,
    TargetChangedError,
    TargetRefusedError,
    TargetSilentError,
    TargetUnreachableError,
)
from featurewatch_receiver.metrics import package_version
from featurewatch_receiver.values import seconds

MAX_ANSWER_BYTES = 64 * 1024
# A look at the target is worth a moment, even when the action's time is up.
LAST_LOOK_SECONDS = 1.0
_CONFLICT = 409
_LONGEST = 200

Count = Annotated[int, Field(ge=0)]


class DeploymentAnswer(pydantic.BaseModel):
    """The answer about a deployment."""

    model_config = pydantic.ConfigDict(strict=True)
    name: str
    replicas: Count
    ready_replicas: Count
    generation: Count


class ClearAnswer(pydantic.BaseModel):
    """The answer to a cleared cache."""

    model_config = pydantic.ConfigDict(strict=True)
    cleared: Count


Answer = TypeVar("Answer", bound=pydantic.BaseModel)


class HttpBackend:
    """Speaks to one admin API during one remediation."""

    def __init__(self, settings: Settings, token: str | None, deadline: Deadline):
        self._url = settings.url.rstrip("/")
        self._timeout = seconds(settings.request_timeout)
        self._deadline = deadline
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, no .netrc
        self._session.headers["User-Agent"] = f"featurewatch-receiver/{package_version()}"
        self._session.headers["Accept"] = "application/json"
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def deployment(self, name: str) -> Deployment:
        """Look at a deployment."""
        return self._deployment("GET", name)

    def scale(self, name: str, replicas: int, *, expected: int) -> Deployment:
        """Set the number of replicas, provided that it still is `expected`."""
        body = {"replicas": replicas, "expected_replicas": expected}
        return self._deployment("PUT", name, json=body)

    def clear_cache(self, name: str, key: str) -> int:
        """Empty a cache, once per key."""
        path = f"/caches/{quote(name, safe='')}/clear"
        headers = {"Idempotency-Key": key}
        return self._call("POST", path, ClearAnswer, headers=headers).cleared

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _deployment(self, method: str, name: str, **body: Any) -> Deployment:
        path = f"/deployments/{quote(name, safe='')}"
        answer = self._call(method, path, DeploymentAnswer, **body)
        if answer.name != name:
            raise TargetAnswerInvalidError(f"{method} {path}: is about {_short(answer.name)}")
        return Deployment(
            replicas=answer.replicas,
            ready_replicas=answer.ready_replicas,
            generation=answer.generation,
        )

    def _call(self, method: str, path: str, shape: type[Answer], **options: Any) -> Answer:
        what = f"{method} {path}"
        timeout = min(self._timeout, max(self._deadline.left(), LAST_LOOK_SECONDS))
        status, body = self._exchange(what, method, path, timeout, **options)
        if status == _CONFLICT:
            raise TargetChangedError(f"{what}: answered {status} {_short(body)}")
        if not 200 <= status < 300:  # noqa: PLR2004  # a redirect is refused, too
            raise TargetRefusedError(f"{what}: answered {status} {_short(body)}")
        try:
            return shape.model_validate_json(body)
        except pydantic.ValidationError as error:
            fault = error.errors()[0]["msg"]
            raise TargetAnswerInvalidError(f"{what}: answered {_short(body)} ({fault})") from error

    def _exchange(
        self, what: str, method: str, path: str, timeout: float, **options: Any
    ) -> tuple[int, bytes]:
        end = time.monotonic() + timeout
        try:
            with self._session.request(
                method,
                self._url + path,
                timeout=timeout,
                allow_redirects=False,
                stream=True,
                **options,
            ) as response:
                return response.status_code, b"".join(_limited(what, response, end))
        except requests.Timeout as error:
            raise TargetSilentError(f"{what}: no answer within {timeout:.1f} s") from error
        except requests.ConnectionError as error:
            raise _connection_error(what, error) from error
        except (requests.RequestException, HTTPError) as error:
            raise TargetSilentError(
                f"{what}: the answer broke off ({_short(str(error))})"
            ) from error


def _limited(what: str, response: requests.Response, end: float) -> Iterator[bytes]:
    """Return the body piece by piece: neither endless nor dripping for ever."""
    size = 0
    while piece := response.raw.read1(MAX_ANSWER_BYTES, decode_content=True):
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise TargetAnswerInvalidError(f"{what}: the answer exceeds {MAX_ANSWER_BYTES} bytes")
        if time.monotonic() > end:
            raise TargetSilentError(f"{what}: the answer takes too long")
        yield piece


def _connection_error(
    what: str, error: requests.ConnectionError
) -> TargetUnreachableError | TargetSilentError:
    cause = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(cause, NewConnectionError):
        return TargetUnreachableError(
            f"{what}: no connection ({_short(str(cause.__cause__ or cause))})"
        )
    return TargetSilentError(f"{what}: the connection broke off")


def _short(text: str | bytes) -> str:
    """What a stranger sent, on one line and not too long."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
