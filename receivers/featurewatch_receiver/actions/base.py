"""What an action is: a plan, a look at the target, and the change itself.

An action may be interrupted anywhere and is then begun again. So its plan is absolute, it looks
before it acts, and acting twice does no more than acting once.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from featurewatch_receiver.backends.base import Backend
from featurewatch_receiver.config import Action as Settings
from featurewatch_receiver.config import Target

#: What the target shall look like, as JSON.
Plan = dict[str, Any]


class Progress(StrEnum):
    """How far the target is from its plan."""

    #: The target must be told.
    TO_DO = "to_do"
    #: The target was told and is not there yet.
    UNDER_WAY = "under_way"
    #: The target is as planned.
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was seen at the target, with a sentence for people."""

    progress: Progress
    detail: str


class Action(Protocol):
    """One kind of remediation."""

    def plan(self, backend: Backend, target: Target, settings: Settings) -> Plan:
        """Look at the target and say what it shall look like.

        Raises:
            ActionSkippedError: it is at its bound.
            TargetError: it can't be seen.

        """

    def look(self, backend: Backend, plan: Plan) -> Look:
        """Compare the target with the plan, and change nothing.

        Raises:
            TargetError: it can't be seen, or the plan does not fit it any more.

        """

    def act(self, backend: Backend, plan: Plan, key: str) -> Look:
        """Tell the target. `key` is the same whenever this remediation is begun again.

        Raises:
            TargetError: it refused.

        """
