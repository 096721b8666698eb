"""Which routes, inhibit rules and time intervals of a configuration stories have come by."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product

from featurewatch_kit.alertmanager.inhibition import InhibitRule
from featurewatch_kit.alertmanager.matchers import written
from featurewatch_kit.alertmanager.routes import Route
from featurewatch_kit.alertmanager.time_intervals import MINUTE
from featurewatch_kit.chain.setting import Setting
from featurewatch_kit.chain.story import Firing, Story

ROUTES, INHIBIT_RULES, TIME_INTERVALS = "routes", "inhibit rules", "time intervals"


@dataclass
class Coverage:
    """What there is, by kind and place, and what of it was come by."""

    setting: Setting
    came_by: dict[str, set[str]] = field(
        default_factory=lambda: {ROUTES: set(), INHIBIT_RULES: set(), TIME_INTERVALS: set()}
    )

    def __post_init__(self) -> None:
        root = self.setting.configuration.root
        self._places = dict(_places(root, "route"))
        self.all = {
            ROUTES: list(self._places.values()),
            INHIBIT_RULES: [str(rule) for rule in self.setting.configuration.inhibit_rules],
            TIME_INTERVALS: list(dict.fromkeys(n for r in root.walk() for n in _intervals(r))),
        }

    @property
    def percent(self) -> float:
        """The share of what was come by; all, if there is nothing."""
        total = sum(map(len, self.all.values()))
        return 100 * sum(map(len, self.came_by.values())) / total if total else 100.0

    def missed(self) -> dict[str, list[str]]:
        """What no story has come by, in the order of the file."""
        return {
            kind: [place for place in places if place not in self.came_by[kind]]
            for kind, places in self.all.items()
        }

    def add(self, story: Story, until: float) -> None:
        """Note what a story comes by: where its alerts go, what mutes one of them, and when."""
        alerts = [
            replace(one, end=min(one.end, until)) for one in story.alerts if one.begin <= until
        ]
        for one in alerts:
            for route in self.setting.configuration.root.ends(one.labels):
                steps = (route, *route.ancestors())
                self.came_by[ROUTES] |= {self._places[step] for step in steps}
                self._note_intervals(route, story.base + one.begin, story.base + one.end)
        for rule in self.setting.configuration.inhibit_rules:
            sources = [one for one in alerts if rule.mutes_from(one.labels)]
            targets = [one for one in alerts if rule.mutes(one.labels)]
            if any(_mutes(rule, *pair) for pair in product(sources, targets)):
                self.came_by[INHIBIT_RULES].add(str(rule))

    def _note_intervals(self, route: Route, begin: float, end: float) -> None:
        """Those that hold while an alert of the route fires."""
        times = self.setting.configuration.time_intervals
        missing = set(_intervals(route)) - self.came_by[TIME_INTERVALS]
        now = begin
        while missing and now <= end:
            self.came_by[TIME_INTERVALS].update(found := times.holding(missing, now))
            missing.difference_update(found)
            now += MINUTE


def _mutes(rule: InhibitRule, source: Firing, target: Firing) -> bool:
    """Whether a source mutes a target for some time."""
    return (
        max(source.begin, target.begin) < min(source.end, target.end)
        and not (rule.both(source.labels) and rule.both(target.labels))
        and rule.shared(source.labels) == rule.shared(target.labels)
    )


def _intervals(route: Route) -> tuple[str, ...]:
    return (*route.mute_time_intervals, *route.active_time_intervals)


def _places(route: Route, place: str) -> Iterator[tuple[Route, str]]:
    yield route, f"{place} {written(route.matchers)} to {route.receiver}"
    for number, child in enumerate(route.children):
        yield from _places(child, f"{place}.routes[{number}]")
