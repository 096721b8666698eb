"""A thin client of Prometheus's HTTP API: one query at a time."""

import json
import math
import re
from datetime import datetime

import pydantic

from featurewatch_receiver.clients.client import Client
from featurewatch_receiver.errors import PrometheusError
from featurewatch_receiver.labels import Labels

_PLACEHOLDER = re.compile(r"\$(window|extractor|labels\.(\w+))")


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


class Prometheus(Client):
    """One Prometheus at `url`, which may hold a path prefix and a login (http://name:word@host).

    Thanos and Mimir answer in the same way.
    """

    kind = "Prometheus"
    error = PrometheusError

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
            answer = _Answer.model_validate_json(self._query(query))
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
            answer = _RangeAnswer.model_validate_json(self._query(query, "query_range", **span))
            return [[(at, float(v)) for at, v in found.values] for found in answer.data.result]
        except ValueError as error:
            raise self._error("does not answer as Prometheus does; is the URL right?") from error

    def _query(self, query: str, call: str = "query", **more: float) -> bytes:
        return self._ask("POST", f"/api/v1/{call}", data={"query": query, **more})


def expression(text: str, extractor: str, labels: Labels, window: str) -> str:
    """PromQL of a check, for one extractor where an alert's labels say, and time to look back."""
    known = {"window": window, "extractor": literal(extractor)}
    # All at once: what a label holds may look like a placeholder.
    return _PLACEHOLDER.sub(lambda found: known.get(found[1]) or _among(labels, found[2]), text)


def _among(labels: Labels, name: str) -> str:
    """A pattern: Prometheus adds an external label to its alerts, and not to its own series."""
    value = labels.get(name)
    return literal(f"{re.escape(value)}|" if value else ".*")


def literal(text: str) -> str:
    """Return PromQL's string of this text, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)
