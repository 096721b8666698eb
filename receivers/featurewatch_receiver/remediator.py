"""The steps of one remediation: prepare it, carry it out, verify it, draw the conclusions.

The engine may begin each step again after a crash, so a step reads where things stand first.
"""

import json
import math
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver import holds, leases, ledger, logs, remediations
from featurewatch_receiver.actions import actions
from featurewatch_receiver.actions.base import Action, Case, Change, Plan
from featurewatch_receiver.backends import open_backend
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config import Action as Settings
from featurewatch_receiver.config import Target
from featurewatch_receiver.converge import (
    LOOK_AGAIN_SECONDS,
    CancelledError,
    Convergence,
    Patience,
    insist,
)
from featurewatch_receiver.core import Core
from featurewatch_receiver.engine import WorkQueue
from featurewatch_receiver.errors import (
    ActionSkippedError,
    ConfigError,
    DeadlineError,
    PrometheusError,
    SkipReason,
    TargetBlindError,
    TargetError,
)
from featurewatch_receiver.planner import Planner, Subject, firing
from featurewatch_receiver.policy import decide
from featurewatch_receiver.remediations import Origin, Remediation, State, Step
from featurewatch_receiver.reports import report_decision, report_step
from featurewatch_receiver.source import Source
from featurewatch_receiver.text import without_nul
from featurewatch_receiver.values import seconds
from featurewatch_receiver.verifier import LOOK_AGAIN_SECONDS as VERIFY_AGAIN_SECONDS
from featurewatch_receiver.verifier import Readings, Verification, words

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
        self._stop = stop
        self._look_again = look_again
        self._verify_again = verify_again

    def prepare(self, row_id: str) -> bool:
        """Check once more that the action is due, and store its plan; False if it ended here."""
        row = self._begin(row_id)
        if row is None or row.state is not State.PLANNED:
            return row is not None and row.state in (State.RUNNING, State.VERIFYING)
        return self._guarded(row, self._prepare)

    def carry_out(self, row_id: str) -> bool:
        """Bring the target to where the plan wants it; False if that failed."""
        row = self._load(row_id)
        if row is None or row.state is not State.RUNNING:
            return row is not None and row.state is State.VERIFYING
        return self._guarded(row, self._carry_out)

    def verify(self, row_id: str) -> bool:
        """See whether it helped; False if it did not, or nobody can tell."""
        row = self._load(row_id)
        if row is None or row.state is not State.VERIFYING:
            return row is not None and row.state is State.EFFECTIVE
        return self._guarded(row, lambda row, _: self._verify(row))

    def conclude(self, row_id: str) -> bool:
        """Let the levels speak again, remember what must be taken back, and see what is next."""
        row = self._load(row_id)
        if row is None or row.state in remediations.OPEN:
            return False
        self._settle_hold(row)
        with self._core.writer.begin() as connection:
            leases.follow(connection, self._core, row)
            planner = Planner(self._core, connection, self._queue)
            decisions = planner.consider(_of(row, connection))
        for decision in decisions:
            report_decision(self._core, decision)
        return True

    def _begin(self, row_id: str) -> Remediation | None:
        with self._core.writer.begin() as connection:
            remediations.note_first(connection, row_id, "started_at", self._core.now())
            return remediations.load(connection, row_id)

    def _load(self, row_id: str) -> Remediation | None:
        with self._core.reader.begin() as connection:
            return remediations.load(connection, row_id)

    def _guarded(self, row: Remediation, work: Callable[[Remediation, Patience], None]) -> bool:
        """Do the work, and turn every expected failure into a state with a reason."""
        try:
            work(row, self._patience(row))
        except ActionSkippedError as skip:
            self._enter(row, State.SKIPPED, skip.reason, str(skip))
        except DeadlineError as error:
            self._fail(row, State.TIMED_OUT, error.reason, str(error))
        except TargetBlindError as error:
            self._enter(row, State.IN_DOUBT, error.reason, str(error))
        except TargetError as error:
            self._fail(row, State.FAILED, error.reason, str(error))
        except CancelledError:
            return False  # whoever cancelled it has written so
        except ConfigError as error:
            self._enter(row, State.FAILED, "misconfigured", str(error))
        except SQLAlchemyError:
            raise  # the engine tries the step again
        except Exception as error:
            logs.trouble("remediation broke", error, id=row.id)
            self._enter(row, State.FAILED, "internal_error", repr(error))
        else:
            return True
        return False

    # --- before it acts

    def _prepare(self, row: Remediation, patience: Patience) -> None:
        self._check(row)
        with closing(Source(self._core.config)) as source:
            source.check(row)
            readings = _readings(source, row)
        violated = frozenset(name for name, reading in readings.items() if reading.violated)
        if readings and not violated and row.origin is Origin.ALERT:
            raise ActionSkippedError(SkipReason.ALREADY_WELL, f"well again: {words(readings)}")
        plan = self._plan(row, patience, violated)
        self._let_run(row, plan, _stored(readings))

    def _check(self, row: Remediation) -> None:
        """What held when it was decided may not hold any more."""
        with self._core.writer.begin() as connection:
            planner = Planner(self._core, connection, self._queue)
            situation = planner.situation(
                row.action,
                row.target,
                origin=row.origin,
                episode_id=row.episode_id,
                resolved=row.episode_resolved,
                besides=row.id,
            )
        if reason := decide(self._core.config, situation):
            raise ActionSkippedError(reason, "found when the action was about to start")

    def _plan(self, row: Remediation, patience: Patience, violated: frozenset[str]) -> Plan:
        case = Case(
            id=row.id,
            now=self._core.now(),
            alertname=row.alertname,
            extractor=row.target or "",
            violated=violated,
            revert=Change(**row.back_to) if row.back_to else None,
        )
        target, settings, action = self._target(row), self._settings(row), actions()[row.action]
        with closing(self._open(row, patience.deadline)) as backend:
            plan = insist(patience, lambda: action.plan(backend, target, settings, case))
        # As it will be read again: an approved plan is compared with the next one.
        found: Plan = json.loads(json.dumps(plan, allow_nan=False))
        return found

    def _let_run(self, row: Remediation, plan: Plan, values: dict[str, float] | None) -> None:
        """Enter the state that the mode asks for."""
        known: dict[str, Any] = {"plan": plan, "values_before": values}
        detail = f"plan: {plan_words(plan)}"
        mode = "auto" if row.origin is Origin.LEASE else self._settings(row).mode
        asks = mode == "approve" and row.origin is Origin.ALERT
        if self._core.config.responses.dry_run or mode == "dry-run":
            self._enter(row, State.SKIPPED, SkipReason.DRY_RUN, detail, **known)
        elif asks and (row.approved_by is None or plan != row.plan):
            changed = "plan_changed" if row.approved_by else None
            known |= {"approved_by": None, "waiting_since": self._core.now()}
            self._enter(row, State.AWAITING_APPROVAL, changed, detail, **known)
        else:
            self._enter(row, State.RUNNING, None, detail, **known)

    # --- at the target

    def _carry_out(self, row: Remediation, patience: Patience) -> None:
        self._hold(row, self._time_to_act(row) + self._time_to_verify(row))
        with closing(self._open(row, patience.deadline)) as backend:
            look = Convergence(
                action=actions()[row.action],
                backend=backend,
                plan=row.plan or {},
                key=row.id,
                patience=patience,
                about_to_act=lambda: self._note_act(row),
                has_acted=lambda: self._has_acted(row),
            ).run()
        self._enter(row, State.VERIFYING, detail=look.detail, done_at=self._core.now())

    def _note_act(self, row: Remediation) -> None:
        """From here on the target may know; who cancels before that can rely on it."""
        with self._core.writer.begin() as connection:
            if not remediations.is_in(connection, row.id, State.RUNNING):
                raise CancelledError
            if ledger.is_engaged(connection) and not self._has_acted(row):
                raise ActionSkippedError(
                    SkipReason.KILL_SWITCH, "engaged before the target was told"
                )
            remediations.note_first(connection, row.id, "acted_at", self._core.now())

    def _has_acted(self, row: Remediation) -> bool:
        now = self._load(row.id)
        return now is not None and now.acted_at is not None

    def _fail(self, row: Remediation, state: State, reason: str, detail: str) -> None:
        """Enter a failure, after an attempt to bring back the last good state."""
        if row.state is State.RUNNING and self._has_acted(row) and reason != "target_changed":
            back = self._undo(row, actions()[row.action])
            detail = f"{detail}; {back}" if back else detail
        self._enter(row, state, reason, detail)

    def _undo(self, row: Remediation, action: Action[Any, Any]) -> str | None:
        try:
            with closing(self._open(row, Deadline(UNDO_SECONDS))) as backend:
                return action.undo(backend, row.plan or {})
        except Exception as error:  # a plugin's too: the failure must be recorded all the same
            return f"could not be taken back: {error}"

    # --- afterwards

    def _verify(self, row: Remediation) -> None:
        alert = self._core.config.alerts.get(row.alertname or "")
        if alert is None or not alert.checks or not self._core.config.receiver.prometheus_url:
            self._enter(row, State.DONE, None, "no value tells whether it helped")
            return
        if not self._time_to_verify(row):
            self._enter(row, State.DONE, None, "not verified: verify is 0s")
            return
        with closing(Source(self._core.config)) as source:
            verdict = Verification(
                alert=alert,
                done_at=row.done_at or self._core.now(),
                now=self._core.now,
                read=lambda window: _readings(source, row, window),
                patience=self._patience(row),
            ).run()
        after = _stored(verdict.readings)
        self._enter(row, verdict.state, None, verdict.detail, values_after=after)

    def _hold(self, row: Remediation, time: timedelta) -> None:
        """Hold the next level for so long, or for as long as the configuration allows."""
        most = timedelta(seconds=seconds(self._core.config.responses.hold))
        began = row.started_at or self._core.now()
        left = most - (self._core.now() - began)
        if left <= timedelta() or row.origin is not Origin.ALERT:
            return
        if silence := holds.hold(self._core.config, row, min(time, left)):
            with self._core.writer.begin() as connection:
                remediations.note(connection, row.id, hold_id=silence)

    def _settle_hold(self, row: Remediation) -> None:
        """After a cure the alert has yet to decay: hold on. After anything else speak at once."""
        if row.hold_id is None:
            return
        if row.state is State.EFFECTIVE:
            self._hold(row, holds.decay(self._core.config, row.action))
        else:
            holds.release(self._core.config, row.hold_id)

    # --- what it knows

    def _patience(self, row: Remediation) -> Patience:
        verifying = row.state is State.VERIFYING
        began = (row.done_at if verifying else row.started_at) or self._core.now()
        time = self._time_to_verify(row) if verifying else self._time_to_act(row)
        left = time - (self._core.now() - began)
        return Patience(
            deadline=Deadline(left.total_seconds()),
            stop=self._stop,
            pause=self._verify_again if verifying else self._look_again,
            is_cancelled=lambda: self._is_cancelled(row),
        )

    def _is_cancelled(self, row: Remediation) -> bool:
        now = self._load(row.id)
        return now is None or now.state is State.CANCELLED

    def _time_to_act(self, row: Remediation) -> timedelta:
        own = self._settings(row).timeout
        return timedelta(seconds=seconds(own or self._core.config.responses.timeout))

    def _time_to_verify(self, row: Remediation) -> timedelta:
        return timedelta(seconds=seconds(self._settings(row).verify))

    def _settings(self, row: Remediation) -> Settings:
        return self._core.config.responses.actions.get(row.action)

    def _target(self, row: Remediation) -> Target:
        target = self._core.config.targets.get(row.target or "")
        if target is None:
            raise ConfigError([f"targets: {row.target} is listed no more; see what became of it"])
        return target

    def _open(self, row: Remediation, deadline: Deadline) -> Any:
        where = self._target(row).backend_of(actions()[row.action].where)
        return open_backend(self._core.config, where, deadline)

    def _enter(
        self,
        row: Remediation,
        state: State,
        reason: str | None = None,
        detail: str | None = None,
        **values: Any,
    ) -> None:
        step = Step(
            at=self._core.now(),
            actor="worker",
            state=state,
            reason=reason,
            detail=without_nul(detail) if detail else None,
        )
        with self._core.writer.begin() as connection:
            # Only from where it stood: another process may have begun the same step meanwhile.
            entered = remediations.enter(connection, row.id, step, of=(row.state,), **values)
        if entered:
            report_step(self._core, row, step)


def _of(row: Remediation, connection: Connection) -> list[Subject]:
    return firing(connection, row.episode_id) if row.episode_id else []


def _stored(readings: Readings) -> dict[str, float] | None:
    """Values as JSON can hold them: an infinite ratio is none of its numbers."""
    return {n: r.value for n, r in readings.items() if math.isfinite(r.value)} or None


def _readings(source: Source, row: Remediation, window: timedelta | None = None) -> Readings:
    """What Prometheus says; nothing while it can't be asked."""
    try:
        return source.readings(row, window)
    except PrometheusError:
        return {}


def plan_words(plan: Plan) -> str:
    """A plan for people."""
    return ", ".join(f"{name} {value}" for name, value in plan.items())
