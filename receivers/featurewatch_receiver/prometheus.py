"""A thin client of Prometheus's HTTP API: one query at a time."""

import json
import math
import re
from datetime import datetime
from typing import Any

import pydantic
import requests
from urllib3.exceptions import HTTPError

from featurewatch_receiver.alertmanager import cause_of
from featurewatch_receiver.errors import PrometheusError
from featurewatch_receiver.text import one_line
from featurewatch_receiver.version import package_version

TIMEOUT_SECONDS = 5.0


class _Sample(pydantic.BaseModel):
    metric: dict[str, str]
    value: tuple[float, str]


class _Data(pydantic.BaseModel):
    result: list[_Sample]


class _Answer(pydantic.BaseModel):
    data: _Data


class _Series(pydantic.BaseModel):
    values: list[tuple[float, str]]


class _Matrix(pydantic.BaseModel):
    result: list[_Series]


class _RangeAnswer(pydantic.BaseModel):
    data: _Matrix


class Prometheus:
    """One Prometheus at `url`, which may hold a path prefix and a login (http://name:word@host).

    Thanos and Mimir answer in the same way.
    """

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS):
        self._timeout = timeout
        self._url = url.rstrip("/")
        # Without the login, which must not get into messages.
        self._name = one_line(re.sub("//[^/]*@", "//", self._url))
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, no .netrc
        self._session.headers["User-Agent"] = f"featurewatch/{package_version()}"

    def values(self, query: str) -> list[float]:
        """Values of an instant vector; those that are not a number are left out.

        Raises:
            PrometheusError: there is no answer, or not the one that was asked for.

        """
        found = [value for _, value in self.samples(query)]
        return [value for value in found if not math.isnan(value)]

    def samples(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series of an instant vector.

        Raises:
            PrometheusError: there is no answer, or not the one that was asked for.

        """
        try:
            answer = _Answer.model_validate_json(self._ask(query))
            return [(sample.metric, float(sample.value[1])) for sample in answer.data.result]
        except ValueError as error:
            raise self._error("does not answer as Prometheus does; is the URL right?") from error

    def course(
        self, query: str, start: datetime, end: datetime, step: float
    ) -> list[list[tuple[float, float]]]:
        """Unix time and value of each series from start to end, every `step` seconds.

        Raises:
            PrometheusError: there is no answer, or not the one that was asked for.

        """
        span = {"start": start.timestamp(), "end": end.timestamp(), "step": step}
        try:
            answer = _RangeAnswer.model_validate_json(self._ask(query, "query_range", **span))
            return [[(at, float(v)) for at, v in found.values] for found in answer.data.result]
        except ValueError as error:
            raise self._error("does not answer as Prometheus does; is the URL right?") from error

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _ask(self, query: str, call: str = "query", **more: float) -> bytes:
        url = f"{self._url}/api/v1/{call}"
        options: dict[str, Any] = {"timeout": self._timeout, "allow_redirects": False}
        try:
            answer = self._session.post(url, data={"query": query, **more}, **options)
        except (requests.RequestException, HTTPError, ValueError) as error:
            cause = cause_of(error, self._timeout)
            raise self._error(f"can't be reached ({cause}); is it up?") from error
        if answer.status_code != requests.codes.ok:
            raise self._error(f"answered {answer.status_code}: {one_line(answer.text)}")
        return answer.content

    def _error(self, text: str) -> PrometheusError:
        return PrometheusError(f"Prometheus at {self._name} {text}")


def literal(text: str) -> str:
    """Return PromQL's string of this text, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)
