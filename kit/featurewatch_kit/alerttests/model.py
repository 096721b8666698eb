"""The form of a file of tests. docs/testing.md says what each key is for."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from featurewatch_kit.chain.story import LONGEST
from featurewatch_receiver.config.values import (
    Count,
    Duration,
    Line,
    PositiveDuration,
    Strict,
    Text,
    seconds,
)

FIRST_YEAR, LAST_YEAR = 1971, 2999

Named = Annotated[Line | None, Field(examples=["FeatureExtractionLatencyHigh"])]


def _is_in_a_story(text: str) -> str:
    if seconds(text) > LONGEST.total_seconds():
        raise ValueError(f"must be at most {LONGEST.days}d")
    return text


def _is_near(time: datetime) -> datetime:
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise ValueError(f"must be from {FIRST_YEAR} to {LAST_YEAR}")
    return time


Moment = Annotated[Duration, AfterValidator(_is_in_a_story), Field(examples=["5m"])]
Start = Annotated[
    datetime, AfterValidator(_is_near), Field(strict=False, examples=["2026-12-24T03:00"])
]


class AlertName(Strict):
    """An alert, by some of its labels."""

    alert: Named = None
    extractor: Line | None = None
    level: Count | None = None
    severity: Line | None = None
    policy: Line | None = None
    labels: dict[str, Text] = Field(default_factory=dict)


class FiringAlert(AlertName):
    """An alert, and when it fires."""

    from_: Annotated[Moment, Field(alias="from")] = "0s"
    to: Moment | None = None


class Silence(Strict):
    """A silence of somebody's."""

    matchers: Annotated[
        list[Line], Field(min_length=1, examples=[['alertname="FeatureExtractionLatencyHigh"']])
    ]
    from_: Annotated[Moment, Field(alias="from")] = "0s"
    to: Moment | None = None


class Acknowledgement(AlertName):
    """Somebody works on one of our alerts."""

    at: Moment
    for_: Annotated[PositiveDuration, Field(alias="for")] = "8h"


class Restart(Strict):
    """Alertmanager is away."""

    at: Moment
    for_: Annotated[Moment, Field(alias="for")] = "10s"
    killed: Annotated[bool, Field(examples=[True])] = False


def _in_full(one: object) -> object:
    return {"alert": one} if isinstance(one, str) else one


def _as_list(one: object) -> object:
    return [one] if isinstance(one, str) else one


#: An alert of a message: its name, or some of its labels.
InMessage = Annotated[AlertName, BeforeValidator(_in_full)]
InMessages = Annotated[list[InMessage] | None, Field(examples=[["FeatureExtractionLatencyHigh"]])]


class Expected(Strict):
    """Somebody is told once, at a time or between two."""

    who: Annotated[Line, Field(examples=["on_call_engineer"])]
    at: Moment | None = None
    within: Moment | None = None
    by: Annotated[
        list[Line] | None,
        BeforeValidator(_as_list),
        Field(examples=[["email", "slack"]]),
    ] = None
    status: Annotated[Literal["firing", "resolved"] | None, Field(examples=["firing"])] = None
    firing: InMessages = None
    resolved: InMessages = None


class AlertTest(Strict):
    """One test: what happens, and who is told."""

    name: Annotated[Line, Field(examples=["nobody is paged at once"])]
    start: Start | None = None
    alerts: Annotated[
        list[FiringAlert],
        Field(min_length=1, examples=[[{"alert": "FeatureExtractionLatencyHigh", "to": "30m"}]]),
    ]
    silences: list[Silence] = Field(default_factory=list)
    acknowledgements: list[Acknowledgement] = Field(default_factory=list)
    restarts: list[Restart] = Field(default_factory=list)
    until: Moment | None = None
    told: Annotated[list[Expected], Field(examples=[[{"who": "on_call_engineer", "at": "5m45s"}]])]
    not_told: Annotated[list[Line], Field(default_factory=list, examples=[["engineering_manager"]])]
    others: Annotated[Literal["nothing", "ignore"], Field(examples=["ignore"])] = "nothing"


class TestFile(Strict):
    """A file of tests."""

    #: Not one of pytest's.
    __test__ = False

    tests: Annotated[
        list[AlertTest], Field(min_length=1, examples=[[{"name": "nobody is paged at once"}]])
    ]
