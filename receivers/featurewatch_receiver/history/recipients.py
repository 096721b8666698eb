"""Whom Alertmanager's receivers tell: channels, people, and the hours in which nobody is told."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from featurewatch_receiver.config.notification_settings import Told
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.config.timeintervals import holding
from featurewatch_receiver.labels import POLICY


def reach(config: ReceiverConfig, receiver: str) -> dict[str, list[str] | None]:
    """Channels and people behind a receiver of Alertmanager's; None: it is not of the project."""
    told = config.notifications.receivers.get(receiver)
    return _whom([told] if told else [])


def reach_of_level(
    config: ReceiverConfig, labels: Mapping[str, str], level: int
) -> dict[str, list[str] | None]:
    """Channels and people of a level of the alert with these labels; None: it has no such level."""
    wanted = (labels.get(POLICY), labels.get("auto_resolve") != "false")
    receivers = config.notifications.receivers.values()
    of_policy = [told for told in receivers if (told.policy, told.resolved) == wanted]
    return _whom([told for told in of_policy if level in told.levels])


def _whom(told: Sequence[Told]) -> dict[str, list[str] | None]:
    channels = dict.fromkeys(channel for one in told for channel in one.channels)
    recipients = dict.fromkeys(name for one in told for name in one.recipients)
    return {
        "channels": list(channels) if told else None,
        "recipients": list(recipients) if told else None,
    }


def mute_times(config: ReceiverConfig, severity: str | None, now: datetime) -> list[str]:
    """Names of the time intervals during which nobody is told of this severity, and that hold."""
    told = config.notifications
    return holding(told.time_intervals, told.mute_times.get(severity or "", []), now)
