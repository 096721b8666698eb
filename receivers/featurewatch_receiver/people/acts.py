"""What people do to episodes, leases and the kill switch; each act is stored under their name.

What Alertmanager must be told is stored first, so that nothing is done that the audit lacks.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver import logs
from featurewatch_receiver.automation import leases, switches
from featurewatch_receiver.automation.ledger import KILL_SWITCH
from featurewatch_receiver.automation.reports import report_step
from featurewatch_receiver.automation.switches import Switch
from featurewatch_receiver.clients.alertmanager import Alertmanager
from featurewatch_receiver.clock import utc_now
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import (
    AcknowledgementError,
    ConflictError,
    MissingError,
    ReceiverError,
)
from featurewatch_receiver.labels import identity_of
from featurewatch_receiver.people import audit
from featurewatch_receiver.people import silence as silencing
from featurewatch_receiver.people.acknowledge import Acknowledger, Kind, Note
from featurewatch_receiver.people.audit import Act, Deed
from featurewatch_receiver.records import durations
from featurewatch_receiver.records.history import fires, resolve
from featurewatch_receiver.store.schema import episodes
from featurewatch_receiver.store.schema import leases as leases_table

_NO_ALERTMANAGER = "receiver.alertmanager_url: is null; set it, or use Alertmanager itself"


@dataclass(frozen=True, kw_only=True)
class Said:
    """Who does it, and why."""

    user: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Made:
    """A silence of Alertmanager's, and until when it lasts at most."""

    id: str
    until: datetime


def acknowledge(core: Core, episode_id: str, said: Said, duration: timedelta) -> Made:
    """Stop the escalation of an episode that fires.

    Raises:
        MissingError: there is no such episode.
        ConflictError: it does not fire.
        AlertmanagerError: Alertmanager can't be asked.

    """
    episode = _open(core, episode_id)
    with _recorded(core, _deed(said, Act.ACKNOWLEDGE, episode_id)) as kept:
        made = _say(core, episode, said, duration, Kind.ACK)
    _take(core, episode, kept, made)
    return made


def unacknowledge(core: Core, episode_id: str, said: Said) -> None:
    """Let an episode escalate again. Raises as `acknowledge` does."""
    labels = _open(core, episode_id).labels
    deed = _deed(said, Act.UNACKNOWLEDGE, episode_id)
    with _recorded(core, deed) as kept, _alertmanager(core) as client:
        acknowledger = Acknowledger(client)
        others = [made.labels for made in acknowledger.current()]
        acknowledger.unacknowledge(_exactly(labels, others))
    _note(core, kept, dict.fromkeys((*_ACKNOWLEDGED, *_RESOLVED)))


def resolve_episode(core: Core, episode_id: str, said: Said, duration: timedelta) -> None:
    """Say that an episode is done: it ends, or escalates no more until its alert has ended.

    Raises as `acknowledge` does.
    """
    episode = _open(core, episode_id)
    by = dict(zip(_RESOLVED, (said.user, said.reason), strict=True))
    if episode.fires:
        with _recorded(core, _deed(said, Act.RESOLVE, episode_id)) as kept:
            made = _say(core, episode, said, duration, Kind.RESOLVE)
        _take(core, episode, kept, made, **by)
        return
    now, deed = core.now(), _deed(said, Act.RESOLVE, episode_id)
    with core.writer.begin() as connection:
        if not resolve(connection, episode_id, now, **by):
            raise ConflictError("episode: has changed meanwhile; read it again")
        audit.record(connection, core, deed)
    durations.count_resolved(core, episode.severity, episode.started_at, now)
    audit.tell(deed)


def silence(core: Core, episode_id: str, said: Said, duration: timedelta) -> Made:
    """Tell nobody of an episode any more, on whichever level. Raises as `acknowledge` does."""
    episode = _open(core, episode_id)
    note = Note(user=said.user, reason=said.reason, duration=duration)
    deed = _deed(said, Act.SILENCE, episode_id)
    with _recorded(core, deed) as kept, _alertmanager(core) as client:
        others = [alert.labels for alert in client.alerts()]
        made_id = silencing.silence(client, _exactly(episode.labels, others), note)
    made = Made(id=made_id, until=utc_now() + duration)  # Alertmanager's time, not ours
    by = (core.now(), said.user, made.until, said.reason)
    _note(core, kept, dict(zip(_SILENCED, by, strict=True)), made)
    return made


def unsilence(core: Core, episode_id: str, said: Said) -> None:
    """Tell people of an episode again that was silenced here. Raises as `acknowledge` does."""
    labels = _open(core, episode_id).labels
    deed = _deed(said, Act.UNSILENCE, episode_id)
    with _recorded(core, deed) as kept, _alertmanager(core) as client:
        is_muted = silencing.unsilence(client, labels)
    # Another silence is the reconciliation's to name; until then the row says that one mutes it.
    _note(core, kept, {} if is_muted else dict.fromkeys(_SILENCED))


