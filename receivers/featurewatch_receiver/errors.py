"""Errors of the receiver.

ReceiverError
├── ConfigError: the configuration can't be used; carries one line per problem
├── ListenError: the address can't be listened on
├── SlotError: no executor slot can be claimed
├── AlertmanagerError: Alertmanager can't be asked, or refused
├── PrometheusError: Prometheus can't be asked, or refused
├── AcknowledgementError: nothing, or not one alert, can be acknowledged
├── NoteError: who acknowledges, why or for how long is missing or makes no sense
├── UnknownPersonError: nobody known asks
├── UsersFileError: the users' file can't be used now
├── MissingError: what is asked for is not there
├── ConflictError: what is asked for can't be done as things stand
├── CursorError: what should say where a page begins is none
├── PayloadError: a delivery is not what Alertmanager sends
├── ReplayError: a recorded delivery was not taken
├── OverloadError: more deliveries arrive than can be stored; this one is not
├── TellError: people could not be told by one way
├── ActionSkippedError: the action is not due after all; carries a named reason
├── DeadlineError: the action's time is up
└── TargetError: the target did not do as asked; carries a named reason
    ├── TargetUnreachableError: no connection, so nothing was sent
    ├── TargetSilentError: no complete answer; what the target did is not known
    ├── TargetRefusedError: the target answered with an error
    │   └── TargetUnreadyError: as one does that has just started, or with credentials just renewed
    ├── TargetAnswerInvalidError: the answer is not the contract's
    ├── TargetChangedError: somebody else changed what the plan was made for
    ├── TargetFailedError: the target took the change and will never get there
    └── TargetBlindError: the target can't tell whether it was told before
"""

from typing import ClassVar

from featurewatch_receiver.states import SkipReason


class ReceiverError(Exception):
    """Base of every error that the receiver raises on purpose."""


class ConfigError(ReceiverError):
    """The configuration can't be used. ``problems`` holds one line for each fault."""

    def __init__(self, problems: list[str]):
        super().__init__("\n".join(problems))
        self.problems = problems


class ListenError(ReceiverError):
    """The address can't be listened on."""


class SlotError(ReceiverError):
    """No executor slot can be claimed. The text says why, and the fix."""


class AlertmanagerError(ReceiverError):
    """Alertmanager can't be reached, does not answer as it should, or refused; on one line."""


class PrometheusError(ReceiverError):
    """Prometheus can't be reached, does not answer as it should, or refused; on one line."""


class AcknowledgementError(ReceiverError):
    """No alert that fires is meant, or several are; on one line, with the fix."""


class NoteError(ReceiverError):
    """Who acknowledges, why or for how long is missing or makes no sense; on one line."""


class UnknownPersonError(ReceiverError):
    """Nobody known asks. The text names the fix."""


class UsersFileError(ReceiverError):
    """The users' file can't be used now."""


class MissingError(ReceiverError):
    """What is asked for is not there. The text says where to look."""


class ConflictError(ReceiverError):
    """What is asked for can't be done as things stand. The text says why, and the fix."""


class CursorError(ReceiverError):
    """What should say where a page begins is none. The text names the fix."""


class PayloadError(ReceiverError):
    """A delivery is not what Alertmanager sends. The text names the place and the fix."""


class ReplayError(ReceiverError):
    """A recorded delivery was not taken; on one line that names it."""


class OverloadError(ReceiverError):
    """More deliveries arrive than can be stored; this one is not. The text says why."""


class TellError(ReceiverError):
    """One way to people does not work now; on one line, and without any secret."""


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


class TargetUnreadyError(TargetRefusedError):
    """It refused as one does that has just started, or whose credentials were just renewed."""


class TargetAnswerInvalidError(TargetError):
    """The answer is not the contract's."""

    reason = "target_answer_invalid"


class TargetChangedError(TargetError):
    """Somebody else changed what the plan was made for."""

    reason = "target_changed"


class TargetFailedError(TargetError):
    """The target took the change and will never get there."""

    reason = "rollout_failed"


class TargetBlindError(TargetError):
    """The target can't tell whether it was told before, so nobody knows."""

    reason = "outcome_unknown"
