"""What acts on episodes share: the audit's row before Alertmanager is told, and what follows.

What Alertmanager must be told is stored first, so that nothing is done that the audit lacks.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver import logs
from featurewatch_receiver.acts.base import Doing, Made
from featurewatch_receiver.clients.alertmanager import Alertmanager
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import (
    AcknowledgementError,
    ConflictError,
    MissingError,
    ReceiverError,
)
from featurewatch_receiver.history import audit, durations
from featurewatch_receiver.history.audit import Deed
from featurewatch_receiver.history.queries import fires, is_known
from featurewatch_receiver.labels import identity_of
from featurewatch_receiver.silences.acknowledgement import Acknowledger, Kind, Note
from featurewatch_receiver.store.schema import episodes

_NO_ALERTMANAGER = "receiver.alertmanager_url: is null; set it, or use Alertmanager itself"
#: The columns that each of these fills.
ACKNOWLEDGED = ("acknowledged_at", "acknowledged_by", "acknowledged_reason", "acknowledged_until")
RESOLVED = ("resolved_by", "resolved_reason")
SILENCED = ("silenced_at", "silenced_by", "silenced_until", "silenced_reason")
#: What the API refuses an act with that Alertmanager must be told.
AT_ALERTMANAGER = (409, 502)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An act on an episode that is in the audit."""

    row_id: int
    deed: Deed


def find_open(core: Core, episode_id: str) -> Row[Any]:
    """An episode that has not ended.

    Raises:
        MissingError: there is no such episode.
        ConflictError: it has ended.

    """
    query = select(episodes, fires.label("fires"), is_known.label("is_known"))
    with core.reader.begin() as connection:
        row = connection.execute(query.where(episodes.c.id == episode_id)).one_or_none()
    if row is None:
        raise MissingError("episode: there is none with this id; see /api/v1/episodes")
    if row.resolved_at is not None:
        raise ConflictError("episode: is not open; see /api/v1/alerts")
    return row


def require_known(episode: Row[Any]) -> None:
    """Raise ConflictError for an episode of which Alertmanager knows nothing."""
    if episode.fires and not episode.is_known:
        fix = "silence it there, or resolve it here"
        raise ConflictError(f"episode: Grafana sent it, and Alertmanager does not know it; {fix}")


@contextmanager
def recorded(core: Core, deed: Deed) -> Iterator[Kept]:
    """Store an act before Alertmanager is told; what is refused is withdrawn."""
    with core.writer.begin() as connection:
        row_id = audit.record(connection, core, deed)
    try:
        yield Kept(row_id=row_id, deed=deed)
    except ReceiverError:
        with core.writer.begin() as connection:
            audit.withdraw(connection, row_id)
        raise


def take(doing: Doing, act: str, kind: Kind, episode: Row[Any], **more: str) -> Made:
    """Stop the escalation of an episode that fires, and note who has it."""
    require_known(episode)
    with recorded(doing.core, doing.deed(act)) as kept:
        made = _acknowledge(doing, episode, kind)
    _note_taken(doing.core, episode, kept, made, **more)
    return made


def note(core: Core, kept: Kept, values: dict[str, Any], made: Made | None = None) -> bool:
    """Note what Alertmanager has by now; False: the reconciliation will, it can't be stored now."""
    detail = {"silence": made.id, "until": made.until.isoformat()} if made else {}
    change = update(episodes).where(episodes.c.id == kept.deed.subject)
    try:
        with core.writer.begin() as connection:
            if values:
                connection.execute(change.values(values))
            audit.complete(connection, core, kept.row_id, detail)
    except SQLAlchemyError as error:
        logs.trouble("database unavailable", error, duty=f"noting {kept.deed.act}")
        return False
    finally:
        audit.tell(replace(kept.deed, detail=detail or None))
    return True


@contextmanager
def alertmanager(core: Core) -> Iterator[Alertmanager]:
    """A client; ConflictError where none is configured, or what is meant is not there."""
    if core.config.receiver.alertmanager_url is None:
        raise ConflictError(_NO_ALERTMANAGER)
    with closing(Alertmanager(core.config.receiver.alertmanager_url)) as client:
        try:
            yield client
        except AcknowledgementError as error:
            raise ConflictError(str(error)) from error


def exactly(labels: Mapping[str, str], others: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The labels that mean this alert alone, "" for those that only others have."""
    names = {name for other in others for name in identity_of(other)}
    return dict.fromkeys(sorted(names), "") | identity_of(labels)


def _acknowledge(doing: Doing, episode: Row[Any], kind: Kind) -> Made:
    said = Note(user=doing.said.user, reason=doing.said.reason, duration=doing.duration)
    with alertmanager(doing.core) as client:
        others = [alert.labels for alert in client.alerts()]
        made = Acknowledger(client).acknowledge(exactly(episode.labels, others), said, kind)
    return Made(id=made.id, until=made.until)


def _note_taken(core: Core, episode: Row[Any], kept: Kept, made: Made, **more: str) -> None:
    """Note who has an episode, and how long that took."""
    now = core.now()
    said = (now, kept.deed.actor, kept.deed.reason, made.until)
    values = dict(zip(ACKNOWLEDGED, said, strict=True)) | dict.fromkeys(RESOLVED)
    is_first = episode.first_acknowledged_at is None
    first = {"first_acknowledged_at": now} if is_first else {}
    if note(core, kept, values | more | first, made) and is_first:
        took = (now - episode.started_at).total_seconds()
        durations.count_acknowledged(core, episode.severity, took)