def end_lease(core: Core, lease_id: str, said: Said) -> dict[str, Any]:
    """Leave the target as it is for good, and return the lease; a way back that is planned stops.

    Raises:
        MissingError: there is no such lease.
        ConflictError: it has ended, or the target was told to go back.

    """
    with core.writer.begin() as connection:
        one = select(leases_table).where(leases_table.c.id == lease_id)
        if connection.execute(one).one_or_none() is None:
            raise MissingError("lease: there is none with this id; see /api/v1/leases")
        why = leases.LeaseEnd.CANCELLED
        if not leases.end(connection, lease_id, core.now(), why, said.user):
            raise ConflictError("lease: has ended; see /api/v1/leases")
        stopped = leases.keep(connection, core, lease_id, **vars(said))
        audit.record(connection, core, deed := _deed(said, Act.END_LEASE, lease_id))
        ended = dict(connection.execute(one).one()._mapping)
    for row, step in stopped:
        report_step(core, row, step)
    audit.tell(deed)
    return ended


def turn_kill_switch(core: Core, said: Said, *, engaged: bool) -> Switch:
    """Turn the kill switch, and return how it stands. If it stands so already, nothing changes."""
    switch = Switch(
        engaged=engaged, changed_at=core.now(), changed_by=said.user, reason=said.reason
    )
    act = Act.ENGAGE_KILL_SWITCH if engaged else Act.RELEASE_KILL_SWITCH
    deed = _deed(said, act, KILL_SWITCH)
    with core.writer.begin() as connection:
        if not switches.turn(connection, switch):
            return switches.read(connection)
        audit.record(connection, core, deed)
    audit.tell(deed)
    return switch


_ACKNOWLEDGED = ("acknowledged_at", "acknowledged_by", "acknowledged_reason", "acknowledged_until")
_RESOLVED = ("resolved_by", "resolved_reason")
_SILENCED = ("silenced_at", "silenced_by", "silenced_until", "silenced_reason")


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """An act on an episode that is in the audit."""

    row_id: int
    deed: Deed


def _deed(said: Said, act: Act, subject: str) -> Deed:
    return Deed(actor=said.user, act=act, subject=subject, reason=said.reason)


@contextmanager
def _recorded(core: Core, deed: Deed) -> Iterator[_Kept]:
    """Store an act before Alertmanager is told; what is refused is withdrawn."""
    with core.writer.begin() as connection:
        row_id = audit.record(connection, core, deed)
    try:
        yield _Kept(row_id=row_id, deed=deed)
    except ReceiverError:
        with core.writer.begin() as connection:
            audit.withdraw(connection, row_id)
        raise


def _take(core: Core, episode: Row[Any], kept: _Kept, made: Made, **more: str) -> None:
    """Note who has an episode, and how long that took."""
    now = core.now()
    said = (now, kept.deed.actor, kept.deed.reason, made.until)
    values = dict(zip(_ACKNOWLEDGED, said, strict=True)) | dict.fromkeys(_RESOLVED)
    is_first = episode.first_acknowledged_at is None
    first = {"first_acknowledged_at": now} if is_first else {}
    if _note(core, kept, values | more | first, made) and is_first:
        took = (now - episode.started_at).total_seconds()
        durations.count_acknowledged(core, episode.severity, took)


def _note(core: Core, kept: _Kept, values: dict[str, Any], made: Made | None = None) -> bool:
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


def _open(core: Core, episode_id: str) -> Row[Any]:
    """An episode that has not ended."""
    query = select(episodes, fires.label("fires"))
    with core.reader.begin() as connection:
        row = connection.execute(query.where(episodes.c.id == episode_id)).one_or_none()
    if row is None:
        raise MissingError("episode: there is none with this id; see /api/v1/episodes")
    if row.resolved_at is not None:
        raise ConflictError("episode: is not open; see /api/v1/alerts")
    return row


def _say(core: Core, episode: Row[Any], said: Said, duration: timedelta, kind: Kind) -> Made:
    note = Note(user=said.user, reason=said.reason, duration=duration)
    with _alertmanager(core) as client:
        others = [alert.labels for alert in client.alerts()]
        wanted = _exactly(episode.labels, others)
        made = Acknowledger(client).acknowledge(wanted, note, kind)
    return Made(id=made.id, until=made.until)


@contextmanager
def _alertmanager(core: Core) -> Iterator[Alertmanager]:
    if core.config.receiver.alertmanager_url is None:
        raise ConflictError(_NO_ALERTMANAGER)
    with closing(Alertmanager(core.config.receiver.alertmanager_url)) as client:
        try:
            yield client
        except AcknowledgementError as error:
            raise ConflictError(str(error)) from error


def _exactly(labels: Mapping[str, str], others: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The labels that mean this alert alone, "" for those that only others have."""
    names = {name for other in others for name in identity_of(other)}
    return dict.fromkeys(sorted(names), "") | identity_of(labels)
