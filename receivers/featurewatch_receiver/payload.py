"""Alertmanager's webhook, version 4: what must be in it, and what is said when it is not.

What every Alertmanager sends must be there, used here or not: without it, the sender is something
else. Only fields that some leave out may be missing, and fields that this receiver does not know
may be there: newer Alertmanagers add some.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal

import pydantic
from pydantic import Field
from pydantic_core import ErrorDetails

from featurewatch_receiver.errors import PayloadError

VERSION = "4"
_LONGEST = 200


def _without_nul(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")  # PostgreSQL's text can't hold it


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is outside the years 1 to 9999") from error


def _named(labels: dict[str, str]) -> dict[str, str]:
    if not labels.get("alertname"):
        raise ValueError("has no alertname; every alert of Prometheus has one")
    return labels


Clean = Annotated[str, pydantic.AfterValidator(_without_nul)]
Moment = Annotated[pydantic.AwareDatetime, pydantic.AfterValidator(_in_utc)]
Labels = Annotated[dict[Clean, Clean], pydantic.AfterValidator(_named)]
Status = Literal["firing", "resolved"]


class Part(pydantic.BaseModel):
    """A frozen piece of the payload."""

    model_config = pydantic.ConfigDict(extra="ignore", frozen=True, strict=True)


class Alert(Part):
    """One alert of the group."""

    status: Status
    labels: Labels
    annotations: dict[Clean, Clean]
    starts_at: Annotated[Moment, Field(alias="startsAt")]
    #: Year 1 while the alert fires.
    ends_at: Annotated[Moment, Field(alias="endsAt")]
    fingerprint: Annotated[Clean, Field(min_length=1)]
    generator_url: Annotated[Clean, Field(alias="generatorURL")] = ""

    @property
    def is_signal(self) -> bool:
        """Whether it tells of the chain or of planned work, and of no trouble."""
        return self.labels.get("severity") == "none"


class Webhook(Part):
    """One delivery: the whole group, firing and resolved alerts mixed."""

    version: Literal["4"]
    group_key: Annotated[Clean, Field(alias="groupKey")]
    status: Status
    receiver: Clean
    #: Alerts of the group that Alertmanager left out.
    truncated_alerts: Annotated[int, Field(alias="truncatedAlerts", ge=0)] = 0
    alerts: list[Alert]


def parse(body: bytes) -> Webhook:
    """Read a delivery.

    Raises:
        PayloadError: with one line that names the first faulty place and its mend.

    """
    try:
        return Webhook.model_validate_json(body)
    except pydantic.ValidationError as error:
        problems = error.errors(include_url=False)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise PayloadError(_line(problems[0]) + more) from error


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
