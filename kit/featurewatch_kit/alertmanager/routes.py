"""Alertmanager's routing tree, walked as Alertmanager walks it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from featurewatch_kit.alertmanager import durations
from featurewatch_kit.alertmanager.labels import Labels
from featurewatch_kit.alertmanager.matchers import Matcher, match, read_matchers, written

# Alertmanager's own, for a root that does not say.
DEFAULT_TIMING = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}
EVERY_LABEL = "..."


@dataclass(eq=False)
class Route:
    """One node of the tree, with what it inherits filled in."""

    receiver: str
    matchers: tuple[Matcher, ...]
    goes_on: bool
    timing: dict[str, str]
    parent: "Route | None"
    #: Labels that its alerts are grouped by; None: by all.
    group_by: frozenset[str] | None = frozenset()
    #: Names of intervals. Those of a route above it do not count.
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()
    children: list["Route"] = field(default_factory=list)

    def __str__(self) -> str:
        """Receiver and matchers, those above it too: `route people {severity="low"}`."""
        chain = [*reversed(self.ancestors()), self]
        conditions = ", ".join(str(matcher) for step in chain for matcher in step.matchers)
        return f"route {self.receiver}" + (f" {{{conditions}}}" if conditions else "")

    @cached_property
    def key(self) -> str:
        """Alertmanager's name of it: `{}/{severity="low"}`. Two routes can have the same one."""
        above = f"{self.parent.key}/" if self.parent else ""
        return above + written(self.matchers)

    def walk(self) -> Iterator["Route"]:
        """Itself and everything below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def ancestors(self) -> list["Route"]:
        """Every route above it, the nearest first."""
        return [self.parent, *self.parent.ancestors()] if self.parent else []

    def ends(self, labels: Labels) -> list["Route"]:
        """Where an alert with these labels ends, none if it does not enter.

        Children are asked in their order, depth first; one that takes the alert keeps it from
        those after it, unless it says `continue`. What no child takes ends here.
        """
        if not match(self.matchers, labels):
            return []
        found: list[Route] = []
        for child in self.children:
            taken = child.ends(labels)
            found += taken
            if taken and not child.goes_on:
                break
        return found or [self]

    def wait(self, key: str) -> float:
        """One of its intervals in effect, in seconds."""
        return durations.seconds(self.timing[key])

    @cached_property
    def group_wait(self) -> float:
        """Seconds from a group's first alert to its first message."""
        return self.wait("group_wait")

    @cached_property
    def group_interval(self) -> float:
        """Seconds between looks at a group."""
        return self.wait("group_interval")

    @cached_property
    def repeat_interval(self) -> float:
        """Seconds after which what did not change is told again."""
        return self.wait("repeat_interval")


def read_routes(
    node: Mapping[str, Any], parent: Route | None = None, *, nothing_inherits: bool = False
) -> Route:
    """Build the tree from the `route` of a configuration.

    `nothing_inherits`: `group_by: []` is taken for none given, as by Alertmanager below 0.31.
    """
    inherited = parent.timing if parent else DEFAULT_TIMING
    route = Route(
        receiver=str(node.get("receiver") or (parent.receiver if parent else "")),
        matchers=read_matchers(node),
        goes_on=bool(node.get("continue", False)),
        timing={key: str(node.get(key) or value) for key, value in inherited.items()},
        parent=parent,
        group_by=_group_by(node, parent, nothing_inherits),
        mute_time_intervals=tuple(node.get("mute_time_intervals") or ()),
        active_time_intervals=tuple(node.get("active_time_intervals") or ()),
    )
    route.children = [
        read_routes(child, route, nothing_inherits=nothing_inherits)
        for child in node.get("routes") or []
    ]
    return route


def _group_by(
    node: Mapping[str, Any], parent: Route | None, nothing_inherits: bool
) -> frozenset[str] | None:
    names = node.get("group_by")
    if names is None or (nothing_inherits and not names):
        return parent.group_by if parent else frozenset()
    return None if EVERY_LABEL in names else frozenset(names)
