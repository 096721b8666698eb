"""Decides what is done next about an episode, and queues it, in the caller's transaction."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import Connection, Row, exists, or_, select

from featurewatch_receiver.automation import remediations, sequence
from featurewatch_receiver.automation.guards import Situation, decide
from featurewatch_receiver.automation.remediations import Decision
from featurewatch_receiver.automation.sequence import Attempt, Next, choose, is_engaged
from featurewatch_receiver.config.receiver import ActionName
from featurewatch_receiver.core import Core
from featurewatch_receiver.states import Origin, State
from featurewatch_receiver.store.database import lock
from featurewatch_receiver.store.queue import WorkQueue
from featurewatch_receiver.store.schema import alerts, episodes
from featurewatch_receiver.store.schema import remediations as table


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An episode that fires."""

    episode_id: str
    alertname: str
    extractor: str | None


@dataclass(frozen=True, kw_only=True)
class _Done:
    """What was done on a target before, of one action; see `Situation`."""

    busy: bool
    last_run: datetime | None
    runs_of_hour: int
    runs_of_day: int


class Planner:
    """Decides within one transaction."""

    def __init__(self, core: Core, connection: Connection, queue: WorkQueue):
        self._core = core
        self._connection = connection
        self._queue = queue
        self._now = core.now()
        #: What was done on targets, as far as it was asked for and nothing new was queued.
        self._done: dict[tuple[ActionName, str], _Done] = {}
        #: Skips that are not stored yet: many at once cost little more than one.
        self._skips: list[Decision] = []

    def consider(self, subjects: Iterable[Subject]) -> list[Decision]:
        """Decide what is next for each episode; what may run is queued."""
        alerts = self._core.config.alerts
        due = [s for s in subjects if s.alertname in alerts and alerts[s.alertname].responses]
        if not due:
            return []
        lock(self._connection, *(f"target {s.extractor}" for s in due if s.extractor))
        before = _attempts(self._connection, [s.episode_id for s in due])
        found = [self._consider(subject, before[subject.episode_id]) for subject in due]
        remediations.store_new(self._connection, self._skips, self._now)
        self._skips = []
        return [decision for decision in found if decision]

    def ask(  # noqa: PLR0913  # what a person says, by name
        self,
        action: ActionName,
        extractor: str,
        *,
        row_id: str,
        episode_id: str | None,
        user: str,
        reason: str,
    ) -> Decision:
        """Decide about an action that a person asks for."""
        lock(self._connection, f"target {extractor}")
        situation = self.situation(action, extractor, origin=Origin.PERSON, episode_id=episode_id)
        return self._store(
            Decision(
                id=row_id,
                episode_id=episode_id,
                alertname=None,
                action=action,
                target=self._target(extractor),
                skip=decide(self._core.config, situation),
                origin=Origin.PERSON,
                actor=user,
                detail=reason,
            )
        )

    def situation(  # noqa: PLR0913  # what it is about, by name
        self,
        action: ActionName,
        extractor: str | None,
        *,
        origin: Origin = Origin.ALERT,
        episode_id: str | None = None,
        resolved: bool = False,
        besides: str | None = None,
    ) -> Situation:
        """Gather what guards ask about; `besides` is the remediation that it is about itself."""
        target = self._target(extractor)
        if target is None:  # nothing was ever done there
            return Situation(action=action, extractor=extractor, now=self._now, resolved=resolved)
        done = self._look(action, target, besides)
        runs = sequence.runs_of_episode(self._connection, action, episode_id, besides)
        return self._situation(action, target, done, runs, origin=origin, resolved=resolved)

    def _situation(  # noqa: PLR0913  # what it is about, by name
        self,
        action: ActionName,
        target: str,
        done: _Done,
        runs_of_episode: int,
        *,
        origin: Origin = Origin.ALERT,
        resolved: bool = False,
    ) -> Situation:
        return Situation(
            action=action,
            extractor=target,
            now=self._now,
            origin=origin,
            resolved=resolved,
            kill_switch=self._killed,
            busy=done.busy,
            last_run=done.last_run,
            runs_of_episode=runs_of_episode,
            runs_of_hour=done.runs_of_hour,
            runs_of_day=done.runs_of_day,
            episodes_begun=self._episodes_begun,
        )

    def _look(self, action: ActionName, target: str, besides: str | None) -> _Done:
        """What was done on the target; many episodes of one target ask the same."""
        key = action, target
        if besides is None and key in self._done:
            return self._done[key]
        connection = self._connection
        hour, day = self._now - timedelta(hours=1), self._now - timedelta(days=1)
        done = _Done(
            busy=sequence.is_busy(connection, target, besides),
            last_run=sequence.last_run(connection, action, target, besides),
            runs_of_hour=sequence.runs_since(connection, action, target, hour, besides),
            runs_of_day=sequence.runs_since(connection, action, target, day, besides),
        )
        if besides is None:
            self._done[key] = done
        return done

    @cached_property
    def _killed(self) -> bool:
        return is_engaged(self._connection)

    @cached_property
    def _episodes_begun(self) -> int:
        return sequence.episodes_begun(self._connection, self._core.config, self._now)

    def _target(self, extractor: str | None) -> str | None:
        return extractor if extractor in self._core.config.targets else None

    def _consider(self, subject: Subject, attempts: list[Attempt]) -> Decision | None:
        turn = choose(self._core.config.alerts[subject.alertname], attempts, self._now)
        if turn is None:
            return None
        skip = decide(self._core.config, self._situation_of(subject, turn, attempts))
        if turn.again and skip == turn.again.reason:
            return None
        decision = Decision(
            id=turn.again.id if turn.again else _row_id(subject, turn),
            episode_id=subject.episode_id,
            alertname=subject.alertname,
            action=turn.action,
            target=self._target(subject.extractor),
            skip=skip,
            queued=turn.again.queued if turn.again else 0,
        )
        if skip and not turn.again:
            self._skips.append(decision)
            return decision
        return self._store(decision, again=turn.again is not None)

    def _situation_of(self, subject: Subject, turn: Next, attempts: list[Attempt]) -> Situation:
        target = self._target(subject.extractor)
        if turn.again or target is None or any(a.action == turn.action for a in attempts):
            besides = turn.again.id if turn.again else None
            return self.situation(
                turn.action, subject.extractor, episode_id=subject.episode_id, besides=besides
            )
        return self._situation(turn.action, target, self._look(turn.action, target, None), 0)

    def put(self, decision: Decision, *, again: bool = False) -> Decision:
        """Store a decision that was made elsewhere, and queue it if it may run."""
        return self._store(decision, again=again)

    def attempt(self, row_id: str) -> Attempt | None:
        """What became of one remediation."""
        row = self._connection.execute(select(table).where(table.c.id == row_id)).one_or_none()
        return _attempt(row) if row else None

    def _store(self, decision: Decision, *, again: bool = False) -> Decision:
        if not decision.skip and decision.target:
            decision = decision.once_more()
            workflow, target = decision.workflow_id, decision.target or ""
            self._queue.put(self._connection, workflow, decision.id, target)
            self._done.clear()
        remediations.store(self._connection, decision, self._now, again=again)
        return decision


