"""Silencing an episode: nobody is told of it any more, on whichever level."""

from collections.abc import Iterator, Mapping

from featurewatch_receiver.acts.base import Act, Doing, Json, Made, SubjectKind
from featurewatch_receiver.acts.bodies import WhyAndHowLong
from featurewatch_receiver.acts.on_episode import (
    AT_ALERTMANAGER,
    SILENCED,
    alertmanager,
    exactly,
    find_open,
    note,
    recorded,
    require_known,
)
from featurewatch_receiver.clock import utc_now
from featurewatch_receiver.core import Core
from featurewatch_receiver.silences import alert_silence
from featurewatch_receiver.silences.acknowledgement import Note

NAME = "silence"


def silence(doing: Doing) -> Made:
    """Tell nobody of an episode any more, on whichever level. Raises as `acknowledge` does."""
    core, episode, said = doing.core, find_open(doing.core, doing.subject), doing.said
    require_known(episode)
    about = Note(user=said.user, reason=said.reason, duration=doing.duration)
    with recorded(core, doing.deed(NAME)) as kept, alertmanager(core) as client:
        others = [alert.labels for alert in client.alerts()]
        made_id = alert_silence.silence(client, exactly(episode.labels, others), about)
    made = Made(id=made_id, until=utc_now() + doing.duration)  # Alertmanager's time, not ours
    by = (core.now(), said.user, made.until, said.reason)
    note(core, kept, dict(zip(SILENCED, by, strict=True)), made)
    return made


def foretell(_: Core, row: Json, __: Mapping[str, str]) -> Iterator[str]:
    """That nobody hears of it, and what it means."""
    yield "Nobody is told of this alert on any level, nor of its end, however bad it gets."
    yield "To stop only the escalation, acknowledge it instead."
    labels = ", ".join(f"{name}={value}" for name, value in row["labels"].items())
    yield f"It means this alert alone: {labels}"


ACTS = (
    Act(
        name=NAME,
        on=SubjectKind.EPISODE,
        verb="silence",
        summary="Tell nobody of an episode any more.",
        title="Silence",
        done="Silenced. Nobody is told of it.",
        run=silence,
        foretell=foretell,
        body=WhyAndHowLong,
        grave=True,
        makes_silence=True,
        refusals=AT_ALERTMANAGER,
    ),
)
