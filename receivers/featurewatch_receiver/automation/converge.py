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
    TargetChangedError,
    TargetError,
    TargetRefusedError,
    TargetSilentError,
    TargetUnreachableError,
    TargetUnreadyError,
)

LOOK_AGAIN_SECONDS = 0.5
#: A target that has answered may show its old state for so many looks; then somebody has set it
#: back, and is not overruled.
LOOKS_TO_SETTLE = 10
#: So often a target may refuse as one does that has just started; then it is believed.
REFUSALS_TO_BELIEVE = 10
DOWN = (TargetSilentError, TargetUnreachableError)

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


def insist(
    patience: Patience,
    ask: Callable[[], Result],
    forgiven: tuple[type[TargetError], ...] = (TargetSilentError,),
) -> Result:
    """Ask until the target answers.

    Raises:
        DeadlineError: it did not in time.

    """
    while True:
        try:
            return _believe(patience, ask)
        except forgiven as error:
            patience.require_time(str(error))
        patience.wait()


def _believe(patience: Patience, ask: Callable[[], Result]) -> Result:
    """Ask again a few times while the target refuses as one does that has just started."""
    for _ in range(REFUSALS_TO_BELIEVE - 1):
        try:
            return ask()
        except TargetUnreadyError as error:
            patience.require_time(str(error))
        patience.wait()
    return ask()


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
        answered, doubts = False, 0
        look = self._look()
        last = look.detail
        while look.progress is not Progress.DONE:
            self.patience.require_time(last)
            if look.progress is Progress.TO_DO and answered:
                doubts += 1
                if doubts == LOOKS_TO_SETTLE:
                    raise TargetChangedError(f"{look.detail}: somebody has set it back")
            elif look.progress is Progress.TO_DO:
                look, answered = self._act()
                last = look.detail
            else:
                doubts = 0
            if look.progress is not Progress.DONE:
                self.patience.wait()
                look = self._look()
                # To a target that was just told in vain, "not yet" says less than its answer.
                last = last if look.progress is Progress.TO_DO else look.detail
        return look

    def _act(self) -> tuple[Look, bool]:
        """Tell the target; also return whether it has answered that it is on its way.

        If nobody knows what happened it is looked at again. A target may go down with its answer,
        so once it may have been told it is waited for.
        """
        forgiven = DOWN if self.has_acted() else TargetSilentError
        try:
            look = _believe(self.patience, self._tell)
        except forgiven as error:
            return Look(progress=Progress.UNDER_WAY, detail=str(error)), False
        return look, look.progress is not Progress.TO_DO

    def _tell(self) -> Look:
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
