"""What an action is: a plan, a look at the target, the change itself, and the way back.

An action may be interrupted anywhere and is then begun again. So its plan is absolute, it looks
before it acts, and acting twice does no more than acting once.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, Literal, TypeVar

from featurewatch_receiver.config.receiver import ActionSettings as Settings
from featurewatch_receiver.config.receiver import Target

#: What the target shall look like, as JSON.
Plan = dict[str, Any]

BackendT = TypeVar("BackendT")
SettingsT = TypeVar("SettingsT", bound=Settings)


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


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change that can be taken back later: the states before and after it, as JSON."""

    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a plan is made for."""

    #: The remediation's id.
    id: str
    now: datetime
    alertname: str | None = None
    extractor: str = ""
    #: Names of the alert's values that are beyond their threshold; empty when nobody knows.
    violated: frozenset[str] = frozenset()
    #: For the end of a lease: the change to take back.
    revert: Change | None = None


class Action(ABC, Generic[BackendT, SettingsT]):
    """One kind of remediation. It keeps no state: one object serves every remediation."""

    #: The key of a target that names the backend.
    where: ClassVar[Literal["backend", "cache_backend", "model_backend"]] = "backend"
    #: The protocol that the backend must offer.
    needs: ClassVar[type]
    #: The action that takes a leased change of this one back.
    reverted_by: ClassVar[str | None] = None

    @abstractmethod
    def plan(self, backend: BackendT, target: Target, settings: SettingsT, case: Case) -> Plan:
        """Look at the target and say what it shall look like.

        Raises:
            ActionSkippedError: a named reason speaks against it.
            TargetError: it can't be seen.

        """

    @abstractmethod
    def look(self, backend: BackendT, plan: Plan) -> Look:
        """Compare the target with the plan, and change nothing.

        Raises:
            TargetError: it can't be seen, or the plan does not fit it any more.

        """

    @abstractmethod
    def act(self, backend: BackendT, plan: Plan, key: str) -> Look:
        """Tell the target. `key` is the same whenever this remediation is begun again.

        Raises:
            TargetError: it refused.

        """

    def undo(self, backend: BackendT, plan: Plan) -> str | None:
        """Bring back the last good state after a failure; say what was done, None for nothing.

        Raises:
            TargetError: it refused.

        """
        del backend, plan
        return None

    def change(self, plan: Plan) -> Change | None:
        """What a lease must take back; None for what is not leased."""
        del plan
        return None
