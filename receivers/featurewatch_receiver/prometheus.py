"""A thin client of Prometheus's HTTP API: one instant query at a time."""

import json
import math
import re
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


class Prometheus:
    """One Prometheus at `url`, which may hold a path prefix and a login (http://name:word@host).

    Thanos and Mimir answer in the same way.
    """

    def __init__(self, url: str):
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

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _ask(self, query: str) -> bytes:
        url = f"{self._url}/api/v1/query"
        options: dict[str, Any] = {"timeout": TIMEOUT_SECONDS, "allow_redirects": False}
        try:
            answer = self._session.post(url, data={"query": query}, **options)
        except (requests.RequestException, HTTPError, ValueError) as error:
            cause = cause_of(error, TIMEOUT_SECONDS)
            raise self._error(f"can't be reached ({cause}); is it up?") from error
        if answer.status_code != requests.codes.ok:
            raise self._error(f"answered {answer.status_code}: {one_line(answer.text)}")
        return answer.content

    def _error(self, text: str) -> PrometheusError:
        return PrometheusError(f"Prometheus at {self._name} {text}")


def literal(text: str) -> str:
    """Return PromQL's string of this text, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)
