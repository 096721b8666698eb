"""Acknowledging an episode: whoever works on it stops its escalation."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from featurewatch_receiver.acts.base import Act, Doing, Json, Made, SubjectKind
from featurewatch_receiver.acts.bodies import WhyAndHowLong
from featurewatch_receiver.acts.on_episode import AT_ALERTMANAGER, find_open, take
from featurewatch_receiver.core import Core
from featurewatch_receiver.history.recipients import reach_of_level
from featurewatch_receiver.phrases import span, spoken
from featurewatch_receiver.silences.acknowledgement import Kind

NAME = "acknowledge"


def acknowledge(doing: Doing) -> Made:
    """Stop the escalation of an episode that fires.

    Raises:
        MissingError: there is no such episode.
        ConflictError: it does not fire.
        AlertmanagerError: Alertmanager can't be asked.

    """
    return take(doing, NAME, Kind.ACK, find_open(doing.core, doing.subject))


def foretell(core: Core, row: Json, _: Mapping[str, str]) -> Iterator[str]:
    """That levels above are held back, and who is thus not told."""
    level = row["escalation_level"]
    yield f"Level {level} has been told. The levels above it are held back until the alert ends."
    if row["next_level_at"]:
        left = max(row["next_level_at"] - core.now(), timedelta())
        whom = reach_of_level(core.config, row["labels"], level + 1)["recipients"]
        people = f" ({', '.join(spoken(name) for name in whom)})" if whom else ""
        yield f"Level {level + 1}, due in {span(left)}, will not be told{people}."
    yield "A worse severity of this alert is told all the same, and so is its end."
    if row["acknowledged_by"]:
        yield f"It replaces what {row['acknowledged_by']} said: {row['acknowledged_reason']}"


ACTS = (
    Act(
        name=NAME,
        on=SubjectKind.EPISODE,
        verb="acknowledge",
        summary="Stop the escalation of an episode.",
        title="Acknowledge",
        done="Acknowledged. It escalates no further.",
        run=acknowledge,
        foretell=foretell,
        body=WhyAndHowLong,
        makes_silence=True,
        refusals=AT_ALERTMANAGER,
    ),
)
