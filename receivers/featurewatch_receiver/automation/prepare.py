"""A remediation in hand, and its first step: is it due, what is the plan, and may the plan run?"""

import json
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from featurewatch_receiver.actions import actions
from featurewatch_receiver.actions.base import Action, Case, Change, Plan
from featurewatch_receiver.automation import remediations
from featurewatch_receiver.automation.converge import CancelledError, Patience, insist
from featurewatch_receiver.automation.guards import decide
from featurewatch_receiver.automation.planner import Planner
from featurewatch_receiver.automation.remediations import Remediation, Step, report_step
from featurewatch_receiver.automation.sequence import is_engaged
from featurewatch_receiver.automation.source import Readings, Source, stored, words
from featurewatch_receiver.backends import open_backend
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.receiver import ActionSettings as Settings
from featurewatch_receiver.config.receiver import Target
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import ActionSkippedError, ConfigError
from featurewatch_receiver.states import Origin, SkipReason, State
from featurewatch_receiver.store.database import without_nul
from featurewatch_receiver.store.queue import WorkQueue


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How a worker waits: `stop` ends every wait; the pauses between two looks are in seconds."""

    stop: threading.Event
    look_again: float
    verify_again: float


@dataclass(frozen=True, kw_only=True)
class Task:
    """A remediation as it stood when its step began."""

    core: Core
    row: Remediation
    pace: Pace

    @property
    def action(self) -> Action[Any, Any]:
        """What is to be done."""
        return actions()[self.row.action]

    @property
    def settings(self) -> Settings:
        """How it is used."""
        return self.core.config.responses.actions.get(self.row.action)

    @property
    def target(self) -> Target:
        """What may be touched.

        Raises:
            ConfigError: it is listed no more.

        """
        target = self.core.config.targets.get(self.row.target or "")
        if target is None:
            fix = "see what became of it"
            raise ConfigError([f"targets: {self.row.target} is listed no more; {fix}"])
        return target

    @property
    def changes_target(self) -> bool:
        """Whether its plan leaves a change that a lease could take back."""
        return self.action.change(self.row.plan or {}) is not None

    def open_backend(self, deadline: Deadline) -> Any:
        """The way to the target; the caller closes it."""
        where = self.target.backend_of(self.action.where)
        return open_backend(self.core.config, where, deadline)

    def time_to_act(self) -> timedelta:
        """From the begin of work until the target must be as planned."""
        own = self.settings.timeout
        return timedelta(seconds=seconds(own or self.core.config.responses.timeout))

    def time_to_verify(self) -> timedelta:
        """From then until the alert's values must be well; none for no verification."""
        return timedelta(seconds=seconds(self.settings.verify))

    def patience(self) -> Patience:
        """How long the present step may wait; a crash in it buys no time."""
        verifying = self.row.state is State.VERIFYING
        began = (self.row.done_at if verifying else self.row.started_at) or self.core.now()
        time = self.time_to_verify() if verifying else self.time_to_act()
        # Never more than all of it: the wall clock may have been set back.
        left = min(time, time - (self.core.now() - began))
        return Patience(
            deadline=Deadline(left.total_seconds()),
            stop=self.pace.stop,
            pause=self.pace.verify_again if verifying else self.pace.look_again,
            is_cancelled=self._is_cancelled,
        )

    def has_acted(self) -> bool:
        """Whether the target may have been told."""
        return self._now(lambda row: row.acted_at is not None, gone=False)

    def _is_cancelled(self) -> bool:
        return self._now(lambda row: row.state is State.CANCELLED, gone=True)

    def _now(self, holds: Callable[[Remediation], bool], *, gone: bool) -> bool:
        with self.core.reader.begin() as connection:
            row = remediations.load(connection, self.row.id)
        return holds(row) if row else gone

    def note_act(self) -> None:
        """From here on the target may know; who cancels before that can rely on it.

        Raises:
            CancelledError: a person was faster.
            ActionSkippedError: the kill switch was.

        """
        with self.core.writer.begin() as connection:
            if not remediations.is_in(connection, self.row.id, State.RUNNING):
                raise CancelledError
            if is_engaged(connection) and not self.has_acted():
                detail = "engaged before the target was told"
                raise ActionSkippedError(SkipReason.KILL_SWITCH, detail)
            remediations.note_first(connection, self.row.id, "acted_at", self.core.now())

    def enter(
        self,
        state: State,
        reason: str | None = None,
        detail: str | None = None,
        **values: Any,
    ) -> None:
        """Change its state, if it still is where it stood: another process may have begun too."""
        step = Step(
            at=self.core.now(),
            actor="worker",
            state=state,
            reason=reason,
            detail=without_nul(detail) if detail else None,
        )
        of = (self.row.state,)
        with self.core.writer.begin() as connection:
            entered = remediations.enter(connection, self.row.id, step, of=of, **values)
        if entered:
            report_step(self.core, self.row, step)


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
