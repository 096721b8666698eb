"""The `http_job` backend: training runs of any system that starts and tells of them over HTTP."""

import json
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from featurewatch_receiver.backends.base import Training, TrainingState
from featurewatch_receiver.backends.placeholders import fill, fill_url
from featurewatch_receiver.backends.rest import Rest, RestAnswer, short
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import HttpJobBackend as Settings
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.errors import (
    TargetAnswerInvalidError,
    TargetBlindError,
    TargetRefusedError,
)

# An Argo workflow tells of each of its steps.
MAX_ANSWER_BYTES = 1024 * 1024
_NOT_FOUND = 404
#: What is found in an empty list of runs.
_NO_RUN = object()


class HttpJobClient:
    """Starts runs by one request and looks at them by another. It is Trainings."""

    def __init__(self, settings: Settings, secret: str | None, deadline: Deadline):
        """`secret` is the token, or with `login` the password that a token is had for."""
        self._settings = settings
        self._secret = secret
        self._deadline = deadline
        self._token: str | None = None if settings.login else secret
        #: The system's ids of the runs that were started here, by ours.
        self._started: dict[str, str] = {}

    def start_training(self, model: str, run_id: str, facts: dict[str, str]) -> Training:
        """Start a run. One that the system knows already by this id is no failure."""
        words = {**facts, "model": model, "run_id": run_id}
        settings = self._settings
        answer = self._call("POST", settings.url, words, json=fill(settings.body, words))
        detail = ""
        error = self._error(answer) if answer.status in settings.ok else str(answer)
        if not error:
            self._started[run_id] = self._named(answer, run_id)
        elif self._is_known(answer, words):
            detail = "was there already"
        else:
            raise TargetRefusedError(error)
        name = self._started.get(run_id, run_id)
        return Training(run_id=name, state=TrainingState.RUNNING, detail=detail)

    def training(self, model: str, run_id: str) -> Training | None:
        """Look at a run, by our id."""
        status, settings = self._settings.status, self._settings
        name = self._started.get(run_id) if settings.run_id_path else run_id
        if status is None or name is None:
            if settings.idempotent and run_id not in self._started:
                return None  # starting it once more does no harm
            raise TargetBlindError(f"POST {settings.url} tells nothing of run {run_id}")
        answer = self._call("GET", status.url, {"model": model, "run_id": name})
        if answer.status == _NOT_FOUND:
            return None
        answer.demand_ok()
        if error := self._error(answer):
            raise TargetRefusedError(error)
        found = _at(answer, status.path, beyond=_NO_RUN)
        if found is _NO_RUN:
            return None
        word = str(found or "")
        message = _at(answer, status.message_path) if status.message_path else None
        detail = f"{word}: {short(str(message))}" if message else word
        return Training(run_id=name, state=self._state(answer, word), detail=detail)

    def close(self) -> None:
        """Do nothing: a connection ends with its exchange."""

    def _state(self, answer: RestAnswer, word: str) -> TrainingState:
        status = self._settings.status
        assert status is not None  # noqa: S101  # it told the word
        for state, words in (
            (TrainingState.RUNNING, status.running),
            (TrainingState.SUCCEEDED, status.success),
            (TrainingState.FAILED, status.failure),
        ):
            if word in words:
                return state
        message = f"{answer.what}: {short(word)!r} is neither running, success nor failure"
        raise TargetAnswerInvalidError(message)

    def _error(self, answer: RestAnswer) -> str:
        """The error that an answer tells though its status is none; empty for none."""
        path = self._settings.error_path
        told = _at(answer, path) if path else None
        return f"{answer.what}: {path} says {short(_text(told))}" if told else ""

    def _named(self, answer: RestAnswer, run_id: str) -> str:
        """The system's id of a run that it has accepted."""
        path = self._settings.run_id_path
        if path is None:
            return run_id
        if name := _at(answer, path):
            return str(name)
        raise TargetAnswerInvalidError(f"{answer} ({path} is missing)")

    def _is_known(self, answer: RestAnswer, words: dict[str, str]) -> bool:
        body = answer.body.decode("utf-8", "replace")
        return any(
            answer.status == known.status and str(fill(known.match, words)) in body
            for known in self._settings.already
        )

    def _call(
        self, method: str, url: str, words: dict[str, str], *, json: Any = None
    ) -> RestAnswer:
        headers = {name: str(fill(v, words)) for name, v in self._settings.headers.items()}
        if token := self._token or self._log_in():
            headers["Authorization"] = f"{self._settings.scheme} {token}".strip()
        return self._exchange(method, fill_url(url, words), headers, json)

    def _log_in(self) -> str | None:
        """Fetch the token of this step."""
        login = self._settings.login
        if login is None:
            return None
        answer = self._exchange(
            "POST", login.url, {}, fill(login.body, {"password": self._secret or ""})
        )
        if not answer.ok:  # some systems repeat what they were sent
            raise TargetRefusedError(f"{answer.what}: answered {answer.status}")
        token = _at(answer, login.token_path)
        if not isinstance(token, str) or not token.isprintable() or not token:
            raise TargetAnswerInvalidError(f"{answer.what}: {login.token_path} is no token")
        self._token = token
        return token

    def _exchange(self, method: str, url: str, headers: dict[str, str], body: Any) -> RestAnswer:
        address = urlsplit(url)
        rest = Rest(
            f"{address.scheme}://{address.netloc}",
            timeout=seconds(self._settings.request_timeout),
            token=None,
            deadline=self._deadline,
            max_bytes=MAX_ANSWER_BYTES,
        )
        path = address._replace(scheme="", netloc="", fragment="").geturl() or "/"
        with closing(rest):
            return rest.call(method, path, json=body, headers=headers)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _at(answer: RestAnswer, path: str, *, beyond: object = None) -> Any:
    """Value at a path of keys and places in lists with dots between.

    None where nothing is; `beyond` where a list is shorter than that.
    """
    try:
        value = json.loads(answer.body)
    except ValueError as error:
        # A token may be in there.
        raise TargetAnswerInvalidError(f"{answer.what}: the answer is no JSON") from error
    for key in path.split("."):
        if isinstance(value, list) and key.isdecimal():
            if int(key) >= len(value):
                return beyond
            value = value[int(key)]
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value
