"""People in the receiver's configuration: whom Alertmanager tells, and whom it tells itself."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from featurewatch_kit.config import Config
from featurewatch_receiver.config.file import Problem
from featurewatch_receiver.config.people import Mail, Notifications, Told, Watch, WatchPaths
from featurewatch_receiver.config.values import seconds

# Names that alertmanager/receivers.libsonnet gives.
_LEVEL = re.compile(r"(?P<policy>.+)-level-(?P<level>\d+)(?P<unresolved>-unresolved)?")
_KINDS = {"email_configs": "email", "slack_configs": "slack", "pagerduty_configs": "pagerduty"}
# One Watchdog may be lost, or be late because Alertmanager was restarted.
FEWEST_BEATS = 2
USUAL_BEATS = 3


def notifications(config: Config, receivers: Iterable[dict[str, Any]]) -> Notifications:
    """Channels and people behind each of Alertmanager's receivers, and how long they may wait."""
    own = (pace.group_wait for pace in config.routing.severities.values())
    waits = [config.routing.people.group_wait, *(wait for wait in own if wait is not None)]
    told = {r["name"]: whom for r in receivers if (whom := _whom(config, r))}
    paces = config.routing.severities.items()
    return Notifications(
        wait=max(waits, key=seconds),
        receivers=told,
        mute_times={s: own.mute_time_intervals for s, own in paces if own.mute_time_intervals},
        time_intervals=config.routing.time_intervals,
    )


def _whom(config: Config, receiver: dict[str, Any]) -> Told | None:
    match = _LEVEL.fullmatch(receiver["name"])
    if match is None or match["policy"] not in config.escalation.policies:
        return None
    level = config.escalation.policies[match["policy"]].levels[int(match["level"]) - 1]
    return Told(
        channels=[channel for kind, channel in _KINDS.items() if receiver.get(kind)],
        recipients=level.recipients,
        resolved=match["unresolved"] is None,
    )


def watch(config: Config) -> Watch:
    """The dead man's switch; off where no Watchdog comes to the receiver."""
    tell = config.watchdog.tell
    return Watch(
        enabled=config.watchdog.enabled and is_delivered(config),
        timeout=config.watchdog.timeout or f"{USUAL_BEATS * _pace(config)}s",
        repeat=config.watchdog.repeat,
        tell=WatchPaths(
            webhook_url_file=tell.webhook_url_file,
            slack_api_url_file=tell.slack_api_url_file,
            pagerduty_routing_key_file=tell.pagerduty_routing_key_file,
            pagerduty_url=config.channels.pagerduty.url,
            email=_mail(config, tell.email) if tell.email else None,
        ),
    )


def _mail(config: Config, address: str) -> Mail:
    server = config.channels.email.model_dump(by_alias=True, exclude={"enabled"})
    return Mail.model_validate({"to": address, **server})


def _pace(config: Config) -> int:
    """Seconds from one Watchdog to the next."""
    return seconds(config.routing.receiver.repeat_interval)


def is_delivered(config: Config) -> bool:
    """Whether Alertmanager tells the receiver anything."""
    return config.channels.dashboard.enabled or config.responses.enabled


def check_watchdog(config: Config) -> Iterator[Problem]:
    """The switch waits longer than the Watchdog's pace, and has a Watchdog to wait for."""
    fewest, timeout = FEWEST_BEATS * _pace(config), config.watchdog.timeout
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
