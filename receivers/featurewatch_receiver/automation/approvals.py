"""What a person decides about a remediation: approve its plan, deny it, or cancel it."""

from datetime import timedelta

from sqlalchemy import select

from featurewatch_receiver.automation import remediations
from featurewatch_receiver.automation.remediations import OPEN, Remediation, State, Step
from featurewatch_receiver.automation.reports import report_step
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.core import Core
from featurewatch_receiver.engine import WorkQueue
from featurewatch_receiver.errors import SkipReason
from featurewatch_receiver.store.schema import remediations as table

_WAITING = (State.AWAITING_APPROVAL,)


def approve(
    core: Core, queue: WorkQueue, row_id: str, user: str, reason: str
) -> Remediation | None:
    """Let the plan run; None when it does not wait for that.

    All guards are asked again, and a plan that would be another one by now waits once more.
    """
    step = Step(at=core.now(), actor=user, state=State.PLANNED, detail=reason)
    with core.writer.begin() as connection:
        row = remediations.load(connection, row_id)
        values = {"approved_by": user, "started_at": None}
        if row is None or not remediations.enter(connection, row_id, step, of=_WAITING, **values):
            return None
        once_more = row.queued + 1
        remediations.note(connection, row_id, queued=once_more)
        workflow = remediations.workflow_id(row_id, once_more)
        queue.put(connection, workflow, row_id, row.target or "")
    report_step(core, row, step)
    return row


def deny(core: Core, row_id: str, user: str, reason: str) -> Remediation | None:
    """End a remediation that waits for approval; None when it does not."""
    skipped = SkipReason.APPROVAL_DENIED
    step = Step(at=core.now(), actor=user, state=State.SKIPPED, reason=skipped, detail=reason)
    return _end(core, row_id, step, _WAITING)


def cancel(core: Core, row_id: str, user: str, reason: str) -> Remediation | None:
    """Stop a remediation wherever it is; None when it has ended.

    What the target was told already stays; the next look of the worker finds it cancelled.
    """
    step = Step(at=core.now(), actor=user, state=State.CANCELLED, detail=reason)
    return _end(core, row_id, step, OPEN)


def expire(core: Core) -> int:
    """End what has waited for approval too long, and return how many."""
    oldest = core.now() - timedelta(seconds=seconds(core.config.responses.approval_timeout))
    waits = table.c.state == State.AWAITING_APPROVAL, table.c.waiting_since < oldest
    with core.reader.begin() as connection:
        ids = list(connection.scalars(select(table.c.id).where(*waits)))
    step = Step(
        at=core.now(),
        actor="policy",
        state=State.SKIPPED,
        reason=SkipReason.APPROVAL_EXPIRED,
        detail=f"nobody approved it within {core.config.responses.approval_timeout}",
    )
    return sum(_end(core, row_id, step, _WAITING) is not None for row_id in ids)


def _end(core: Core, row_id: str, step: Step, of: tuple[State, ...]) -> Remediation | None:
    with core.writer.begin() as connection:
        row = remediations.load(connection, row_id)
        if row is None or not remediations.enter(connection, row_id, step, of=of):
            return None
    report_step(core, row, step)
    return row
