"""The steps of one remediation: prepare it, then carry it out.

The engine may begin each step again after a crash, so a step reads where things stand first.
"""

import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver import logs, remediations
from featurewatch_receiver.actions import ACTIONS
from featurewatch_receiver.actions.base import Action, Look, Plan, Progress
from featurewatch_receiver.backends import open_backend
from featurewatch_receiver.backends.base import Backend
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config import Target
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import (
    ActionSkippedError,
    DeadlineError,
    TargetError,
    TargetRefusedError,
    TargetSilentError,
    TargetUnreachableError,
)
from featurewatch_receiver.policy import Situation, decide
from featurewatch_receiver.remediations import Remediation, State, Step
from featurewatch_receiver.values import seconds

LOOK_AGAIN_SECONDS = 0.5

Result = TypeVar("Result")


class Stopping(BaseException):
    """The process ends. Not an Exception: the workflow stays unfinished and is taken up again."""


class Remediator:
    """Carries out remediations. `stop` makes it leave them where they are."""

    def __init__(
        self, core: Core, stop: threading.Event, look_again: float = LOOK_AGAIN_SECONDS
    ) -> None:
        self._core = core
        self._stop = stop
        self._look_again = look_again

    def prepare(self, row_id: str) -> bool:
        """Check once more that the action is due, and store its plan; False if it ended here."""
        row = self._load(row_id)
        if row.state is not State.PLANNED:
            return row.state is State.RUNNING
        return self._guarded(row, self._prepare)

    def carry_out(self, row_id: str) -> bool:
        """Bring the target to where the plan wants it; False if that failed."""
        row = self._load(row_id)
        if row.state is not State.RUNNING:
            return row.state is State.SUCCEEDED
        return self._guarded(row, self._carry_out)

    def _load(self, row_id: str) -> Remediation:
        with self._core.writer.begin() as connection:
            remediations.start(connection, row_id, self._core.now())
            return remediations.load(connection, row_id)

    def _guarded(
        self, row: Remediation, work: Callable[[Remediation, Backend, Deadline], None]
    ) -> bool:
        """Do the work, and turn every expected failure into a state with a reason."""
        try:
            self._check(row)
            deadline = self._deadline(row)
            with closing(open_backend(self._core, self._target(row).backend, deadline)) as backend:
                work(row, backend, deadline)
        except ActionSkippedError as skip:
            self._enter(row, State.SKIPPED, skip.reason, str(skip))
        except DeadlineError as error:
            self._enter(row, State.TIMED_OUT, error.reason, str(error))
        except TargetError as error:
            self._enter(row, State.FAILED, error.reason, str(error))
        except SQLAlchemyError:
            raise  # the engine tries the step again
        except Exception as error:
            logs.trouble("remediation broke", error, id=row.id)
            self._enter(row, State.FAILED, "internal_error", repr(error))
        else:
            return True
        return False

    def _check(self, row: Remediation) -> None:
        """What held when it was decided may not hold any more. Once it acts, it ends the job."""
        if row.state is State.RUNNING:
            return
        situation = Situation(
            action=row.action,
            extractor=row.target,
            now=self._core.now(),
            resolved=row.episode_resolved,
        )
        if reason := decide(self._core.config, situation):
            raise ActionSkippedError(reason, "found when the action was about to start")

    def _prepare(self, row: Remediation, backend: Backend, deadline: Deadline) -> None:
        target = self._target(row)
        settings = self._core.config.responses.actions.get(row.action)
        action = ACTIONS[row.action]
        plan = self._insist(deadline, lambda: action.plan(backend, target, settings))
        words = ", ".join(f"{name} {value}" for name, value in plan.items())
        self._enter(row, State.RUNNING, detail=f"plan: {words}", plan=plan)

    def _carry_out(self, row: Remediation, backend: Backend, deadline: Deadline) -> None:
        assert row.plan is not None  # noqa: S101  # stored with the state running
        look = self._converge(ACTIONS[row.action], backend, row.plan, row.id, deadline)
        self._enter(row, State.SUCCEEDED, detail=look.detail)

    def _converge(
        self, action: Action, backend: Backend, plan: Plan, key: str, deadline: Deadline
    ) -> Look:
        """Look, act if need be, and look again until the target is as planned."""
        forgiven: tuple[type[TargetError], ...] = (TargetSilentError,)
        look = _patient(lambda: action.look(backend, plan))
        missing = look.detail
        while look.progress is not Progress.DONE:
            self._require_time(deadline, missing)
            if look.progress is Progress.TO_DO:
                try:
                    look = action.act(backend, plan, key)
                except forgiven as error:
                    # Nobody knows what happened, so it is looked at again. The target may also
                    # have gone down with the answer, and is waited for.
                    forgiven = (TargetSilentError, TargetUnreachableError)
                    look = Look(progress=Progress.UNDER_WAY, detail=str(error))
                missing = look.detail
            if look.progress is not Progress.DONE:
                self._pause(deadline)
                look = _patient(lambda: action.look(backend, plan))
        return look

    def _insist(self, deadline: Deadline, ask: Callable[[], Result]) -> Result:
        """Ask until the target answers or the time is up."""
        while True:
            try:
                return ask()
            except TargetSilentError as error:
                self._require_time(deadline, str(error))
            self._pause(deadline)

    def _require_time(self, deadline: Deadline, missing: str) -> None:
        if self._stop.is_set():
            raise Stopping
        if deadline.left() <= 0:
            raise DeadlineError(f"time is up: {missing}")

    def _pause(self, deadline: Deadline) -> None:
        if self._stop.wait(max(0.0, min(self._look_again, deadline.left()))):
            raise Stopping

    def _deadline(self, row: Remediation) -> Deadline:
        now = self._core.now()
        spent = (now - (row.started_at or now)).total_seconds()
        return Deadline(seconds(self._core.config.responses.timeout) - spent)

    def _target(self, row: Remediation) -> Target:
        return self._core.config.targets[row.target or ""]

    def _enter(
        self,
        row: Remediation,
        state: State,
        reason: str | None = None,
        detail: str | None = None,
        **values: Any,
    ) -> None:
        step = Step(at=self._core.now(), actor="worker", state=state, reason=reason, detail=detail)
        with self._core.writer.begin() as connection:
            entered = remediations.enter(connection, row.id, step, **values)
        if entered:
            self._report(row, step)

    def _report(self, row: Remediation, step: Step) -> None:
        metrics = self._core.metrics
        if step.state not in remediations.ACTIVE:
            metrics.remediations.labels(row.action, step.state).inc()
            began = row.started_at or step.at
            metrics.duration.labels(row.action).observe((step.at - began).total_seconds())
        if step.state is State.SKIPPED:
            metrics.skips.labels(row.action, step.reason).inc()
        logs.event(
            "remediation",
            id=row.id,
            alertname=row.alertname,
            target=row.target,
            state=step.state,
            reason=step.reason,
            detail=step.detail,
        )


def _patient(look: Callable[[], Look]) -> Look:
    """Look at a target that may be down for a moment: a change can do that."""
    try:
        return look()
    except (TargetUnreachableError, TargetSilentError, TargetRefusedError) as error:
        return Look(progress=Progress.UNDER_WAY, detail=str(error))
