"""Faults of the section `watchdog`: a dead man's switch that raises the alarm for nothing."""

from collections.abc import Iterator

from featurewatch_kit.config.model import Config
from featurewatch_receiver.config.file import Problem
from featurewatch_receiver.config.values import seconds

# One Watchdog may be lost, or be late because Alertmanager was restarted.
FEWEST_BEATS = 2


def pace(config: Config) -> int:
    """Seconds from one Watchdog to the next."""
    return seconds(config.routing.receiver.repeat_interval)


def is_delivered(config: Config) -> bool:
    """Whether Alertmanager tells the receiver anything."""
    return config.channels.dashboard.enabled or config.responses.enabled


def check_watchdog(config: Config) -> Iterator[Problem]:
    """The switch waits longer than the Watchdog's pace, and has a Watchdog to wait for."""
    fewest, timeout = FEWEST_BEATS * pace(config), config.watchdog.timeout
    if config.watchdog.enabled and timeout and seconds(timeout) < fewest:
        message = (
            "is less than twice routing.receiver.repeat_interval, so one late Watchdog would raise"
            f" the alarm; write {fewest}s or more"
        )
        yield Problem(path=("watchdog", "timeout"), message=message)
    ways = config.watchdog.tell.model_dump()
    if any(ways.values()) and not (config.watchdog.enabled and is_delivered(config)):
        message = (
            "has no effect while no Watchdog comes to the receiver; write 'enabled: true' in"
            " watchdog, and in channels.dashboard or responses"
        )
        yield Problem(path=("watchdog", "tell"), message=message)
