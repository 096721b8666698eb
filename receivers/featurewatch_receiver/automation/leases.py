"""Leases: what an action has added is taken back when it is needed no more.

A lease keeps the state before the first change, and ends once its extractor has been without an
alert for as long as the action's `lease` says. It goes back in steps, each a remediation of its
own. It never undoes what somebody else has changed meanwhile.
"""

from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, insert, select, update

from featurewatch_receiver import logs
from featurewatch_receiver.actions import actions
from featurewatch_receiver.actions.base import Change
from featurewatch_receiver.automation import remediations
from featurewatch_receiver.automation.approvals import cancel
from featurewatch_receiver.automation.guards import decide
from featurewatch_receiver.automation.planner import Planner
from featurewatch_receiver.automation.remediations import (
    Decision,
    Remediation,
    Step,
    report_decision,
)
from featurewatch_receiver.automation.source import Source
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import ConflictError, PrometheusError
from featurewatch_receiver.states import FAILURES, OPEN, LeaseEnd, Origin, SkipReason, State
from featurewatch_receiver.store.database import lock
from featurewatch_receiver.store.queue import WorkQueue
from featurewatch_receiver.store.schema import episodes, leases
from featurewatch_receiver.store.schema import remediations as table

ACTOR = "lease"
#: After so many attempts a person must look.
MOST_STEPS = 50
MOST_FAILURES = 3

Lease = Row[Any]
_open = leases.c.ended_at.is_(None)


def follow(connection: Connection, core: Core, row: Remediation, *, stands: bool) -> None:
    """Draw the conclusions from a remediation that has ended.

    `stands`: the target is as it was told, however the remediation ended.
    """
    if row.origin is Origin.LEASE:
        _went_back(connection, core.now(), row, stands=stands)
    elif stands:
        _changed(connection, core, row)


def end(
    connection: Connection, lease_id: str, now: datetime, why: LeaseEnd, by: str | None
) -> bool:
    """End a lease, and leave the target as it is; False if it has ended already."""
    ended = update(leases).where(leases.c.id == lease_id, _open)
    values = {"ended_at": now, "end_reason": why, "ended_by": by, "waits_for": None}
    return connection.execute(ended.values(values)).rowcount > 0


def keep(
    connection: Connection, core: Core, lease_id: str, *, user: str, reason: str
) -> list[tuple[Remediation, Step]]:
    """Stop the way back where it has not begun, and return what was stopped.

    Raises:
        ConflictError: the target was told to go back.

    """
    found = connection.scalars(select(table.c.id).where(_of(lease_id), table.c.state.in_(OPEN)))
    stopped = []
    for row_id in found.all():
        row = remediations.load(connection, row_id)
        if row and row.acted_at:
            raise ConflictError(
                f"lease: its way back has begun; cancel it, {row_id}, or let it end"
            )
        if row and (step := cancel(core, connection, row, user=user, reason=reason)):
            stopped.append((row, step))
    return stopped


def tend(core: Core, queue: WorkQueue) -> None:
    """Begin to take back what has been quiet for long enough."""
    with core.reader.begin() as connection:
        targets = set(connection.scalars(select(leases.c.target).where(_open)))
    troubled = _troubled(core, targets)
    decisions = []
    with core.writer.begin() as connection:
        lock(connection, "leases")
        for lease in connection.execute(select(leases).where(_open)).all():
            fires = troubled.get(lease.target)
            if decision := _tend(core, connection, queue, lease, fires=fires):
                decisions.append(decision)
    for decision in decisions:
        report_decision(core, decision)


def _troubled(core: Core, targets: set[str]) -> dict[str, bool]:
    """Which of these an alert fires about: by Prometheus, or without one by our own history.

    Empty while Prometheus can't be asked.
    """
    with closing(Source(core.config)) as source, core.reader.begin() as connection:
        try:
            found = {target: source.fires(target) for target in sorted(targets)}
        except PrometheusError:
            return {}
        return {
            target: _is_open(connection, target) if fires is None else fires
            for target, fires in found.items()
        }


def _is_open(connection: Connection, target: str) -> bool:
    of_target = episodes.c.extractor == target, episodes.c.resolved_at.is_(None)
    labels = connection.scalars(select(episodes.c.labels).where(*of_target))
    # That an action failed is no trouble of the extractor's.
    return any(found.get("category") != "featurewatch" for found in labels)


