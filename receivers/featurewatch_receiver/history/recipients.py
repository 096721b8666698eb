"""Whom Alertmanager's receivers tell: channels, people, and the hours in which nobody is told."""

from collections.abc import Mapping
from datetime import datetime

from featurewatch_receiver.config.notification_settings import Told
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.config.timeintervals import holding
from featurewatch_receiver.labels import POLICY


def reach(config: ReceiverConfig, receiver: str) -> dict[str, list[str] | None]:
    """Channels and people behind a receiver of Alertmanager's; None: it is not of the project."""
    return _whom(config.notifications.receivers.get(receiver))


def reach_of_level(
    config: ReceiverConfig, labels: Mapping[str, str], level: int
) -> dict[str, list[str] | None]:
    """Channels and people of a level of the alert with these labels; None: it has no such level."""
    wanted = (labels.get(POLICY), level, labels.get("auto_resolve") != "false")
    receivers = config.notifications.receivers.values()
    return _whom(next((r for r in receivers if (r.policy, r.level, r.resolved) == wanted), None))


def _whom(told: Told | None) -> dict[str, list[str] | None]:
    return {
        "channels": told.channels if told else None,
        "recipients": told.recipients if told else None,
    }


def mute_times(config: ReceiverConfig, severity: str | None, now: datetime) -> list[str]:
    """Names of the time intervals during which nobody is told of this severity, and that hold."""
    told = config.notifications
    return holding(told.time_intervals, told.mute_times.get(severity or "", []), now)
