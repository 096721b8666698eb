"""Whose turn it is: which action of an alert's response comes next, after what was tried before.

Pure: it decides from the configuration, the attempts and the time. Guards are asked afterwards.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from featurewatch_receiver.automation.policy import PASSING
from featurewatch_receiver.automation.remediations import OPEN, Origin, State
from featurewatch_receiver.config.receiver import ActionName, AlertResponse
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.errors import SkipReason

# A reason that was found at the target, or at Prometheus, is looked at again after a minute, and
# then each time after twice as long.
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
# With these a person has spoken, or should: nothing else is tried.
_FINAL = frozenset({SkipReason.DRY_RUN, SkipReason.APPROVAL_DENIED, SkipReason.APPROVAL_EXPIRED})

_PERHAPS_CURED = (State.EFFECTIVE, State.INCONCLUSIVE, State.DONE)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What was done about an episode before, once."""

    id: str
    action: ActionName
    state: State
    reason: str | None
    queued: int
    finished_at: datetime | None
    origin: Origin = Origin.ALERT

    @property
    def waits(self) -> bool:
        """Whether it was skipped for a reason that passes."""
        return self.state is State.SKIPPED and self.reason in PASSING

    def may_be_tried(self, now: datetime) -> bool:
        """Whether it is time to look whether the reason has passed."""
        if not self.queued or self.finished_at is None:
            return True
        doublings = min(self.queued - 1, 10)
        return now >= self.finished_at + min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


@dataclass(frozen=True, kw_only=True)
class Next:
    """The action whose turn it is; `again` is the skip that it takes the place of."""

    action: ActionName
    number: int
    again: Attempt | None = None


def choose(alert: AlertResponse, attempts: Sequence[Attempt], now: datetime) -> Next | None:
    """Return whose turn it is, or None: nobody's, or not yet. `attempts` are in order of time.

    What a person asked for keeps others waiting, and is no turn of the list.
    """
    if not alert.responses or any(attempt.state in OPEN for attempt in attempts):
        return None
    ours = [attempt for attempt in attempts if attempt.origin is Origin.ALERT]
    decays = any(_still_decays(alert, attempt, now) for attempt in attempts)
    if decays or any(_is_final(attempt) for attempt in ours):
        return None
    by_action: dict[ActionName, list[Attempt]] = defaultdict(list)
    for attempt in ours:
        by_action[attempt.action].append(attempt)
    for action in alert.responses:
        mine = by_action[action]
        if not mine:
            return Next(action=action, number=1)
        if mine[-1].waits:
            due = mine[-1].may_be_tried(now)
            return Next(action=action, number=len(mine), again=mine[-1]) if due else None
    for action in alert.responses:
        if by_action[action][-1].state is not State.SKIPPED:
            return Next(action=action, number=len(by_action[action]) + 1)
    return None


def _is_final(attempt: Attempt) -> bool:
    return attempt.state in (State.IN_DOUBT, State.CANCELLED) or attempt.reason in _FINAL


def _still_decays(alert: AlertResponse, attempt: Attempt, now: datetime) -> bool:
    """Whether the alert may still fire only because it looks back to before the action."""
    if attempt.state not in _PERHAPS_CURED or attempt.finished_at is None:
        return False
    return now - attempt.finished_at < timedelta(seconds=seconds(alert.decay))
