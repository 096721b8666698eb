"""Resolving an episode: it is done, now or once its alert has ended."""

from collections.abc import Iterator, Mapping

from featurewatch_receiver.acts.base import Act, Doing, Json, SubjectKind
from featurewatch_receiver.acts.bodies import WhyAndHowLong
from featurewatch_receiver.acts.on_episode import AT_ALERTMANAGER, RESOLVED, find_open, take
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import ConflictError
from featurewatch_receiver.history import audit, durations, queries
from featurewatch_receiver.silences.acknowledgement import Kind

NAME = "resolve"


def resolve(doing: Doing) -> None:
    """Say that an episode is done: it ends, or escalates no more until its alert has ended.

    What others than Alertmanager sent ends at once: that they tell its end is not sure.

    Raises as `acknowledge` does.
    """
    core, episode = doing.core, find_open(doing.core, doing.subject)
    by = dict(zip(RESOLVED, (doing.said.user, doing.said.reason), strict=True))
    if episode.is_known:
        take(doing, NAME, Kind.RESOLVE, episode, **by)
        return
    now, deed = core.now(), doing.deed(NAME)
    with core.writer.begin() as connection:
        queries.end_unknown(connection, doing.subject, now)
        if not queries.resolve(connection, doing.subject, now, **by):
            raise ConflictError("episode: has changed meanwhile; read it again")
        audit.record(connection, core, deed)
    durations.count_resolved(core, episode.severity, episode.started_at, now)
    audit.tell(deed)


def foretell(_: Core, row: Json, __: Mapping[str, str]) -> Iterator[str]:
    """Whether it ends now or with its alert."""
    firing = [alert for alert in row["alerts"] if alert["ends_at"] is None]
    if firing and all(alert["sender"] for alert in firing):
        yield "Grafana sent it, and has not told its end: it ends now, until it begins anew."
    elif firing:
        yield "It still fires: it escalates no further, and ends when its alert has ended."
    else:
        yield "It fires no more and waits only for a person: it ends now."


ACTS = (
    Act(
        name=NAME,
        on=SubjectKind.EPISODE,
        verb="resolve",
        summary="Say that an episode is done.",
        title="Resolve",
        done="Called resolved.",
        run=resolve,
        foretell=foretell,
        body=WhyAndHowLong,
        refusals=AT_ALERTMANAGER,
    ),
)
