"""What a person decides about a remediation: approve its plan, deny it, or cancel it.

Each works in the caller's transaction, which also writes down who did it.
"""

from datetime import timedelta

from sqlalchemy import Connection, select

from featurewatch_receiver.automation import remediations, sequence
from featurewatch_receiver.automation.remediations import Remediation, Step, report_step
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import ConflictError
from featurewatch_receiver.states import OPEN, SkipReason, State
from featurewatch_receiver.store.database import lock
from featurewatch_receiver.store.queue import WorkQueue
from featurewatch_receiver.store.schema import remediations as table

_WAITING = (State.AWAITING_APPROVAL,)


def approve(  # noqa: PLR0913  # what a person says, by name
    core: Core,
    connection: Connection,
    queue: WorkQueue,
    row: Remediation,
    *,
    user: str,
    reason: str,
) -> Step | None:
    """Let the plan run; None when it does not wait for that.

    All guards are asked again, and a plan that would be another one by now waits once more.

    Raises:
        ConflictError: another action has the target; the plan goes on waiting.

    """
    if row.state not in _WAITING:
        return None
    lock(connection, f"target {row.target}")
    if sequence.is_busy(connection, row.target, row.id):
        raise ConflictError(
            f"remediation: another action is at work on {row.target};"
            " approve it when that has ended, the plan goes on waiting"
        )
    step = Step(at=core.now(), actor=user, state=State.PLANNED, detail=reason)
    queued = row.queued + 1
    values = {"approved_by": user, "started_at": None, "queued": queued}
    if not remediations.enter(connection, row.id, step, of=_WAITING, **values):
        return None
    workflow = remediations.workflow_id(row.id, queued)
    queue.put(connection, workflow, row.id, row.target or "")
    return step


def deny(
    core: Core, connection: Connection, row: Remediation, *, user: str, reason: str
) -> Step | None:
    """End a remediation that waits for approval; None when it does not."""
    skipped = SkipReason.APPROVAL_DENIED
    step = Step(at=core.now(), actor=user, state=State.SKIPPED, reason=skipped, detail=reason)
    return step if remediations.enter(connection, row.id, step, of=_WAITING) else None


def cancel(
    core: Core, connection: Connection, row: Remediation, *, user: str, reason: str
) -> Step | None:
    """Stop a remediation wherever it is; None when it has ended.

    What the target was told already stays, on a lease if the action has one; the next look of the
    worker finds it cancelled.
    """
    step = Step(at=core.now(), actor=user, state=State.CANCELLED, detail=reason)
    return step if remediations.enter(connection, row.id, step, of=OPEN) else None


def expire(core: Core) -> int:
    """End what has waited for approval too long, and return how many."""
    oldest = core.now() - timedelta(seconds=seconds(core.config.responses.approval_timeout))
    waits = table.c.state == State.AWAITING_APPROVAL, table.c.waiting_since < oldest
    with core.reader.begin() as connection:
        ids = list(connection.scalars(select(table.c.id).where(*waits)))
    return sum(_expire(core, row_id) for row_id in ids)


def _expire(core: Core, row_id: str) -> bool:
    step = Step(
        at=core.now(),
        actor="policy",
        state=State.SKIPPED,
        reason=SkipReason.APPROVAL_EXPIRED,
        detail=f"nobody approved it within {core.config.responses.approval_timeout}",
    )
    with core.writer.begin() as connection:
        row = remediations.load(connection, row_id)
        if row is None or not remediations.enter(connection, row_id, step, of=_WAITING):
            return False
    report_step(core, row, step)
    return True
