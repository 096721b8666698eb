"""What /api/v1 is asked with, as models: they check it, and they describe it."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import AfterValidator, BeforeValidator, Field

from featurewatch_receiver.automation.remediations import Origin, State
from featurewatch_receiver.config.values import DURATION, Strict, seconds
from featurewatch_receiver.labels import SEVERITIES
from featurewatch_receiver.people.acknowledge import DEFAULT_DURATION, LONGEST_DURATION
from featurewatch_receiver.people.audit import Act
from featurewatch_receiver.records.statuses import Status

MAX_HOURS = 24 * 366
MAX_ROWS = 1000
_MOST_DIGITS = 9
_DURATION = {"pattern": r"^(?=[0-9])" + DURATION[1:]}


def _number(value: Any) -> Any:
    """Only digits: Python's own idea of a number in text is wider."""
    if not isinstance(value, str):
        return value
    plain = value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS
    return int(value) if plain else 0


def _plain(text: str) -> str:
    """Text that every database, log and terminal takes."""
    if not all(c.isprintable() or c in "\n\t" for c in text):
        raise ValueError("must hold no control characters")
    return text


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return _plain(text.strip())


def _lasts(text: str) -> str:
    if not 0 < seconds(text) <= LONGEST_DURATION.total_seconds():
        raise ValueError(f"must be above 0s and at most {LONGEST_DURATION.days}d")
    return text


Hours = Annotated[
    int,
    BeforeValidator(_number),
    Field(ge=1, le=MAX_HOURS, description="How far back."),
]
Limit = Annotated[
    int, BeforeValidator(_number), Field(ge=1, le=MAX_ROWS, description="Rows of a page, at most.")
]
Word = Annotated[str, Field(max_length=1000), AfterValidator(_plain)]
Reason = Annotated[
    str,
    Field(min_length=1, max_length=1000, description="Why; it is kept.", examples=["on it"]),
    AfterValidator(_said),
]
Lasting = Annotated[
    str,
    Field(max_length=30, description="How long at most.", json_schema_extra=_DURATION),
    AfterValidator(_lasts),
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
    act: list[Act] = []
    subject: Word | None = None


class LeasesWithin(Within):
    """Which leases."""

    target: list[Word] = []
    open: Annotated[bool | None, Field(description="Only those that last, or that ended.")] = None


class Hindsight(Query):
    """How far back."""

    hours: Hours = 24


class Why(Strict):
    """What a person says of an act."""

    reason: Reason


class WhyAndHowLong(Why):
    """What a person says, and for how long it holds."""

    duration: Lasting = f"{int(DEFAULT_DURATION.total_seconds()) // 3600}h"


class Wish(Why):
    """An action that a person wants."""

    action: Annotated[Word, Field(description="One of responses.actions.")]
    extractor: Annotated[Word, Field(description="One of targets.")]
    episode_id: Annotated[Word | None, Field(description="The episode it is for.")] = None
    key: Annotated[
        Word | None, Field(description="The same key of the same person is one wish.")
    ] = None