def firing(
    connection: Connection,
    episode_id: str | None = None,
    alertnames: Sequence[str] | None = None,
) -> list[Subject]:
    """Episodes of which an alert fires, and is not muted as a whole: this one, of these, or all."""
    columns = episodes.c.id, episodes.c.alertname, episodes.c.extractor
    fires = exists().where(alerts.c.episode_id == episodes.c.id, alerts.c.ends_at.is_(None))
    muted = or_(episodes.c.silenced_at.is_not(None), episodes.c.inhibited_at.is_not(None))
    query = select(*columns).where(episodes.c.resolved_at.is_(None), ~muted, fires)
    if episode_id is not None:
        query = query.where(episodes.c.id == episode_id)
    if alertnames is not None:
        query = query.where(episodes.c.alertname.in_(alertnames))
    return [
        Subject(episode_id=row.id, alertname=row.alertname, extractor=row.extractor)
        for row in connection.execute(query.order_by(episodes.c.started_at))
    ]


def _row_id(subject: Subject, turn: Next) -> str:
    return f"{subject.episode_id}:{turn.action}:{turn.number}"


def _attempts(connection: Connection, episode_ids: list[str]) -> dict[str, list[Attempt]]:
    of_them = table.c.episode_id.in_(episode_ids)
    query = select(table).where(of_them).order_by(table.c.created_at, table.c.id)
    found: dict[str, list[Attempt]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.episode_id].append(_attempt(row))
    return found


def _attempt(row: Row[tuple[object, ...]]) -> Attempt:
    return Attempt(
        id=row.id,
        action=row.action,
        state=State(row.state),
        reason=row.reason,
        queued=row.queued,
        finished_at=row.finished_at,
        origin=Origin(row.origin),
    )
