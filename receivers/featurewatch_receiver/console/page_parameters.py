"""What the console's pages are asked with; what a form leaves empty is not asked."""

from typing import Any

from pydantic import Field
from werkzeug.datastructures import MultiDict

from featurewatch_receiver.acts.bodies import Word
from featurewatch_receiver.web.calls import Model, check
from featurewatch_receiver.web.parameters import (
    EpisodeFilter,
    EpisodesWithin,
    Query,
    RemediationsWithin,
)

#: What the address holds after an act.
DONE = "done"


class DoneParameters(Query):
    """What was just done."""

    done: Word | None = None


class Overview(EpisodeFilter):
    """Which of the open alerts."""

    inhibited: bool = False
    done: Word | None = None


class Named(Query):
    """One alert, as the link in a message names it."""

    alertname: Word = ""
    extractor: Word | None = None


class HistoryParameters(EpisodesWithin):
    """Which part of the history."""

    limit: int = Field(default=50, ge=1, le=500)


class RemediationsParameters(RemediationsWithin):
    """Which part of the remediations."""

    limit: int = Field(default=50, ge=1, le=500)


class Hours(Query):
    """How far back, and what was just done."""

    hours: int = Field(default=24, ge=1, le=24 * 366)
    done: Word | None = None


def asked(model: type[Model], arguments: "MultiDict[str, str]") -> Model:
    """Read the address.

    Raises:
        QuestionError: it is not what the page takes.

    """
    lists = {n for n, info in model.model_fields.items() if info.default == []}
    values: dict[str, Any] = {}
    for name, given in arguments.lists():
        if found := [word for word in given if word.strip()]:
            values[name] = found if name in lists or len(found) > 1 else found[0]
    return check(model, values)
