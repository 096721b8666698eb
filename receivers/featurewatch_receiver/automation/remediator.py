"""The steps of one remediation: prepare it, carry it out, verify it, draw the conclusions.

The engine may begin each step again after a crash, so a step reads where things stand first.
"""

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

from dbos import DBOS
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver import logs
from featurewatch_receiver.actions.base import Progress
from featurewatch_receiver.automation import holds, leases, remediations
from featurewatch_receiver.automation.converge import (
    DOWN,
    LOOK_AGAIN_SECONDS,
    CancelledError,
    Convergence,
    Patience,
    insist,
)
from featurewatch_receiver.automation.planner import Planner, Subject, firing
from featurewatch_receiver.automation.prepare import Pace, Task, prepare
from featurewatch_receiver.automation.remediations import Remediation, report_decision
from featurewatch_receiver.automation.source import Source, stored
from featurewatch_receiver.automation.verify import Verification
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.receiver import VERIFY_AGAIN_SECONDS
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import (
    ActionSkippedError,
    ConfigError,
    DeadlineError,
    TargetBlindError,
    TargetChangedError,
    TargetError,
)
from featurewatch_receiver.states import ARRIVED, OPEN, Origin, State
from featurewatch_receiver.store.queue import WORKFLOW, WorkQueue

# A step that can't reach the database is tried again each second for a day.
_DATABASE_ATTEMPTS = 86_400
# For the way back after a failure, when the action's own time is up.
UNDO_SECONDS = 30.0


class Remediator:
    """Carries out remediations. `stop` makes it leave them where they are."""

    def __init__(
        self,
        core: Core,
        queue: WorkQueue,
        stop: threading.Event,
        look_again: float = LOOK_AGAIN_SECONDS,
        verify_again: float = VERIFY_AGAIN_SECONDS,
    ) -> None:
        self._core = core
        self._queue = queue
        self._pace = Pace(stop=stop, look_again=look_again, verify_again=verify_again)

    def register(self) -> None:
        """Declare the workflow; here and not at import, since it needs these parts."""
        prepare = _step("prepare", self.prepare)
        carry_out = _step("carry_out", self.carry_out)
        verify = _step("verify", self.verify)
        conclude = _step("conclude", self.conclude)

        # However often it is begun again: its own time limits end it, and nothing else would.
        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)
        def remediate(remediation_id: str) -> bool:
            for step in (prepare, carry_out, verify):
                if not step(remediation_id):
                    break
            return conclude(remediation_id)

    def prepare(self, row_id: str) -> bool:
        """Check once more that the action is due, and store its plan; False if it ended here."""
        with self._core.writer.begin() as connection:
            remediations.note_first(connection, row_id, "started_at", self._core.now())
            row = remediations.load(connection, row_id)
        if row is None or row.state is not State.PLANNED:
            return row is not None and row.state in (State.RUNNING, State.VERIFYING)
        return self._guarded(row, lambda task: prepare(task, self._queue))

    def carry_out(self, row_id: str) -> bool:
        """Bring the target to where the plan wants it; False if that failed."""
        row = self._load(row_id)
        if row is None or row.state is not State.RUNNING:
            return row is not None and row.state is State.VERIFYING
        return self._guarded(row, _carry_out)

    def verify(self, row_id: str) -> bool:
        """See whether it helped; False if it did not, or nobody can tell."""
        row = self._load(row_id)
        if row is None or row.state is not State.VERIFYING:
            return row is not None and row.state is State.EFFECTIVE
        return self._guarded(row, _verify)

    def conclude(self, row_id: str) -> bool:
        """Let the levels speak again, remember what must be taken back, and see what is next."""
        row = self._load(row_id)
        if row is None or row.state in OPEN:
            return False
        task = self._task(row)
        _settle_hold(task)
        stands = row.state in ARRIVED or _left_standing(task)
        with self._core.writer.begin() as connection:
            if row.origin is Origin.LEASE or (stands and task.changes_target):
                leases.follow(connection, self._core, row, stands=stands)
            planner = Planner(self._core, connection, self._queue)
            decisions = planner.consider(_of(row, connection))
        for decision in decisions:
            report_decision(self._core, decision)
        return True

    def _load(self, row_id: str) -> Remediation | None:
        with self._core.reader.begin() as connection:
            return remediations.load(connection, row_id)

    def _task(self, row: Remediation) -> Task:
        return Task(core=self._core, row=row, pace=self._pace)

    def _guarded(self, row: Remediation, work: Callable[[Task], None]) -> bool:
        """Do the work, and turn every expected failure into a state with a reason."""
        task = self._task(row)
        try:
            work(task)
        except ActionSkippedError as skip:
            task.enter(State.SKIPPED, skip.reason, str(skip))
        except DeadlineError as error:
            _fail(task, State.TIMED_OUT, error.reason, str(error))
        except TargetBlindError as error:
            task.enter(State.IN_DOUBT, error.reason, str(error))
        except TargetError as error:
            _fail(task, State.FAILED, error.reason, str(error))
        except CancelledError:
            return False  # whoever cancelled it has written so
        except ConfigError as error:
            task.enter(State.FAILED, "misconfigured", str(error))
        except SQLAlchemyError:
            raise  # the engine tries the step again
        except Exception as error:
            logs.trouble("remediation broke", error, id=row.id)
            task.enter(State.FAILED, "internal_error", repr(error))
        else:
            return True
        return False


