"""Alertmanager's webhook, version 4, and Grafana's, version 1: what must be in them.

Grafana's has the same fields and more, which nothing here reads: of the group orgId, title, state
and message; of an alert values, valueString, silenceURL, dashboardURL, panelURL and imageURL.

What every Alertmanager sends must be there, used here or not: without it, the sender is something
else. Only fields that some leave out may be missing, and fields that this receiver does not know
may be there: newer Alertmanagers add some.
"""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NotRequired

import pydantic
from pydantic import Field
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict

from featurewatch_receiver import pydantic_errors
from featurewatch_receiver.errors import PayloadError
from featurewatch_receiver.states import Sender

VERSION = "4"
#: Who sends which version; None: Alertmanager.
SENDERS = {VERSION: None, "1": Sender.GRAFANA}
_LONGEST = 200
#: What a counter of Alertmanager's can hold; a larger one does not fit into ours.
_MOST = 2**53
_NUL = b"\\u0000"

PATH = "/api/v1/webhook/alertmanager"


def _named(labels: dict[str, str]) -> dict[str, str]:
    if not labels.get("alertname"):
        raise ValueError("has no alertname; every alert of Prometheus has one")
    return labels


# What any zone can tell, and no more.
_FIRST, _LAST = (moment.replace(tzinfo=UTC) for moment in (datetime.min, datetime.max))
Moment = Annotated[pydantic.AwareDatetime, Field(ge=_FIRST, le=_LAST)]
Labels = Annotated[dict[str, str], pydantic.AfterValidator(_named)]
Status = Literal["firing", "resolved"]


# Dictionaries under the wire's own names: they are made in half the time of models, twice for each
# delivery. Of its text only the keys repeat from one delivery to the next.
@pydantic.with_config(strict=True)
class DeliveredAlert(TypedDict):
    """One alert of the group."""

    status: Status
    labels: Labels
    annotations: dict[str, str]
    startsAt: Moment
    #: Year 1 while the alert fires.
    endsAt: Moment
    fingerprint: Annotated[str, Field(min_length=1)]
    generatorURL: NotRequired[str]


@pydantic.with_config(strict=True, cache_strings="keys")
class WebhookPayload(TypedDict):
    """One delivery: the whole group, firing and resolved alerts mixed."""

    version: Literal["4", "1"]
    groupKey: str
    status: Status
    receiver: str
    #: Alerts of the group that Alertmanager left out.
    truncatedAlerts: NotRequired[Annotated[int, Field(ge=0, le=_MOST)]]
    alerts: list[DeliveredAlert]


_webhook = pydantic.TypeAdapter(WebhookPayload)


def is_signal(alert: DeliveredAlert) -> bool:
    """Whether it tells of the chain or of planned work, and of no trouble."""
    return alert["labels"].get("severity") == "none"


def parse(body: bytes) -> WebhookPayload:
    """Read a delivery.

    Raises:
        PayloadError: with one line that names the first faulty place and its fix.

    """
    try:
        webhook = _webhook.validate_json(body)
        # Rare, so that it is not looked for in each text.
        return webhook if _NUL not in body else _webhook.validate_json(_without_nul(body))
    except pydantic.ValidationError as error:
        details, more = pydantic_errors.first(error)
        raise PayloadError(_line(details) + more) from error


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
        return (
            f"version: is not '{VERSION}', Alertmanager's, nor '1', Grafana's; this receiver reads"
            " these"
        )
    if problem["type"].startswith(("datetime", "timezone")):
        return f"{place}: is not a time with its zone; send RFC 3339, as Alertmanager does"
    if place.endswith("At") and problem["type"].endswith("than_equal"):
        return f"{place}: is outside the years 1 to 9999; send what Alertmanager sends"
    said = pydantic_errors.plain(problem, pydantic_errors.OF_JSON)
    return f"{place}: {said}; send what Alertmanager sends"


def _place(location: tuple[int | str, ...]) -> str:
    # Label names are the sender's: keep them short and on one line.
    return " ".join(pydantic_errors.place(location).split())[:_LONGEST]
