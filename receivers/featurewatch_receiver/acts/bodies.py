"""What people say of an act, as models: they check it, and they describe it."""

from typing import Annotated

from pydantic import AfterValidator, Field

from featurewatch_receiver.config.values import DURATION, Strict, seconds
from featurewatch_receiver.silences.acknowledgement import DEFAULT_DURATION, LONGEST_DURATION

_DURATION = {"pattern": r"^(?=[0-9])" + DURATION[1:]}


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


class Why(Strict):
    """What a person says of an act."""

    reason: Reason


class WhyAndHowLong(Why):
    """What a person says, and for how long it holds."""

    duration: Lasting = f"{int(DEFAULT_DURATION.total_seconds()) // 3600}h"
