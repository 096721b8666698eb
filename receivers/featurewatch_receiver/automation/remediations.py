"""The remediations table: its states, and every way to read or change a row.

Each change of state is one transaction that also appends a row to remediation_steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from featurewatch_receiver import logs
from featurewatch_receiver.config.receiver import ActionName
from featurewatch_receiver.core import Core
from featurewatch_receiver.states import ACTIVE, ARRIVED, FAILURES, OPEN, Origin, SkipReason, State
from featurewatch_receiver.store.schema import episodes, remediation_steps, remediations


@dataclass(frozen=True, kw_only=True)
class Remediation:
    """One row, with what its episode adds."""

    id: str
    episode_id: str | None
    action: ActionName
    target: str | None
    origin: Origin
    requested_by: str | None
    approved_by: str | None
    queued: int
    state: State
    reason: str | None
    plan: dict[str, Any] | None
    back_to: dict[str, Any] | None
    values_before: dict[str, float] | None
    values_after: dict[str, float] | None
    hold_id: str | None
    created_at: datetime
    started_at: datetime | None
    waiting_since: datetime | None
    acted_at: datetime | None
    done_at: datetime | None
    finished_at: datetime | None
    alertname: str | None
    labels: dict[str, str]
    episode_resolved: bool

    @property
    def workflow_id(self) -> str:
        """The engine's key of its present run."""
        return workflow_id(self.id, self.queued)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A change of state: into which, when, by whom and why."""

    at: datetime
    actor: str
    state: State
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided: one action, to be run or skipped."""

    id: str
    episode_id: str | None
    alertname: str | None
    action: ActionName
    target: str | None
    skip: SkipReason | None
    #: How often it was queued; a decision to run is one more.
    queued: int = 0
    origin: Origin = Origin.ALERT
    actor: str = "policy"
    detail: str | None = None
    back_to: dict[str, Any] | None = None

    @property
    def state(self) -> State:
        """Where the remediation begins."""
        return State.SKIPPED if self.skip else State.PLANNED

    @property
    def workflow_id(self) -> str:
        """The engine's key of the run."""
        return workflow_id(self.id, self.queued)

    def once_more(self) -> "Decision":
        """The same, queued once more."""
        return replace(self, queued=self.queued + 1)


def workflow_id(row_id: str, queued: int) -> str:
    """Return the engine's key of the n-th run of a remediation."""
    return f"{row_id}@{queued}"


def store(connection: Connection, decision: Decision, now: datetime, *, again: bool) -> None:
    """Store a decision; with `again`, in place of an earlier skip of the same id."""
    if not again:
        store_new(connection, [decision], now)
        return
    # An approval was for the moment when it was given.
    values = _row(decision, now) | {"started_at": None, "approved_by": None}
    connection.execute(update(remediations).where(remediations.c.id == decision.id), values)
    append(connection, decision.id, _first_step(decision, now))


def store_new(connection: Connection, decisions: Sequence[Decision], now: datetime) -> None:
    """Store decisions of which none was stored before."""
    if not decisions:
        return
    rows = [
        {
            "id": decision.id,
            "episode_id": decision.episode_id,
            "origin": decision.origin,
            "requested_by": decision.actor if decision.origin is Origin.PERSON else None,
            "created_at": now,
            **_row(decision, now),
        }
        for decision in decisions
    ]
    connection.execute(insert(remediations), rows)
    steps = [_step_row(decision.id, _first_step(decision, now)) for decision in decisions]
    connection.execute(insert(remediation_steps), steps)


def _row(decision: Decision, now: datetime) -> dict[str, object]:
    return {
        "action": decision.action,
        "target": decision.target,
        "state": decision.state,
        "reason": decision.skip,
        "queued": decision.queued,
        "back_to": decision.back_to,
        "finished_at": now if decision.skip else None,
    }


def _first_step(decision: Decision, now: datetime) -> Step:
    return Step(
        at=now,
        actor=decision.actor,
        state=decision.state,
        reason=decision.skip,
        detail=decision.detail,
    )


