"""The first step of a remediation: is it due, what is the plan, and may the plan run?"""

import json
from contextlib import closing
from typing import Any

from featurewatch_receiver.actions.base import Case, Change, Plan
from featurewatch_receiver.automation.converge import insist
from featurewatch_receiver.automation.planner import Planner
from featurewatch_receiver.automation.policy import decide
from featurewatch_receiver.automation.remediations import Origin, State
from featurewatch_receiver.automation.source import Readings, Source, stored, words
from featurewatch_receiver.automation.task import Task
from featurewatch_receiver.engine import WorkQueue
from featurewatch_receiver.errors import ActionSkippedError, SkipReason


def prepare(task: Task, queue: WorkQueue) -> None:
    """Ask every guard once more, look at source and target, store the plan, and enter what follows.

    Raises:
        ActionSkippedError: a guard speaks against it.
        TargetError: the target can't be seen.

    """
    _ask_guards(task, queue)
    with closing(Source(task.core.config)) as source:
        source.check(task.row)
        readings = source.readings_if_any(task.row)
    violated = frozenset(name for name, reading in readings.items() if reading.violated)
    if readings and not violated and task.row.origin is Origin.ALERT:
        raise ActionSkippedError(SkipReason.ALREADY_WELL, f"well again: {words(readings)}")
    let_run(task, _plan(task, violated), readings)


def let_run(task: Task, plan: Plan, readings: Readings) -> None:
    """Enter the state that the mode asks for."""
    row = task.row
    known: dict[str, Any] = {"plan": plan, "values_before": stored(readings)}
    detail = f"plan: {_words(plan)}"
    mode = "auto" if row.origin is Origin.LEASE else task.settings.mode
    asks = mode == "approve" and row.origin is Origin.ALERT
    if task.core.config.responses.dry_run or mode == "dry-run":
        task.enter(State.SKIPPED, SkipReason.DRY_RUN, detail, **known)
    elif asks and (row.approved_by is None or plan != row.plan):
        changed = "plan_changed" if row.approved_by else None
        known |= {"approved_by": None, "waiting_since": task.core.now()}
        task.enter(State.AWAITING_APPROVAL, changed, detail, **known)
    else:
        task.enter(State.RUNNING, None, detail, **known)


def _ask_guards(task: Task, queue: WorkQueue) -> None:
    """What held when it was decided may not hold any more."""
    row = task.row
    with task.core.writer.begin() as connection:
        situation = Planner(task.core, connection, queue).situation(
            row.action,
            row.target,
            origin=row.origin,
            episode_id=row.episode_id,
            resolved=row.episode_resolved,
            besides=row.id,
        )
    if reason := decide(task.core.config, situation):
        raise ActionSkippedError(reason, "found when the action was about to start")


def _plan(task: Task, violated: frozenset[str]) -> Plan:
    row, patience = task.row, task.patience()
    case = Case(
        id=row.id,
        now=task.core.now(),
        alertname=row.alertname,
        extractor=row.target or "",
        violated=violated,
        revert=Change(**row.back_to) if row.back_to else None,
    )
    target, settings, action = task.target, task.settings, task.action
    with closing(task.open_backend(patience.deadline)) as backend:
        plan = insist(patience, lambda: action.plan(backend, target, settings, case))
    # As it will be read again: an approved plan is compared with the next one.
    found: Plan = json.loads(json.dumps(plan, allow_nan=False))
    return found


def _words(plan: Plan) -> str:
    return ", ".join(f"{name} {value}" for name, value in plan.items())
