"""How a target is brought to its plan: what is told when it does not get there."""

import threading
from typing import Any

import pytest

from featurewatch_receiver.actions.base import Look, Progress
from featurewatch_receiver.automation.converge import Convergence, Patience
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.errors import DeadlineError, ReceiverError, TargetRefusedError


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
