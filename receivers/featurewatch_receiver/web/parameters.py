"""What /api/v1 is asked with, as models: they check it, and they describe it."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import BeforeValidator, Field

from featurewatch_receiver.acts import ACTS
from featurewatch_receiver.acts.bodies import Word
from featurewatch_receiver.labels import SEVERITIES
from featurewatch_receiver.states import Origin, State, Status

MAX_HOURS = 24 * 366
MAX_ROWS = 1000
_MOST_DIGITS = 9


def _number(value: Any) -> Any:
    """Only digits: Python's own idea of a number in text is wider."""
    if not isinstance(value, str):
        return value
    plain = value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS
    return int(value) if plain else 0


Hours = Annotated[
    int,
    BeforeValidator(_number),
    Field(ge=1, le=MAX_HOURS, description="How far back."),
]
Limit = Annotated[
    int, BeforeValidator(_number), Field(ge=1, le=MAX_ROWS, description="Rows of a page, at most.")
]


class Query(pydantic.BaseModel):
    """Parameters of a read; of one that is a list any may hold."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Nothing(Query):
    """No parameters."""


class Listed(Query):
    """Which part of a list."""

    limit: Limit = 100
    cursor: Annotated[Word | None, Field(description="`next` of the page before.")] = None


class Within(Listed):
    """Which part of a list, and how far back."""

    hours: Hours = 24


class EpisodeFilter(Listed):
    """Which alerts."""

    status: list[Status] = []
    severity: list[Literal[SEVERITIES]] = []  # type: ignore[valid-type]  # one home for them
    extractor: list[Word] = []
    alertname: list[Word] = []
    search: Annotated[
        Word | None, Field(description="Text in name, extractor, labels or annotations.")
    ] = None


class EpisodesWithin(EpisodeFilter):
    """Which episodes, and how far back."""

    hours: Hours = 24


class RemediationsWithin(Within):
    """Which remediations."""

    state: list[State] = []
    action: list[Word] = []
    target: list[Word] = []
    origin: list[Origin] = []
    episode: Word | None = None


class NotificationsWithin(Within):
    """Which notifications."""

    receiver: list[Word] = []
    status: list[Literal["firing", "resolved"]] = []
    episode: Word | None = None


class DeedsWithin(Within):
    """Which acts of people."""

    actor: list[Word] = []
    act: list[Literal[tuple(ACTS)]] = []  # type: ignore[valid-type]  # the table is their home
    subject: Word | None = None


class LeasesWithin(Within):
    """Which leases."""

    target: list[Word] = []
    open: Annotated[bool | None, Field(description="Only those that last, or that ended.")] = None


class Hindsight(Query):
    """How far back."""

    hours: Hours = 24
