"""Decides whether an action may run, or gives a named reason why not.

Pure: everything it needs to know is in the configuration and the `Situation`. Guards that must ask
Prometheus or the target follow later, in source.py and in the actions' plans.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from featurewatch_receiver.config.receiver import ActionName, ReceiverConfig
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.states import Origin, SkipReason


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is known when an action is decided."""

    action: ActionName
    #: The alert's extractor label: a lookup key and no more.
    extractor: str | None
    now: datetime
    origin: Origin = Origin.ALERT
    #: The episode has ended.
    resolved: bool = False
    #: A person has engaged the kill switch.
    kill_switch: bool = False
    #: Another action is planned or at work on the target.
    busy: bool = False
    #: When the action's last run on the target ended.
    last_run: datetime | None = None
    #: Runs of the action: for the episode, and on the target within an hour and a day.
    runs_of_episode: int = 0
    runs_of_hour: int = 0
    runs_of_day: int = 0
    #: Episodes that began within the storm's window.
    episodes_begun: int = 0


#: Reasons that pass by themselves: it is decided again while the alert fires.
PASSING = frozenset(
    {
        SkipReason.KILL_SWITCH,
        SkipReason.MAINTENANCE,
        SkipReason.ALERT_NOT_FIRING,
        SkipReason.SOURCE_UNREACHABLE,
        SkipReason.METRICS_TOO_OLD,
        SkipReason.ALREADY_WELL,
        SkipReason.CORRELATED,
        SkipReason.TARGET_BUSY,
        SkipReason.ROLLOUT_UNDER_WAY,
        SkipReason.COOLDOWN,
        SkipReason.ATTEMPTS_PER_HOUR,
        SkipReason.ATTEMPTS_PER_DAY,
        SkipReason.STORM,
    }
)
#: What a person may overrule by asking for the action. Never the rest.
OVERRULED_BY_PERSON = frozenset(
    {
        SkipReason.ALERT_RESOLVED,
        SkipReason.ALERT_NOT_FIRING,
        SkipReason.SOURCE_UNREACHABLE,
        SkipReason.METRICS_TOO_OLD,
        SkipReason.ALREADY_WELL,
        SkipReason.CORRELATED,
        SkipReason.MAINTENANCE,
        SkipReason.COOLDOWN,
        SkipReason.ATTEMPTS_PER_EPISODE,
        SkipReason.ATTEMPTS_PER_HOUR,
        SkipReason.ATTEMPTS_PER_DAY,
        SkipReason.STORM,
    }
)
#: What does not hold back the end of a lease: it has no alert, and its switch is the lease's.
OVERRULED_BY_LEASE = frozenset(
    {
        SkipReason.ACTION_OFF,
        SkipReason.ALERT_RESOLVED,
        SkipReason.ALERT_NOT_FIRING,
        SkipReason.ALREADY_WELL,
        SkipReason.CORRELATED,
        SkipReason.ATTEMPTS_PER_EPISODE,
        SkipReason.ATTEMPTS_PER_HOUR,
        SkipReason.ATTEMPTS_PER_DAY,
    }
)
OVERRULED = {
    Origin.ALERT: frozenset[SkipReason](),
    Origin.PERSON: OVERRULED_BY_PERSON,
    Origin.LEASE: OVERRULED_BY_LEASE,
}

Guard = Callable[[ReceiverConfig, Situation], bool]


def decide(config: ReceiverConfig, situation: Situation) -> SkipReason | None:
    """Return why the action must not run, or None: it may."""
    overruled = OVERRULED[situation.origin]
    return next(
        (r for r, holds in GUARDS if r not in overruled and holds(config, situation)),
        None,
    )


def _disabled(config: ReceiverConfig, _: Situation) -> bool:
    return not config.responses.enabled


def _off(config: ReceiverConfig, situation: Situation) -> bool:
    return config.responses.actions.get(situation.action).mode == "off"


def _not_allowed(config: ReceiverConfig, situation: Situation) -> bool:
    return situation.extractor not in config.targets


def _resolved(_: ReceiverConfig, situation: Situation) -> bool:
    return situation.resolved


def _killed(_: ReceiverConfig, situation: Situation) -> bool:
    return situation.kill_switch


def _maintained(config: ReceiverConfig, situation: Situation) -> bool:
    return any(window.holds(situation.extractor, situation.now) for window in config.maintenance)


def _worn_out(config: ReceiverConfig, situation: Situation) -> bool:
    most = config.responses.actions.get(situation.action).attempts.episode
    return situation.runs_of_episode >= most


def _busy(_: ReceiverConfig, situation: Situation) -> bool:
    return situation.busy


def _cooling(config: ReceiverConfig, situation: Situation) -> bool:
    if situation.last_run is None:
        return False
    cooldown = timedelta(seconds=seconds(config.responses.actions.get(situation.action).cooldown))
    return situation.now - situation.last_run < cooldown


def _hourly(config: ReceiverConfig, situation: Situation) -> bool:
    most = config.responses.actions.get(situation.action).attempts.hour
    return situation.runs_of_hour >= most


def _daily(config: ReceiverConfig, situation: Situation) -> bool:
    most = config.responses.actions.get(situation.action).attempts.day
    return situation.runs_of_day >= most


def _storm(config: ReceiverConfig, situation: Situation) -> bool:
    return situation.episodes_begun >= config.responses.storm.episodes


# The first guard that holds names the reason: what never changes by itself comes first.
GUARDS: tuple[tuple[SkipReason, Guard], ...] = (
    (SkipReason.RESPONSES_DISABLED, _disabled),
    (SkipReason.ACTION_OFF, _off),
    (SkipReason.TARGET_NOT_ALLOWED, _not_allowed),
    (SkipReason.ALERT_RESOLVED, _resolved),
    (SkipReason.ATTEMPTS_PER_EPISODE, _worn_out),
    (SkipReason.KILL_SWITCH, _killed),
    (SkipReason.MAINTENANCE, _maintained),
    (SkipReason.STORM, _storm),
    (SkipReason.TARGET_BUSY, _busy),
    (SkipReason.COOLDOWN, _cooling),
    (SkipReason.ATTEMPTS_PER_HOUR, _hourly),
    (SkipReason.ATTEMPTS_PER_DAY, _daily),
)