def _changed(connection: Connection, core: Core, row: Remediation) -> None:
    """Begin a lease, or let the one of an earlier change cover this one too."""
    settings = core.config.responses.actions.get(row.action)
    change = actions()[row.action].change(row.plan or {})
    if change is None or getattr(settings, "lease", None) is None:
        return
    if row.acted_at is None:
        return  # somebody else was faster: it is theirs
    same = leases.c.target == row.target, leases.c.action == row.action, _open
    more = {"changed_to": change.after, "quiet_since": None, "alertname": row.alertname}
    if earlier := connection.execute(select(leases).where(*same)).one_or_none():
        if earlier.changed_to not in (change.before, change.after):
            more["back_to"] = change.before  # somebody else changed it between: that is theirs
        connection.execute(update(leases).where(leases.c.id == earlier.id).values(more))
        return
    if connection.scalar(select(exists().where(leases.c.id == row.id))):
        return  # concluded before, by a process that was then gone
    values = {
        "id": row.id,
        "episode_id": row.episode_id,
        "target": row.target,
        "action": row.action,
        "back_to": change.before,
        "created_at": core.now(),
        "steps": 0,
    }
    connection.execute(insert(leases), values | more)
    logs.event(
        "lease begun",
        episode=row.episode_id,
        id=row.id,
        target=row.target,
        back_to=str(change.before),
    )


def _went_back(connection: Connection, now: datetime, row: Remediation, *, stands: bool) -> None:
    lease_id = row.id.partition("/")[0]
    if stands:
        reached = _reached(row)
        connection.execute(update(leases).where(leases.c.id == lease_id).values(changed_to=reached))
        if row.back_to and reached == row.back_to["before"]:
            end(connection, lease_id, now, LeaseEnd.REVERTED, None)
            return
    if row.reason == "target_changed":
        end(connection, lease_id, now, LeaseEnd.TARGET_CHANGED, None)
    elif row.reason == SkipReason.AT_BOUND:
        end(connection, lease_id, now, LeaseEnd.REVERTED, None)
    elif row.state is State.CANCELLED:
        end(connection, lease_id, now, LeaseEnd.CANCELLED, None)
    elif row.state in FAILURES and _failures(connection, lease_id) >= MOST_FAILURES:
        end(connection, lease_id, now, LeaseEnd.FAILED, None)


def _reached(row: Remediation) -> dict[str, Any]:
    """The state that a step has led to, in the words of the lease."""
    plan, before = row.plan or {}, (row.back_to or {}).get("before", {})
    found = plan.get("resources")
    return found if isinstance(found, dict) else {name: plan.get(name) for name in before}


def _failures(connection: Connection, lease_id: str) -> int:
    steps = select(table.c.id).where(_of(lease_id), table.c.state.in_(FAILURES))
    return len(connection.execute(steps).all())


def _of(lease_id: str) -> ColumnElement[bool]:
    return table.c.id.startswith(f"{lease_id}/", autoescape=True)


def _tend(
    core: Core, connection: Connection, queue: WorkQueue, lease: Lease, *, fires: bool | None
) -> Decision | None:
    now = core.now()
    known = actions().keys() & set(core.config.responses.actions.names())
    if lease.target not in core.config.targets or lease.action not in known:
        end(connection, lease.id, now, LeaseEnd.FORGOTTEN, None)
        return None
    if fires is None:
        _note(connection, lease, waits_for=SkipReason.SOURCE_UNREACHABLE)
        return None
    if fires:
        _note(connection, lease, quiet_since=None, waits_for=None)
        return None
    if lease.quiet_since is None:
        _note(connection, lease, quiet_since=now)
        return None
    settings = core.config.responses.actions.get(lease.action)
    time = getattr(settings, "lease", None)
    if time is None or now - lease.quiet_since < timedelta(seconds=seconds(time)):
        return None
    return _take_back(core, connection, queue, lease)


def _take_back(
    core: Core, connection: Connection, queue: WorkQueue, lease: Lease
) -> Decision | None:
    action = actions()[lease.action].reverted_by or lease.action
    planner = Planner(core, connection, queue)
    skip = decide(core.config, planner.situation(action, lease.target, origin=Origin.LEASE))
    if core.config.responses.dry_run:
        skip = SkipReason.DRY_RUN
    last = planner.attempt(_step_id(lease, lease.steps))
    again = last is not None and last.state is State.SKIPPED
    if last and again and not skip and not last.may_be_tried(core.now()):
        skip = SkipReason(last.reason or "")
    _note(connection, lease, waits_for=skip)
    if skip:
        return None
    step = lease.steps if again else lease.steps + 1
    if step > MOST_STEPS:
        end(connection, lease.id, core.now(), LeaseEnd.FAILED, None)
        return None
    _note(connection, lease, steps=step)
    change = Change(before=lease.back_to, after=lease.changed_to)
    return planner.put(
        Decision(
            id=_step_id(lease, step),
            episode_id=None,
            alertname=None,
            action=action,
            target=lease.target,
            skip=None,
            queued=last.queued if last and again else 0,
            origin=Origin.LEASE,
            actor=ACTOR,
            detail=f"quiet since {lease.quiet_since:%H:%M:%S} UTC",
            back_to={"before": change.before, "after": change.after},
        ),
        again=again,
    )


def _step_id(lease: Lease, step: int) -> str:
    return f"{lease.id}/{step}"


def _note(connection: Connection, lease: Lease, **values: Any) -> None:
    if any(getattr(lease, name) != value for name, value in values.items()):
        connection.execute(update(leases).where(leases.c.id == lease.id).values(values))
