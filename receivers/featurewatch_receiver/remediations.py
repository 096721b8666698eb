"""The remediations table: its states, and every way to read or change a row.

Each change of state is one transaction that also appends a row to remediation_steps.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, exists, func, insert, select, update

from featurewatch_receiver.config import ActionName
from featurewatch_receiver.errors import SkipReason
from featurewatch_receiver.schema import episodes, remediation_steps, remediations


class State(StrEnum):
    """Where a remediation stands."""

    #: Decided and queued.
    PLANNED = "planned"
    #: Its plan is stored and it may have touched the target.
    RUNNING = "running"
    #: The target confirmed what was planned.
    SUCCEEDED = "succeeded"
    #: The target refused, answered nonsense, or was changed by somebody else.
    FAILED = "failed"
    #: It was not confirmed within responses.timeout.
    TIMED_OUT = "timed_out"
    #: It did not touch the target; the reason is a SkipReason.
    SKIPPED = "skipped"


ACTIVE = (State.PLANNED, State.RUNNING)
RAN = (State.SUCCEEDED, State.FAILED, State.TIMED_OUT)


@dataclass(frozen=True, kw_only=True)
class Remediation:
    """One row, with what its episode adds."""

    id: str
    action: ActionName
    target: str | None
    state: State
    plan: dict[str, Any] | None
    started_at: datetime | None
    alertname: str
    episode_resolved: bool


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
    """What was decided for an episode: one action, to be run or skipped."""

    episode_id: str
    alertname: str
    action: ActionName
    target: str | None
    skip: SkipReason | None

    @property
    def id(self) -> str:
        """The remediation's key."""
        return remediation_id(self.episode_id, self.action)

    @property
    def state(self) -> State:
        """Where the remediation begins."""
        return State.SKIPPED if self.skip else State.PLANNED


def remediation_id(episode_id: str, action: ActionName) -> str:
    """Return the key that allows one remediation per episode and action."""
    return f"{episode_id}:{action}"


def add(connection: Connection, decision: Decision, now: datetime, *, again: bool) -> None:
    """Store a decision; with `again`, in place of an earlier one that had to pass."""
    row = {
        "id": decision.id,
        "episode_id": decision.episode_id,
        "action": decision.action,
        "target": decision.target,
        "state": decision.state,
        "reason": decision.skip,
        "created_at": now,
        "finished_at": now if decision.skip else None,
    }
    if again:
        connection.execute(update(remediations).where(remediations.c.id == decision.id), row)
    else:
        connection.execute(insert(remediations), row)
    step = Step(at=now, actor="policy", state=decision.state, reason=decision.skip)
    _append(connection, decision.id, step)


def enter(connection: Connection, row_id: str, step: Step, **values: Any) -> bool:
    """Change the state of an active remediation; False if it had ended already."""
    row = {"state": step.state, "reason": step.reason, **values}
    if step.state not in ACTIVE:
        row["finished_at"] = step.at
    active = remediations.c.state.in_(ACTIVE)
    change = update(remediations).where(remediations.c.id == row_id, active).values(row)
    if connection.execute(change).rowcount == 0:
        return False
    _append(connection, row_id, step)
    return True


def start(connection: Connection, row_id: str, now: datetime) -> None:
    """Note when work began, the first time only: a crash buys no time."""
    fresh = remediations.c.started_at.is_(None)
    connection.execute(
        update(remediations).where(remediations.c.id == row_id, fresh).values(started_at=now)
    )


def load(connection: Connection, row_id: str) -> Remediation:
    """Read one remediation."""
    row = connection.execute(
        select(remediations, episodes.c.alertname, episodes.c.resolved_at)
        .join(episodes)
        .where(remediations.c.id == row_id)
    ).one()
    return Remediation(
        id=row.id,
        action=row.action,
        target=row.target,
        state=State(row.state),
        plan=row.plan,
        started_at=row.started_at,
        alertname=row.alertname,
        episode_resolved=row.resolved_at is not None,
    )


def skips(connection: Connection, ids: list[str]) -> dict[str, SkipReason | None]:
    """Which of these remediations exist, with the reason of those that were skipped."""
    columns = remediations.c.id, remediations.c.reason, remediations.c.state
    rows = connection.execute(select(*columns).where(remediations.c.id.in_(ids)))
    return {r.id: SkipReason(r.reason) if r.state == State.SKIPPED else None for r in rows}


def is_busy(connection: Connection, target: str | None) -> bool:
    """Whether an action is planned or running on the target."""
    active = exists().where(remediations.c.target == target, remediations.c.state.in_(ACTIVE))
    return bool(connection.scalar(select(active)))


def last_run(connection: Connection, action: ActionName, target: str | None) -> datetime | None:
    """When the action last ended on the target, however it ended."""
    ended: datetime | None = connection.scalar(
        select(func.max(remediations.c.finished_at)).where(
            remediations.c.target == target,
            remediations.c.action == action,
            remediations.c.state.in_(RAN),
        )
    )
    return ended


def _append(connection: Connection, row_id: str, step: Step) -> None:
    connection.execute(
        insert(remediation_steps),
        {
            "remediation_id": row_id,
            "at": step.at,
            "actor": step.actor,
            "state": step.state,
            "reason": step.reason,
            "detail": step.detail,
        },
    )
