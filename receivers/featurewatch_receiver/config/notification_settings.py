"""Whom Alertmanager's receivers tell, and what is told without Alertmanager."""

from typing import Annotated

from pydantic import Field

from featurewatch_receiver.config.timeintervals import TimeInterval
from featurewatch_receiver.config.values import (
    Duration,
    File,
    Name,
    PositiveDuration,
    Strict,
    Text,
    Url,
)


class Told(Strict):
    """Whom one of Alertmanager's receivers tells."""

    #: The levels of a policy that it is for; null: of none.
    policy: Text | None = None
    levels: list[Annotated[int, Field(ge=1, examples=[1])]] = Field(default=[])
    channels: list[Text]
    recipients: list[Name]
    #: Whether it tells of the end.
    resolved: bool


class Notifications(Strict):
    """How to read Alertmanager's receivers as channels and people."""

    #: The longest that Alertmanager collects before it tells anybody.
    wait: Duration = "0s"
    receivers: dict[Text, Told] = Field(default={})
    #: By severity the names of the time intervals during which nobody is told.
    mute_times: dict[Text, list[Name]] = Field(default={})
    time_intervals: dict[Name, list[TimeInterval]] = Field(default={})


class Mail(Strict):
    """A mail and the server that takes it; password_file is on the receiver's host."""

    to: Text
    smarthost: Text
    from_: Annotated[Text, Field(alias="from")]
    require_tls: bool
    username: Text | None = None
    password_file: File | None = None


class WatchPaths(Strict):
    """The ways to tell of a missing Watchdog that don't lead through Alertmanager."""

    webhook_url_file: File | None = None
    slack_api_url_file: File | None = None
    pagerduty_routing_key_file: File | None = None
    pagerduty_url: Url = "https://events.pagerduty.com/v2/enqueue"
    email: Mail | None = None


class Watch(Strict):
    """The dead man's switch: what is done when the Watchdog's heartbeat is missing."""

    enabled: bool = False
    #: Longer than the heartbeat's interval.
    timeout: PositiveDuration = "15m"
    #: How often it is told again.
    repeat: PositiveDuration = "4h"
    tell: WatchPaths = WatchPaths()
