"""How a target is brought to its plan: what is told when it does not get there."""

import threading
from typing import Any

import pytest

from featurewatch_receiver.actions.base import Look, Progress
from featurewatch_receiver.automation.converge import (
    REFUSALS_TO_BELIEVE,
    Convergence,
    Patience,
    insist,
)
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.errors import (
    DeadlineError,
    ReceiverError,
    TargetRefusedError,
    TargetUnreadyError,
)

PATIENT = Patience(
    deadline=Deadline(3600), stop=threading.Event(), pause=0.0, is_cancelled=lambda: False
)


class Slow:
    """An action that is begun and then looked at without an end."""

    def __init__(self, *seen: Look | ReceiverError) -> None:
        self._seen = list(seen)
        self.looks = 0

    def look(self, backend: Any, plan: Any) -> Look:
        seen = self._seen[self.looks]
        self.looks += 1
        if isinstance(seen, ReceiverError):
            raise seen
        return seen

    def is_seen(self) -> bool:
        return self.looks >= len(self._seen)

    def act(self, backend: Any, plan: Any, key: str) -> Look:
        return under_way("just begun")


class Looked(Deadline):
    """The time is up when everything was seen."""

    def __init__(self, action: Slow) -> None:
        super().__init__(3600)
        self._action = action

    def left(self) -> float:
        return -1.0 if self._action.is_seen() else super().left()


def under_way(detail: str) -> Look:
    return Look(progress=Progress.UNDER_WAY, detail=detail)


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (under_way("2 of 3 replicas ready"), "2 of 3 replicas ready"),
        (TargetRefusedError("answered 401 Unauthorized"), "answered 401 Unauthorized"),
    ],
)
def test_what_was_seen_last_is_told_when_the_time_is_up(
    last: Look | ReceiverError, told: str
) -> None:
    action = Slow(Look(progress=Progress.TO_DO, detail="not begun"), last)
    acted: list[bool] = []
    patience = Patience(
        deadline=Looked(action), stop=threading.Event(), pause=0.0, is_cancelled=lambda: False
    )
    with pytest.raises(DeadlineError) as error:
        Convergence(
            action=action,  # type: ignore[arg-type]
            backend=None,
            plan={},
            key="k",
            patience=patience,
            about_to_act=lambda: acted.append(True),
            has_acted=lambda: bool(acted),
        ).run()
    assert str(error.value) == f"time is up: {told}"


class Starting:
    """An action whose target refuses so often as one does that has just started."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.told = 0

    def look(self, backend: Any, plan: Any) -> Look:
        return Look(progress=Progress.TO_DO, detail="not begun")

    def act(self, backend: Any, plan: Any, key: str) -> Look:
        self.told += 1
        if self.told <= self.refusals:
            raise TargetUnreadyError("answered 401 Unauthorized")
        return Look(progress=Progress.DONE, detail="done")


@pytest.mark.parametrize("refusals", [REFUSALS_TO_BELIEVE - 1, REFUSALS_TO_BELIEVE])
def test_a_target_that_has_just_started_is_told_again_for_a_moment(refusals: int) -> None:
    action = Starting(refusals)
    convergence = Convergence(
        action=action,  # type: ignore[arg-type]
        backend=None,
        plan={},
        key="k",
        patience=PATIENT,
        about_to_act=lambda: None,
        has_acted=lambda: False,
    )
    if refusals < REFUSALS_TO_BELIEVE:
        assert convergence.run().detail == "done"
    else:
        with pytest.raises(TargetUnreadyError):
            convergence.run()
    assert action.told == REFUSALS_TO_BELIEVE


@pytest.mark.parametrize("refusals", [REFUSALS_TO_BELIEVE - 1, REFUSALS_TO_BELIEVE])
def test_a_target_that_has_just_started_is_asked_for_a_plan_again(refusals: int) -> None:
    action = Starting(refusals)
    if refusals < REFUSALS_TO_BELIEVE:
        assert insist(PATIENT, lambda: action.act(None, {}, "k")).detail == "done"
    else:
        with pytest.raises(TargetUnreadyError):
            insist(PATIENT, lambda: action.act(None, {}, "k"))
