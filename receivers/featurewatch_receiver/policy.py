"""Decides what an episode's alert calls for: its action, or a named reason why not.

Pure: everything it needs to know is in the configuration and the `Situation`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from featurewatch_receiver.config import ActionName, ReceiverConfig
from featurewatch_receiver.errors import SkipReason
from featurewatch_receiver.values import seconds


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is known when an action is decided."""

    #: The alert's response.
    action: ActionName
    #: The alert's extractor label: a lookup key and no more.
    extractor: str | None
    now: datetime
    #: The episode has ended.
    resolved: bool = False
    #: Another action is planned or running on the target.
    busy: bool = False
    #: When the action's last run on the target ended.
    last_run: datetime | None = None


#: Reasons that pass by themselves: the next delivery of the episode decides again.
PASSING = frozenset({SkipReason.TARGET_BUSY, SkipReason.COOLDOWN})

Guard = Callable[[ReceiverConfig, Situation], bool]


def decide(config: ReceiverConfig, situation: Situation) -> SkipReason | None:
    """Return why the action must not run, or None: it may."""
    return next((reason for reason, holds in GUARDS if holds(config, situation)), None)


def _disabled(config: ReceiverConfig, _: Situation) -> bool:
    return not config.responses.enabled


def _off(config: ReceiverConfig, situation: Situation) -> bool:
    return config.responses.actions.get(situation.action).mode == "off"


def _not_allowed(config: ReceiverConfig, situation: Situation) -> bool:
    return situation.extractor not in config.targets


def _resolved(_: ReceiverConfig, situation: Situation) -> bool:
    return situation.resolved


def _busy(_: ReceiverConfig, situation: Situation) -> bool:
    return situation.busy


def _cooling(config: ReceiverConfig, situation: Situation) -> bool:
    if situation.last_run is None:
        return False
    cooldown = timedelta(seconds=seconds(config.responses.actions.get(situation.action).cooldown))
    return situation.now - situation.last_run < cooldown


# The first guard that holds names the reason: what never changes by itself comes first.
GUARDS: tuple[tuple[SkipReason, Guard], ...] = (
    (SkipReason.RESPONSES_DISABLED, _disabled),
    (SkipReason.ACTION_OFF, _off),
    (SkipReason.TARGET_NOT_ALLOWED, _not_allowed),
    (SkipReason.ALERT_RESOLVED, _resolved),
    (SkipReason.TARGET_BUSY, _busy),
    (SkipReason.COOLDOWN, _cooling),
)
