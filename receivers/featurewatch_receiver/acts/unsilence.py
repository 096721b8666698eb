"""Ending a silence that was made here: people are told of the episode again."""

from collections.abc import Iterator, Mapping

from featurewatch_receiver.acts.base import Act, Doing, Json, SubjectKind
from featurewatch_receiver.acts.on_episode import (
    AT_ALERTMANAGER,
    SILENCED,
    alertmanager,
    find_open,
    note,
    recorded,
)
from featurewatch_receiver.core import Core
from featurewatch_receiver.silences import alert_silence

NAME = "unsilence"


def unsilence(doing: Doing) -> None:
    """Tell people of an episode again that was silenced here. Raises as `acknowledge` does."""
    core, labels = doing.core, find_open(doing.core, doing.subject).labels
    with recorded(core, doing.deed(NAME)) as kept, alertmanager(core) as client:
        is_muted = alert_silence.unsilence(client, labels)
    # Another silence is the reconciliation's to name; until then the row says that one mutes it.
    note(core, kept, {} if is_muted else dict.fromkeys(SILENCED))


def foretell(_: Core, row: Json, __: Mapping[str, str]) -> Iterator[str]:
    """That people are told again, and which silence stays."""
    yield f"{row['silenced_by'] or 'Nobody'} silenced this alert. People are told of it again."
    yield "A silence made elsewhere, which may be about more than this alert, ends in Alertmanager."


ACTS = (
    Act(
        name=NAME,
        on=SubjectKind.EPISODE,
        verb="unsilence",
        summary="Tell people of an episode again.",
        title="End the silence",
        done="The silence has ended. People are told of it again.",
        run=unsilence,
        foretell=foretell,
        refusals=AT_ALERTMANAGER,
    ),
)
