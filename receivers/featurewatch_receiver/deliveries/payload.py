"""Alertmanager's webhook, version 4: what must be in it, and what is said when it is not.

What every Alertmanager sends must be there, used here or not: without it, the sender is something
else. Only fields that some leave out may be missing, and fields that this receiver does not know
may be there: newer Alertmanagers add some.
"""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field
from pydantic_core import ErrorDetails

from featurewatch_receiver.errors import PayloadError

VERSION = "4"
_LONGEST = 200
_NUL = b"\\u0000"


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is outside the years 1 to 9999") from error


def _named(labels: dict[str, str]) -> dict[str, str]:
    if not labels.get("alertname"):
        raise ValueError("has no alertname; every alert of Prometheus has one")
    return labels


Moment = Annotated[pydantic.AwareDatetime, pydantic.AfterValidator(_in_utc)]
Labels = Annotated[dict[str, str], pydantic.AfterValidator(_named)]
Status = Literal["firing", "resolved"]


class Part(pydantic.BaseModel):
    """A frozen piece of the payload."""

    model_config = pydantic.ConfigDict(extra="ignore", frozen=True, strict=True)


class Alert(Part):
    """One alert of the group."""

    status: Status
    labels: Labels
    annotations: dict[str, str]
    starts_at: Annotated[Moment, Field(alias="startsAt")]
    #: Year 1 while the alert fires.
    ends_at: Annotated[Moment, Field(alias="endsAt")]
    fingerprint: Annotated[str, Field(min_length=1)]
    generator_url: Annotated[str, Field(alias="generatorURL")] = ""

    @property
    def is_signal(self) -> bool:
        """Whether it tells of the chain or of planned work, and of no trouble."""
        return self.labels.get("severity") == "none"


class Webhook(Part):
    """One delivery: the whole group, firing and resolved alerts mixed."""

    version: Literal["4"]
    group_key: Annotated[str, Field(alias="groupKey")]
    status: Status
    receiver: str
    #: Alerts of the group that Alertmanager left out.
    truncated_alerts: Annotated[int, Field(alias="truncatedAlerts", ge=0)] = 0
    alerts: list[Alert]


def parse(body: bytes) -> Webhook:
    """Read a delivery.

    Raises:
        PayloadError: with one line that names the first faulty place and its mend.

    """
    try:
        webhook = Webhook.model_validate_json(body)
        # Rare, so that it is not looked for in each text.
        return webhook if _NUL not in body else Webhook.model_validate_json(_without_nul(body))
    except pydantic.ValidationError as error:
        problems = error.errors(include_url=False)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise PayloadError(_line(problems[0]) + more) from error


def _without_nul(body: bytes) -> bytes:
    """PostgreSQL's text can't hold that character."""
    return json.dumps(_replaced(json.loads(body))).encode()


def _replaced(value: Any) -> Any:
    if isinstance(value, dict):
        return {_replaced(name): _replaced(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner) for inner in value]
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


def _line(problem: ErrorDetails) -> str:
    place = _place(problem["loc"]) or "body"
    if problem["type"] == "json_invalid":
        return f"{place}: is not JSON; send Alertmanager's webhook payload"
    if problem["type"] == "missing":
        return f"{place}: is missing; send webhook version {VERSION}, as Alertmanager does"
    if place == "version":
        return f"version: is not '{VERSION}'; this receiver reads webhook version {VERSION}"
    if problem["type"].startswith(("datetime", "timezone")):
        return f"{place}: is not a time with its zone; send RFC 3339, as Alertmanager does"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {message[0].lower()}{message[1:]}; send what Alertmanager sends"


def _place(location: tuple[int | str, ...]) -> str:
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in location]
    text = "".join(steps).removeprefix(".")
    # Label names are the sender's: keep them short and on one line.
    return " ".join(text.split())[:_LONGEST]
