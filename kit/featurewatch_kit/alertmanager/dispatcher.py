"""Puts alerts into groups, and looks at each group when it is due."""

import heapq
import math
from itertools import count

from featurewatch_kit.alertmanager.alerts import Alert
from featurewatch_kit.alertmanager.groups import Group, Message, Pipeline
from featurewatch_kit.alertmanager.labels import LabelSet, chosen
from featurewatch_kit.alertmanager.routes import Route
from featurewatch_kit.alertmanager.versions import Version

#: Seconds between the sweeps that take empty groups away.
SWEEP_SECONDS = 30.0


class Dispatcher:
    """The groups of one configuration, from its loading on."""

    def __init__(self, pipeline: Pipeline, version: Version, started: float, begins: float) -> None:
        """`begins`: no group is looked at before (--dispatch.start-delay)."""
        self._pipeline = pipeline
        self._version = version
        self._started = started
        self._begins = begins
        #: The last moment at which every look was made that was due.
        self.over = -math.inf
        self._groups: dict[tuple[Route, LabelSet], Group] = {}
        self._due: list[tuple[float, int, Group]] = []
        self._number = count()
        #: Groups that will not be looked at at each of their moments, since nothing can be told.
        self._resting: set[Group] = set()
        self._places: dict[LabelSet, list[tuple[Route, LabelSet]]] = {}

    @property
    def next_look(self) -> float:
        """When the next group is due; infinity if there is none."""
        while self._due and self._due[0][0] != self._due[0][2].next_look:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else math.inf

    def take(self, alert: Alert, now: float) -> None:
        """Put an alert into the group of every route that it ends at."""
        for place in self._places_of(alert.labels):
            self._insert(place, alert, now)

    def _places_of(self, labels: LabelSet) -> list[tuple[Route, LabelSet]]:
        places = self._places.get(labels)
        if places is None:
            routes = self._pipeline.configuration.root.ends(dict(labels))
            places = [(route, chosen(labels, route.group_by)) for route in routes]
            self._places[labels] = places
        return places

    def _insert(self, place: tuple[Route, LabelSet], alert: Alert, now: float) -> None:
        group = self._groups.get(place)
        begins = group is None or self._swept(group, now)
        if group is None or begins:
            group = self._groups[place] = Group(*place)
            self._set(group, max(now + group.route.group_wait, self._begins))
        self._update(group, alert, now)
        if begins or self._version.hurries_for_old_alerts:
            self._hurry(group, alert, now)

    def _swept(self, group: Group, now: float) -> bool:
        """Whether an empty group is there no more."""
        if group.emptied_at is None:
            return False
        if not self._version.keeps_empty_groups:
            return True
        sweep = now - (now - self._started) % SWEEP_SECONDS
        return group.emptied_at < sweep

    def _update(self, group: Group, alert: Alert, now: float) -> None:
        old = group.alerts.get(alert.labels)
        group.alerts[alert.labels] = alert
        if group.first_look is not None and not (old and old.goes_on(alert)):
            # An empty group went on ticking, too.
            group.emptied_at = None
            self._set(group, self._next_tick(group, now))

    def _next_tick(self, group: Group, now: float) -> float:
        """Its next moment, which is now if it is one, and is not over yet."""
        return group.tick(now) if now > self.over else group.tick_after(now)

    def _hurry(self, group: Group, alert: Alert, now: float) -> None:
        """Whoever has waited for long enough already waits no more."""
        if group.first_look is None and alert.starts_at + group.route.group_wait < now:
            self._set(group, max(now, self._begins))

    def _set(self, group: Group, time: float) -> None:
        if group.next_look != time:
            group.next_look = time
            heapq.heappush(self._due, (time, next(self._number), group))

    def wake(self, now: float) -> None:
        """Something has changed that can concern every group: look at each when it is due."""
        for group in self._resting:
            if group.alerts:
                self._set(group, self._next_tick(group, now))
        self._resting.clear()

    def look(self) -> list[Message]:
        """Look at the group that is due next, and return the messages about it."""
        now, _, group = heapq.heappop(self._due)
        if group.first_look is None:
            group.first_look = now
        messages = self._pipeline.look(group, now)
        if group.alerts:
            self._set(group, self._next_look(group, now))
        else:
            group.emptied_at, group.next_look = now, math.inf
        return messages

    def _next_look(self, group: Group, now: float) -> float:
        """Its next moment, or a later one if it is quiet until then."""
        rests = self._rest_until(group, now)
        if rests > now:
            self._resting.add(group)
        return max(group.tick(rests), group.tick_after(now))

    def _rest_until(self, group: Group, now: float) -> float:
        return self._pipeline.quiet_until(group, now)
