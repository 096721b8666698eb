"""The receiver's configuration: what it needs of config.yaml, of the rules, and of the routes."""

from collections.abc import Iterator
from typing import Any

from featurewatch_kit.config.alerts import as_list
from featurewatch_kit.config.model import Config
from featurewatch_kit.config.watchdog_checks import is_delivered, pace
from featurewatch_receiver.config.notification_settings import (
    Mail,
    Notifications,
    Told,
    Watch,
    WatchPaths,
)
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.config.values import seconds

_KINDS = {"email_configs": "email", "slack_configs": "slack", "pagerduty_configs": "pagerduty"}
# Many extractors at once: nothing that could be done to one of them.
STORM = "FeatureExtractionStorm"
# Watchdogs that are missing before anybody is told of it.
USUAL_BEATS = 3


def receiver_config(config: Config, mixin: dict[str, Any]) -> ReceiverConfig:
    """What the receiver needs of the configuration, and of the rules: how to see a cure."""
    checks = mixin["checks"]
    responses = {name: alert.response for name, alert in config.alerts.items()}
    responses |= {name: rule.response for name, rule in config.correlation.rules.items()}
    if config.alerting.storm:
        responses[STORM] = None
    members = {name: rule.members for name, rule in config.correlation.rules.items()}
    alerts = {
        name: {
            "responses": as_list(response),
            "levels": checks["levels"].get(name, []),
            "members": members.get(name, []),
            **checks["alerts"].get(name, {}),
        }
        for name, response in responses.items()
    }
    return ReceiverConfig(
        receiver=config.receiver,
        access=config.access,
        links=config.links,
        responses=config.responses,
        targets=config.targets,
        backends=config.backends,
        history=config.history,
        maintenance=config.maintenance,
        metrics_age=checks["metrics_age"],
        alerts=alerts,  # type: ignore[arg-type]  # validated here
        notifications=notifications(config, mixin),
        watchdog=watch(config),
    )


def notifications(config: Config, mixin: dict[str, Any]) -> Notifications:
    """Channels and people behind each of Alertmanager's receivers, and how long they may wait."""
    own = (pace.group_wait for pace in config.routing.severities.values())
    waits = [config.routing.people.group_wait, *(wait for wait in own if wait is not None)]
    paces = config.routing.severities.items()
    return Notifications(
        wait=max(waits, key=seconds),
        receivers=dict(_told(mixin)),
        mute_times={s: own.mute_time_intervals for s, own in paces if own.mute_time_intervals},
        time_intervals=config.routing.time_intervals,
    )


def _told(mixin: dict[str, Any]) -> Iterator[tuple[str, Told]]:
    receivers = {receiver["name"]: receiver for receiver in mixin["alertmanager"]["receivers"]}
    for name, place in mixin["people"].items():
        channels = [channel for kind, channel in _KINDS.items() if receivers[name].get(kind)]
        yield name, Told(channels=channels, **place)


def watch(config: Config) -> Watch:
    """The dead man's switch; off where no Watchdog comes to the receiver."""
    tell = config.watchdog.tell
    return Watch(
        enabled=config.watchdog.enabled and is_delivered(config),
        timeout=config.watchdog.timeout or f"{USUAL_BEATS * pace(config)}s",
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
