"""Brings a target to where a plan wants it: look, act if need be, and look again.

It may have been begun before, by a process that is gone. So it looks first, and what a target can't
tell is never repeated.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from featurewatch_receiver.actions.base import Action, Look, Plan, Progress
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.errors import (
    DeadlineError,
    TargetBlindError,
    TargetError,
    TargetRefusedError,
    TargetSilentError,
    TargetUnreachableError,
)

LOOK_AGAIN_SECONDS = 0.5

Result = TypeVar("Result")


class Stopping(BaseException):
    """The process ends. Not an Exception: the workflow stays unfinished and is taken up again."""


class CancelledError(Exception):
    """A person cancelled the remediation."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How one remediation waits: until when, and what ends the wait early."""

    deadline: Deadline
    stop: threading.Event
    pause: float
    is_cancelled: Callable[[], bool]

    def require_time(self, missing: str) -> None:
        """Go on waiting.

        Raises:
            Stopping: the process ends.
            CancelledError: a person cancelled it.
            DeadlineError: the time is up; it says what is missing.

        """
        if self.stop.is_set():
            raise Stopping
        if self.is_cancelled():
            raise CancelledError
        if self.deadline.left() <= 0:
            raise DeadlineError(f"time is up: {missing}")

    def wait(self) -> None:
        """Pause, not beyond the deadline.

        Raises:
            Stopping: the process ends.

        """
        if self.stop.wait(max(0.0, min(self.pause, self.deadline.left()))):
            raise Stopping


def insist(patience: Patience, ask: Callable[[], Result]) -> Result:
    """Ask until the target answers.

    Raises:
        DeadlineError: it did not in time.

    """
    while True:
        try:
            return ask()
        except TargetSilentError as error:
            patience.require_time(str(error))
        patience.wait()


@dataclass(frozen=True, kw_only=True)
class Convergence:
    """One action at one target."""

    action: Action[Any, Any]
    backend: Any
    plan: Plan
    key: str
    patience: Patience
    #: Called before the target is told.
    about_to_act: Callable[[], None]
    #: Whether the target may have been told before.
    has_acted: Callable[[], bool]

    def run(self) -> Look:
        """Go on until the target is as planned.

        Raises:
            DeadlineError: it is not in time.
            TargetError: it never will be, or nobody can tell.

        """
        forgiven: tuple[type[TargetError], ...] = (TargetSilentError,)
        look = self._look()
        missing = look.detail
        while look.progress is not Progress.DONE:
            self.patience.require_time(missing)
            if look.progress is Progress.TO_DO:
                try:
                    look = self._act()
                except forgiven as error:
                    # Nobody knows what happened, so it is looked at again. The target may also
                    # have gone down with the answer, and is waited for.
                    forgiven = (TargetSilentError, TargetUnreachableError)
                    look = Look(progress=Progress.UNDER_WAY, detail=str(error))
                missing = look.detail
            if look.progress is not Progress.DONE:
                self.patience.wait()
                look = self._look()
        return look

    def _act(self) -> Look:
        self.about_to_act()
        return self.action.act(self.backend, self.plan, self.key)

    def _look(self) -> Look:
        """Look at a target that may be down for a moment: a change can do that."""
        try:
            return self.action.look(self.backend, self.plan)
        except TargetBlindError:
            if self.has_acted():
                raise
            return Look(progress=Progress.TO_DO, detail="was not begun yet")
        except (TargetUnreachableError, TargetSilentError, TargetRefusedError) as error:
            return Look(progress=Progress.UNDER_WAY, detail=str(error))
