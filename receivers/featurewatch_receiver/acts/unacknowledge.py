"""Taking an acknowledgement back: the episode escalates again."""

from collections.abc import Iterator, Mapping

from featurewatch_receiver.acts.base import Act, Doing, Json, SubjectKind
from featurewatch_receiver.acts.on_episode import (
    ACKNOWLEDGED,
    AT_ALERTMANAGER,
    RESOLVED,
    alertmanager,
    exactly,
    find_open,
    note,
    recorded,
)
from featurewatch_receiver.core import Core
from featurewatch_receiver.silences.acknowledgement import Acknowledger

NAME = "unacknowledge"


def unacknowledge(doing: Doing) -> None:
    """Let an episode escalate again. Raises as `acknowledge` does."""
    core, labels = doing.core, find_open(doing.core, doing.subject).labels
    with recorded(core, doing.deed(NAME)) as kept, alertmanager(core) as client:
        acknowledger = Acknowledger(client)
        others = [made.labels for made in acknowledger.current()]
        acknowledger.unacknowledge(exactly(labels, others))
    note(core, kept, dict.fromkeys((*ACKNOWLEDGED, *RESOLVED)))


def foretell(_: Core, row: Json, __: Mapping[str, str]) -> Iterator[str]:
    """That it escalates again."""
    yield f"{row['acknowledged_by'] or 'Nobody'} has this alert. It will escalate again."
    yield "Levels whose time has passed are told at once."


ACTS = (
    Act(
        name=NAME,
        on=SubjectKind.EPISODE,
        verb="unacknowledge",
        summary="Let an episode escalate again.",
        title="Take the acknowledgement back",
        done="It escalates again.",
        run=unacknowledge,
        foretell=foretell,
        refusals=AT_ALERTMANAGER,
    ),
)