def enter(
    connection: Connection,
    row_id: str,
    step: Step,
    *,
    of: tuple[State, ...] = ACTIVE,
    **values: Any,
) -> bool:
    """Change the state of a remediation that is in one of `of`; False if it is not."""
    row = {"state": step.state, "reason": step.reason, **values}
    if step.state not in OPEN:
        row["finished_at"] = step.at
    there = remediations.c.state.in_(of)
    change = update(remediations).where(remediations.c.id == row_id, there).values(row)
    if connection.execute(change).rowcount == 0:
        return False
    append(connection, row_id, step)
    return True


def note(connection: Connection, row_id: str, **values: Any) -> None:
    """Write values that change no state."""
    connection.execute(update(remediations).where(remediations.c.id == row_id).values(values))


def note_first(connection: Connection, row_id: str, column: str, now: datetime) -> None:
    """Write a time, the first time only: a crash buys no time."""
    fresh = remediations.c[column].is_(None)
    connection.execute(
        update(remediations).where(remediations.c.id == row_id, fresh).values({column: now})
    )


def load(connection: Connection, row_id: str) -> Remediation | None:
    """Read one remediation; None when there is none, or no more."""
    row = connection.execute(
        select(remediations, episodes.c.alertname, episodes.c.labels, episodes.c.resolved_at)
        .outerjoin(episodes)
        .where(remediations.c.id == row_id)
    ).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)
    resolved = values.pop("resolved_at") is not None
    return Remediation(
        **values
        | {
            "labels": row.labels or {},
            "episode_resolved": resolved,
            "state": State(row.state),
            "origin": Origin(row.origin),
        }
    )


def is_in(connection: Connection, row_id: str, state: State) -> bool:
    """Whether the remediation is in this state; nobody changes that before the transaction ends."""
    found = select(remediations.c.state).where(remediations.c.id == row_id).with_for_update()
    return connection.scalar(found) == state


def append(connection: Connection, row_id: str, step: Step) -> None:
    """Append to the steps of a remediation."""
    connection.execute(insert(remediation_steps), _step_row(row_id, step))


def _step_row(row_id: str, step: Step) -> dict[str, object]:
    return {
        "remediation_id": row_id,
        "at": step.at,
        "actor": step.actor,
        "state": step.state,
        "reason": step.reason,
        "detail": step.detail,
    }


#: In place of an extractor that is not listed, whose name anybody can make up.
NO_TARGET = ""
#: The ends whose duration is that of an action; a plan that was dropped or skipped only waited.
WORKED = (*ARRIVED, *FAILURES)


def report_decision(core: Core, decision: Decision) -> None:
    """Tell of a decision."""
    if decision.skip:
        target = decision.target or NO_TARGET
        core.metrics.remediations.labels(decision.action, target, State.SKIPPED).inc()
        core.metrics.skips.labels(decision.action, decision.skip).inc()
    logs.event(
        "remediation",
        episode=decision.episode_id,
        id=decision.id,
        alertname=decision.alertname,
        action=decision.action,
        target=decision.target,
        state=decision.state,
        reason=decision.skip,
        actor=decision.actor,
    )


def report_step(core: Core, row: Remediation, step: Step) -> None:
    """Tell of a change of state."""
    metrics = core.metrics
    if step.state not in OPEN:
        metrics.remediations.labels(row.action, row.target or NO_TARGET, step.state).inc()
    if step.state in WORKED and row.started_at:
        metrics.duration.labels(row.action).observe((step.at - row.started_at).total_seconds())
    if step.state is State.SKIPPED:
        metrics.skips.labels(row.action, step.reason).inc()
    logs.event(
        "remediation",
        episode=row.episode_id,
        id=row.id,
        alertname=row.alertname,
        action=row.action,
        target=row.target,
        state=step.state,
        reason=step.reason,
        detail=step.detail,
        actor=step.actor,
    )
