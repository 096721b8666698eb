"""Errors of the receiver.

ReceiverError
├── ConfigError: the configuration can't be used; carries one line per problem
├── ListenError: the address can't be listened on
├── AlertmanagerError: Alertmanager can't be asked, or refused
├── AcknowledgementError: nothing, or not one alert, can be acknowledged
├── NoteError: who acknowledges, why or for how long is missing or makes no sense
├── PayloadError: a delivery is not what Alertmanager sends
├── ActionSkippedError: the action is not due after all; carries a named reason
├── DeadlineError: the action's time is up
└── TargetError: the target did not do as asked; carries a named reason
    ├── TargetUnreachableError: no connection, so nothing was sent
    ├── TargetSilentError: no complete answer; what the target did is not known
    ├── TargetRefusedError: the target answered with an error
    ├── TargetAnswerInvalidError: the answer is not the contract's
    └── TargetChangedError: somebody else changed what the plan was made for
"""

from enum import StrEnum
from typing import ClassVar


class SkipReason(StrEnum):
    """Why an action does not run."""

    RESPONSES_DISABLED = "responses_disabled"
    ACTION_OFF = "action_off"
    TARGET_NOT_ALLOWED = "target_not_allowed"
    ALERT_RESOLVED = "alert_resolved"
    TARGET_BUSY = "target_busy"
    COOLDOWN = "cooldown"
    AT_MAX_REPLICAS = "at_max_replicas"


class ReceiverError(Exception):
    """Base of every error that the receiver raises on purpose."""


class ConfigError(ReceiverError):
    """The configuration can't be used. ``problems`` holds one line for each fault."""

    def __init__(self, problems: list[str]):
        super().__init__("\n".join(problems))
        self.problems = problems


class ListenError(ReceiverError):
    """The address can't be listened on."""


class AlertmanagerError(ReceiverError):
    """Alertmanager can't be reached, does not answer as it should, or refused; on one line."""


class AcknowledgementError(ReceiverError):
    """No alert that fires is meant, or several are; on one line, with the mend."""


class NoteError(ReceiverError):
    """Who acknowledges, why or for how long is missing or makes no sense; on one line."""


class PayloadError(ReceiverError):
    """A delivery is not what Alertmanager sends. The text names the place and the mend."""


class ActionSkippedError(ReceiverError):
    """The action is not due after all."""

    def __init__(self, reason: SkipReason, detail: str):
        super().__init__(detail)
        self.reason = reason


class DeadlineError(ReceiverError):
    """The action's time is up. The text says what was still missing."""

    reason = "deadline_passed"


class TargetError(ReceiverError):
    """The target did not do as asked."""

    reason: ClassVar[str]


class TargetUnreachableError(TargetError):
    """No connection, so nothing was sent."""

    reason = "target_unreachable"


class TargetSilentError(TargetError):
    """No complete answer; what the target did is not known."""

    reason = "target_silent"


class TargetRefusedError(TargetError):
    """The target answered with an error."""

    reason = "target_refused"


class TargetAnswerInvalidError(TargetError):
    """The answer is not the contract's."""

    reason = "target_answer_invalid"


class TargetChangedError(TargetError):
    """Somebody else changed what the plan was made for."""

    reason = "target_changed"
