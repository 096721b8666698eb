"""Groups of alerts: when they are looked at, and what is told of them then."""

import math
from dataclasses import dataclass
from functools import cached_property, cmp_to_key

from featurewatch_kit.alertmanager.alerts import Alert
from featurewatch_kit.alertmanager.configuration import Configuration, Integration
from featurewatch_kit.alertmanager.inhibition import Inhibitor
from featurewatch_kit.alertmanager.labels import LabelSet, compare, written
from featurewatch_kit.alertmanager.notification_log import Key, NotificationLog, State
from featurewatch_kit.alertmanager.routes import Route
from featurewatch_kit.alertmanager.silences import Silences
from featurewatch_kit.alertmanager.time_intervals import MINUTE

_LISTED = cmp_to_key(compare)


@dataclass(frozen=True)
class Message:
    """What one integration of a receiver is sent: one group, with all of its alerts."""

    time: float
    receiver: str
    integration: str
    group_key: str
    group_labels: LabelSet
    #: In the order in which Alertmanager lists them.
    alerts: tuple[Alert, ...]
    firing: tuple[Alert, ...]
    resolved: tuple[Alert, ...]
    #: In the words of Alertmanager 0.33: "first notification", "repeat interval elapsed", ...
    reason: str


class Group:
    """The alerts of a route that share the labels it groups by."""

    def __init__(self, route: Route, labels: LabelSet) -> None:
        self.route = route
        self.labels = labels
        self.alerts: dict[LabelSet, Alert] = {}
        self.next_look = math.inf
        #: When it was looked at first; the other looks follow at group_interval.
        self.first_look: float | None = None
        #: When its last alert left.
        self.emptied_at: float | None = None

    def tick(self, time: float) -> float:
        """The next of its moments from this one on, once it was looked at."""
        first, interval = self.first_look or 0.0, self.route.group_interval
        # What is due now must not be put off by a rounding.
        return first + math.ceil((time - first) / interval - 1e-9) * interval

    def tick_after(self, time: float) -> float:
        """The next of its moments after this one."""
        return self.tick(time + self.route.group_interval / 2)

    @cached_property
    def key(self) -> str:
        """Alertmanager's name of it. Routes with the same matchers share it."""
        return f"{self.route.key}:{written(self.labels)}"

    def listed(self) -> list[Alert]:
        """Its alerts in the order in which Alertmanager lists them."""
        if len(self.alerts) == 1:
            return list(self.alerts.values())
        return sorted(self.alerts.values(), key=lambda alert: _LISTED(alert.labels))


@dataclass
class Pipeline:
    """From a group that is looked at to the messages about it."""

    configuration: Configuration
    inhibitor: Inhibitor
    silences: Silences
    log: NotificationLog

    def look(self, group: Group, now: float) -> list[Message]:
        """The messages that are due; what has ended leaves the group."""
        passing = self._passing(group, now)
        messages = self._messages(group, passing, now) if passing else []
        for alert in [one for one in group.alerts.values() if one.resolved(now)]:
            del group.alerts[alert.labels]
        return messages

    def quiet_until(self, group: Group, now: float) -> float:
        """Until when looks at a group find nothing to tell, if nobody sends or silences anything.

        At the earliest of these: an alert of it ends, what mutes one of them begins or ends, a
        time interval can, or what was told is due again.
        """
        moments = [alert.ends_at for alert in group.alerts.values()]
        for alert in group.alerts.values():
            moments.append(self.inhibitor.unchanged_until(alert.labels, now))
            moments.append(self.silences.unchanged_until(alert.labels, now))
        if group.route.mute_time_intervals or group.route.active_time_intervals:
            moments.append(now - now % MINUTE + MINUTE)
        for way in self.configuration.receivers.get(group.route.receiver, ()):
            key = self._key(group, way)
            moments.append(self.log.due(key, group.route.repeat_interval))
        return min(moments)

    def _passing(self, group: Group, now: float) -> list[Alert]:
        if self._out_of_time(group.route, now):
            return []
        return [
            alert
            for alert in group.listed()
            if not self.inhibitor.muting(alert.labels, now)
            and not self.silences.muting(alert.labels, now)
        ]

    def _out_of_time(self, route: Route, now: float) -> bool:
        times = self.configuration.time_intervals
        active = route.active_time_intervals
        if active and not times.holding(active, now):
            return True
        return bool(times.holding(route.mute_time_intervals, now))

    def _messages(self, group: Group, alerts: list[Alert], now: float) -> list[Message]:
        state = State(
            firing=frozenset(alert.labels for alert in alerts if not alert.resolved(now)),
            resolved=frozenset(alert.labels for alert in alerts if alert.resolved(now)),
        )
        repeat, messages = group.route.repeat_interval, []
        for way in self.configuration.receivers.get(group.route.receiver, ()):
            key = self._key(group, way)
            reason = self.log.reason(key, state, now, repeat, ends=way.send_resolved)
            if reason is None:
                continue
            self.log.write(key, state, now, repeat)
            # The log is told of an end that nobody hears of, so that it is not told later.
            if state.firing or way.send_resolved:
                messages.append(_message(group, way, alerts, reason, now))
        return messages

    @staticmethod
    def _key(group: Group, way: Integration) -> Key:
        return (group.key, group.route.receiver, way.name)


def _message(
    group: Group, way: Integration, alerts: list[Alert], reason: str, now: float
) -> Message:
    resolved = tuple(alert for alert in alerts if alert.resolved(now))
    firing = tuple(alert for alert in alerts if not alert.resolved(now))
    return Message(
        time=now,
        receiver=group.route.receiver,
        integration=way.name,
        group_key=group.key,
        group_labels=group.labels,
        alerts=tuple(alerts) if way.send_resolved else firing,
        firing=firing,
        resolved=resolved if way.send_resolved else (),
        reason=reason,
    )
