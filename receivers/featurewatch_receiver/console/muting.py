"""Why nobody is told of an alert: which inhibit rule, which time interval. Silences are rows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.config.timeintervals import ends
from featurewatch_receiver.history.recipients import mute_times

Row = dict[str, Any]
_MAINTENANCE = "FeaturewatchMaintenance"
_COOLDOWN = "FeaturewatchCooldown"
#: How far ahead the end of time intervals is looked for.
_AHEAD = timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class Inhibitor:
    """An alert that mutes another one, and by which rule."""

    alertname: str
    extractor: str
    rule: str


@dataclass(frozen=True, kw_only=True)
class MuteTime:
    """Time intervals during which nobody is told."""

    names: list[str]
    #: When they end; None: not within two days.
    until: datetime | None


def inhibitors(config: ReceiverConfig, episode: Row) -> list[Inhibitor]:
    """Who mutes this alert. A lower level is muted by its own higher one, which says nothing."""
    own = {"alertname": episode["alertname"], "extractor": episode["extractor"] or ""}
    by = [found for found in episode["inhibited_by"] or [] if found != own]
    return [Inhibitor(**found, rule=_rule(config, episode, found["alertname"])) for found in by]


def _rule(config: ReceiverConfig, episode: Row, by: str) -> str:
    """As alertmanager/inhibition.libsonnet has them."""
    source = config.alerts.get(by)
    if by == _MAINTENANCE:
        return "planned work"
    if by == _COOLDOWN:
        return "only its cooldown holds it"
    if source and episode["alertname"] in source.members:
        return "an incident answers for its members"
    return "the same trouble at a worse severity"


def mute_time(config: ReceiverConfig, severity: str | None, now: datetime) -> MuteTime | None:
    """What keeps this severity quiet now; None: nothing does."""
    names = mute_times(config, severity, now)
    told = config.notifications
    if not names:
        return None
    every = told.mute_times.get(severity or "", [])
    return MuteTime(names=names, until=ends(told.time_intervals, every, now, _AHEAD))
