"""Alertmanager's routing tree, walked as Alertmanager walks it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from featurewatch_kit.checks.matchers import Labels, Matcher, match, parse_all
from featurewatch_receiver.config.values import seconds

# Alertmanager's own, for a root that does not say.
DEFAULT_TIMING = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}


@dataclass(eq=False)
class Route:
    """One node of the tree, with what it inherits filled in."""

    receiver: str
    matchers: tuple[Matcher, ...]
    goes_on: bool
    timing: dict[str, str]
    parent: "Route | None"
    children: list["Route"] = field(default_factory=list)

    def __str__(self) -> str:
        """Receiver and matchers, those above it too: `route people {severity="low"}`."""
        chain = [*reversed(self.ancestors()), self]
        conditions = ", ".join(str(matcher) for step in chain for matcher in step.matchers)
        return f"route {self.receiver}" + (f" {{{conditions}}}" if conditions else "")

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

    def wait(self, key: str) -> int:
        """One of its intervals in effect, in seconds."""
        return seconds(self.timing[key])


def read_routes(node: dict[str, Any], parent: Route | None = None) -> Route:
    """Build the tree from the `route` of a configuration."""
    inherited = parent.timing if parent else DEFAULT_TIMING
    route = Route(
        receiver=node.get("receiver") or (parent.receiver if parent else ""),
        matchers=parse_all(node.get("matchers", [])),
        goes_on=node.get("continue", False),
        timing={key: node.get(key, value) for key, value in inherited.items()},
        parent=parent,
    )
    route.children = [read_routes(child, route) for child in node.get("routes", [])]
    return route
