"""Two incidents: one that the automation fixes, and one that it can't.

In the first the feature cache is spoilt: clearing it helps, and nobody is paged. In the second the
network is slow: another replica does not help, so people are paged at once, with what was tried.
When it is over, the replica is taken back.
"""

import math
import re
import time
from collections.abc import Callable, Iterator

from featurewatch_kit.demo.clients import Client
from featurewatch_kit.demo.stack import Stack
from featurewatch_kit.demo.timeline import Timeline
from featurewatch_kit.demo.watch import Watch
from featurewatch_kit.errors import DemoError

_POLL_SECONDS = 0.25
_WARM_HIT_RATIO = 0.9

Links = Iterator[tuple[str, Callable[[], bool]]]


class Incidents:
    """Breaks a running stack and follows the chain until all is well again."""

    def __init__(self, stack: Stack, timeline: Timeline):
        self._stack = stack
        self._timeline = timeline
        self._watch = Watch(stack, timeline)
        self._features = Client(stack.urls.features)

    def fixed_by_itself(self, deadline: float) -> dict[str, float]:
        """Spoil the cache; return when each link of the chain held, in seconds after that.

        Raises:
            DemoError: naming the first link that did not hold by `deadline` (time.monotonic()).

        """
        self._until(self._warm, "the service is healthy before the incident", deadline)
        self._begin("poisoned_cache", "every entry of the feature cache is spoilt")
        return self._follow(self._fixed(), deadline)

    def needs_people(self, deadline: float) -> dict[str, float]:
        """Slow the network down; return when each link held, in seconds after that.

        Raises:
            DemoError: as above.

        """
        self._begin("slow_network", "the way to the cache is slow")
        held = self._follow(self._unmended(), deadline)
        self._features.put("/admin/faults/slow_network", {"enabled": False})
        self._timeline.add("incident", "somebody who was paged has fixed the network")
        return held | self._follow(self._taken_back(), deadline)

    def watch(self) -> None:
        """Tell what happens until interrupted, or until a part ends (DemoError)."""
        self._until(lambda: False, "the end", math.inf)

    def _begin(self, fault: str, what: str) -> None:
        self._timeline.restart()
        self._started = time.monotonic()
        self._features.put(f"/admin/faults/{fault}", {"enabled": True})
        self._timeline.add("incident", what)

    def _follow(self, links: Links, deadline: float) -> dict[str, float]:
        held = {}
        for what, link in links:
            self._until(link, what, deadline)
            held[what] = time.monotonic() - self._started
        return held

    def _fixed(self) -> Links:
        stack, watch = self._stack, self._watch
        yield "Prometheus sees the breach", lambda: bool(watch.violated)
        yield "an alert fires", lambda: bool(watch.firing)
        yield "the cache is cleared", lambda: self._is("clear_cache", "verifying", "effective")
        yield "the team gets an email", lambda: bool(stack.mailbox.messages())
        yield "the receiver sees that it helped", lambda: self._is("clear_cache", "effective")
        yield "the service recovers", lambda: not watch.violated
        yield "every alert about it resolves", lambda: not self._about_service()
        yield "everyone told of an alert is told of its end", self._told

    def _unmended(self) -> Links:
        scale_up = "scale_up_deployment"
        yield "a replica is added", lambda: self._is(scale_up, "verifying", "ineffective")
        yield "the receiver sees that it did not help", lambda: self._is(scale_up, "ineffective")
        yield "people are paged", lambda: bool(self._stack.pagerduty.messages())

    def _taken_back(self) -> Links:
        yield "the service recovers", lambda: not self._watch.violated
        yield "every alert about it resolves", lambda: not self._about_service()
        yield "the replica is taken back", lambda: self._is("scale_down_deployment", "done")

    def _until(self, condition: Callable[[], bool], what: str, deadline: float) -> None:
        while True:
            self._stack.processes.check()
            self._watch.look()
            if condition():
                return
            if time.monotonic() > deadline:
                raise DemoError(f"this did not happen in time: {what}; see {self._stack.folder}")
            time.sleep(_POLL_SECONDS)

    # --- what to look at

    def _warm(self) -> bool:
        hits = self._watch.hit_ratio()
        return hits is not None and hits > _WARM_HIT_RATIO and not self._watch.violated

    def _is(self, action: str, *states: str) -> bool:
        made = self._watch.remediations
        return any(r["action"] == action and r["state"] in states for r in made)

    def _about_service(self) -> set[str]:
        return {name for name in self._watch.firing if name.startswith("FeatureExtraction")}

    def _told(self) -> bool:
        """Whether everyone who was told of an alert about the service was told of its end."""
        told = [
            (found[1], found[2], mail["To"])
            for mail in self._stack.mailbox.messages()
            if (found := re.match(r"\[(\w+)\] (FeatureExtraction\w+):", mail["Subject"]))
        ]
        ends = {(alert, to) for state, alert, to in told if state == "RESOLVED"}
        return {(alert, to) for _, alert, to in told} <= ends