def _carry_out(task: Task) -> None:
    _hold(task, task.time_to_act() + task.time_to_verify())
    patience = task.patience()
    with closing(task.open_backend(patience.deadline)) as backend:
        look = Convergence(
            action=task.action,
            backend=backend,
            plan=task.row.plan or {},
            key=task.row.id,
            patience=patience,
            about_to_act=task.note_act,
            has_acted=task.has_acted,
        ).run()
    task.enter(State.VERIFYING, detail=look.detail, done_at=task.core.now())


def _fail(task: Task, state: State, reason: str, detail: str) -> None:
    """Enter a failure, after an attempt to bring back the last good state."""
    acted = task.row.state is State.RUNNING and task.has_acted()
    if acted and reason != "target_changed":
        back = _undo(task)
        detail = f"{detail}; {back}" if back else detail
    task.enter(state, reason, detail)


def _undo(task: Task) -> str | None:
    patience = Patience(
        deadline=Deadline(UNDO_SECONDS),
        stop=task.pace.stop,
        pause=task.pace.look_again,
        is_cancelled=lambda: False,
    )
    plan = task.row.plan or {}
    try:
        with closing(task.open_backend(patience.deadline)) as backend:
            return insist(patience, lambda: task.action.undo(backend, plan), forgiven=DOWN)
    except Exception as error:  # a plugin's too: the failure must be recorded all the same
        return f"could not be taken back: {error}"


def _left_standing(task: Task) -> bool:
    """Whether a remediation that came to no good end has left its target changed.

    What can't be seen counts as changed: its lease looks again.
    """
    row, plan = task.row, task.row.plan
    if row.acted_at is None or plan is None:
        return False
    if row.origin is not Origin.LEASE and not task.changes_target:
        return False
    try:
        with closing(task.open_backend(Deadline(UNDO_SECONDS))) as backend:
            return task.action.look(backend, plan).progress is not Progress.TO_DO
    except TargetChangedError:
        return False  # it is somebody else's now
    except Exception:  # a plugin's too: nobody can tell
        return True


def _verify(task: Task) -> None:
    row, core = task.row, task.core
    alert = core.config.alerts.get(row.alertname or "")
    if alert is None or not alert.checks or not core.config.receiver.prometheus_url:
        task.enter(State.DONE, None, "as planned; there is nothing to verify it by")
        return
    if not task.time_to_verify():
        task.enter(State.DONE, None, "as planned; verify is 0s")
        return
    with closing(Source(core.config)) as source:
        verdict = Verification(
            alert=alert,
            done_at=row.done_at or core.now(),
            now=core.now,
            read=lambda window: source.readings_if_any(row, window),
            patience=task.patience(),
        ).run()
    task.enter(verdict.state, None, verdict.detail, values_after=stored(verdict.readings))


def _can_hold(task: Task) -> bool:
    """Whether levels are held for it: it answers an alert, and there is an Alertmanager."""
    has_alertmanager = task.core.config.receiver.alertmanager_url is not None
    return task.row.origin is Origin.ALERT and has_alertmanager


def _hold(task: Task, time: timedelta) -> None:
    """Hold the next level for so long, or for as long as the configuration allows."""
    row, core = task.row, task.core
    most = timedelta(seconds=seconds(core.config.responses.hold))
    left = min(most, most - (core.now() - (row.started_at or core.now())))
    if left <= timedelta() or not _can_hold(task):
        return
    if silence := holds.hold(core.config, row, min(time, left)):
        with core.writer.begin() as connection:
            remediations.note(connection, row.id, hold_id=silence)


def _settle_hold(task: Task) -> None:
    """After a cure the alert has yet to decay: hold on. After anything else speak at once."""
    row, config = task.row, task.core.config
    if row.plan is None or not _can_hold(task):
        return  # it never held any
    if row.state is not State.EFFECTIVE:
        holds.release(config, row.id)
    elif row.hold_id:
        _hold(task, holds.decay(config, row.action))


def _of(row: Remediation, connection: Connection) -> list[Subject]:
    return firing(connection, row.episode_id) if row.episode_id else []


def _step(name: str, function: Callable[[str], bool]) -> Callable[[str], bool]:
    """A step of the engine; it wants a function to mark, which a method is not."""

    @DBOS.step(
        name=name,
        retries_allowed=True,
        interval_seconds=1,
        backoff_rate=1,
        max_attempts=_DATABASE_ATTEMPTS,
        should_retry=lambda error: isinstance(error, SQLAlchemyError),
    )
    def step(remediation_id: str) -> bool:
        return function(remediation_id)

    return step
