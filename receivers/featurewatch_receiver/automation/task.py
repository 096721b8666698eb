"""One remediation in hand: its row, and what the configuration says of it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from featurewatch_receiver.actions import actions
from featurewatch_receiver.actions.base import Action
from featurewatch_receiver.automation import ledger, remediations
from featurewatch_receiver.automation.converge import CancelledError, Patience
from featurewatch_receiver.automation.remediations import Remediation, State, Step
from featurewatch_receiver.automation.reports import report_step
from featurewatch_receiver.backends import open_backend
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.receiver import Action as Settings
from featurewatch_receiver.config.receiver import Target
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import ActionSkippedError, ConfigError, SkipReason
from featurewatch_receiver.text import without_nul


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
            mend = "see what became of it"
            raise ConfigError([f"targets: {self.row.target} is listed no more; {mend}"])
        return target

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
            if ledger.is_engaged(connection) and not self.has_acted():
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
