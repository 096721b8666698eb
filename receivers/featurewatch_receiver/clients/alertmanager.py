"""A thin client of Alertmanager's v2 API: alerts, silences, and when it started."""

from datetime import datetime
from typing import Any, TypeVar

import pydantic
from pydantic.alias_generators import to_camel

from featurewatch_receiver import pydantic_errors
from featurewatch_receiver.clients.client import Client
from featurewatch_receiver.errors import AlertmanagerError
from featurewatch_receiver.labels import POLICY

_EXPIRED = "expired"

Answer = TypeVar("Answer")


class _Part(pydantic.BaseModel):
    """Part of a request or an answer; what we don't read is ignored."""

    model_config = pydantic.ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore"
    )


class AlertStatus(_Part):
    """What Alertmanager holds an alert back for; empty for an alert that notifies."""

    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...] = ()


class Addressee(_Part):
    """A receiver of Alertmanager's that an alert is routed to."""

    name: str


class Alert(_Part):
    """An alert that fires, silenced and inhibited ones included."""

    labels: dict[str, str]
    status: AlertStatus
    annotations: dict[str, str]
    starts_at: datetime
    fingerprint: str
    receivers: tuple[Addressee, ...]


class Matcher(_Part):
    """A condition on one label; a regular expression must match the whole value."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class NewSilence(_Part):
    """A silence to be made. One that starts in the past starts now, by Alertmanager's clock."""

    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str


class SilenceStatus(_Part):
    """How far a silence is: pending, active or expired."""

    state: str


class Silence(NewSilence):
    """A silence as Alertmanager holds it."""

    id: str
    status: SilenceStatus


class _Created(_Part):
    silence_id: str = pydantic.Field(alias="silenceID")


class _Status(_Part):
    uptime: datetime  # despite its name the time of the start


class Alertmanager(Client):
    """One Alertmanager at `url`, which may hold a path prefix and a login (http://name:word@host).

    Every method raises AlertmanagerError: there is no answer, or not the one that was asked for.
    """

    kind = "Alertmanager"
    error = AlertmanagerError

    def alerts(self) -> list[Alert]:
        """Every alert of featurewatch that fires now."""
        ours = {"filter": f'{POLICY}=~".+"'}
        return self._call("GET", "/alerts", list[Alert], params=ours)

    def all_alerts(self) -> list[Alert]:
        """Every alert that fires now, whoever's it is."""
        return self._call("GET", "/alerts", list[Alert])

    def silences(self) -> list[Silence]:
        """Every silence that is not over."""
        silences = self._call("GET", "/silences", list[Silence])
        return [silence for silence in silences if silence.status.state != _EXPIRED]

    def started_at(self) -> datetime:
        """When this Alertmanager started, by its own clock."""
        return self._call("GET", "/status", _Status).uptime

    def add_silence(self, silence: NewSilence) -> str:
        """Make a silence and return its id."""
        body = silence.model_dump(mode="json", by_alias=True)
        return self._call("POST", "/silences", _Created, json=body).silence_id

    def expire_silence(self, silence_id: str) -> None:
        """End a silence now."""
        self._send("DELETE", f"/silence/{silence_id}")

    def _call(self, method: str, path: str, shape: type[Answer], **options: Any) -> Answer:
        body = self._send(method, path, **options)
        try:
            return pydantic.TypeAdapter(shape).validate_json(body)
        except pydantic.ValidationError as error:
            fault = pydantic_errors.sentence(error)
            raise self._error(
                f"does not answer {method} {path} as Alertmanager does ({fault}); is the URL right?"
            ) from error

    def _send(self, method: str, path: str, **options: Any) -> bytes:
        return self._ask(method, f"/api/v2{path}", f" to {method} {path}", **options)
