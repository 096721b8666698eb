"""Breaks the feature cache of a running stack and follows the chain until it has mended it."""

import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from featurewatch_kit import generate
from featurewatch_kit.demo.clients import Client, Prometheus
from featurewatch_kit.demo.stack import Stack
from featurewatch_kit.demo.timeline import Timeline
from featurewatch_kit.errors import DemoError

_POLL_SECONDS = 0.25
_WARM_HIT_RATIO = 0.9
_ACTION = "clear_cache"


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A recorded value, how to show it, and the alert whose threshold it is held against."""

    name: str
    record: str
    alert: str
    bad: Callable[[float, float], bool]
    show: Callable[[float], str]


def measures(folder: Path) -> list[Measure]:
    """The measured values that this incident moves, by the names of the generated rules."""
    rules = yaml.safe_load((folder / generate.RULES).read_text())["groups"][0]["rules"]
    records: list[str] = [rule["record"] for rule in rules]

    def record(part: str) -> str:
        return next(name for name in records if part in name)

    def percent(value: float) -> str:
        return f"{value:.1%}"

    return [
        Measure(
            name="cache hit ratio",
            record=record("cache_hits:ratio"),
            alert="FeatureExtractionCacheHitRateLow",
            bad=float.__lt__,
            show=percent,
        ),
        Measure(
            name="p95 latency",
            record=record(":p95_"),
            alert="FeatureExtractionLatencyCritical",
            bad=float.__gt__,
            show=lambda value: f"{value * 1000:.0f} ms",
        ),
        Measure(
            name="fallback ratio",
            record=record("fallbacks:ratio"),
            alert="FeatureExtractionFallbackUsageHigh",
            bad=float.__gt__,
            show=percent,
        ),
    ]


class Incident:
    """One incident, from a healthy service back to a healthy service."""

    def __init__(self, stack: Stack, timeline: Timeline):
        self._stack = stack
        self._timeline = timeline
        self._prometheus = Prometheus(stack.urls.prometheus)
        self._receiver = Client(stack.urls.receiver, stack.token)
        self._features = Client(stack.urls.features)
        self._measures = measures(stack.folder)
        self._violated: set[str] = set()
        self._firing: set[str] = set()
        self._seen: set[tuple[str, ...]] = set()
        self._held: dict[str, float] = {}

    def run(self, deadline: float) -> dict[str, float]:
        """Return when each link of the chain held, in seconds after the fault.

        Raises:
            DemoError: naming the first link that did not hold by `deadline` (time.monotonic()).

        """
        self._until(self._warm, "the service is healthy before the incident", deadline)
        self._timeline.restart()
        self._begin = time.monotonic()
        self._features.put("/admin/faults/poisoned_cache", {"enabled": True})
        self._timeline.add("incident", "every entry of the feature cache is spoilt")
        for what, link in self._links():
            self._until(link, what, deadline)
            self._held[what] = time.monotonic() - self._begin
        return self._held

    def watch(self) -> None:
        """Tell what happens until interrupted, or until a part ends (DemoError)."""
        self._until(lambda: False, "the end", math.inf)

    def _links(self) -> Iterator[tuple[str, Callable[[], bool]]]:
        stack = self._stack
        yield "Prometheus sees the breach", lambda: bool(self._violated)
        yield "an alert fires", lambda: bool(self._firing)
        yield f"{_ACTION} succeeds", self._remediated
        yield "an email arrives", lambda: bool(stack.mailbox.messages())
        yield "the service recovers", lambda: not self._violated
        yield "every alert resolves", lambda: not self._firing
        yield "every episode is closed", self._closed
        yield "everyone told of an alert is told of its end", self._told

    def _until(self, condition: Callable[[], bool], what: str, deadline: float) -> None:
        while True:
            self._stack.processes.check()
            self._observe()
            if condition():
                return
            if time.monotonic() > deadline:
                raise DemoError(f"this did not happen in time: {what}; see {self._stack.folder}")
            time.sleep(_POLL_SECONDS)

    # --- what to look at

    def _warm(self) -> bool:
        hits = self._prometheus.value(self._measures[0].record)
        return hits is not None and hits > _WARM_HIT_RATIO and not self._violated

    def _remediated(self) -> bool:
        return any(
            remediation["action"] == _ACTION and remediation["state"] == "succeeded"
            for episode in self._episodes()
            for remediation in episode["remediations"]
        )

    def _closed(self) -> bool:
        return all(episode["resolved_at"] for episode in self._episodes())

    def _told(self) -> bool:
        """Whether everyone who was told of an alert by email was told of its end."""
        told = [
            (found[1], found[2], mail["To"])
            for mail in self._stack.mailbox.messages()
            if (found := re.match(r"\[(\w+)\] (\w+):", mail["Subject"]))
        ]
        ends = {(alert, to) for state, alert, to in told if state == "RESOLVED"}
        return {(alert, to) for _, alert, to in told} <= ends

    def _episodes(self) -> list[dict[str, Any]]:
        episodes: list[dict[str, Any]] = self._receiver.get("/api/v1/episodes")["episodes"]
        return episodes

    # --- what to tell

    def _observe(self) -> None:
        for measure in self._measures:
            self._observe_measure(measure)
        self._observe_alerts()
        self._observe_remediations()
        self._timeline.flush()

    def _observe_measure(self, measure: Measure) -> None:
        value = self._prometheus.value(measure.record)
        threshold = self._prometheus.value(f'featurewatch:threshold{{alert="{measure.alert}"}}')
        if value is None or threshold is None:
            return
        bad = measure.bad(value, threshold)
        limit = f"{measure.show(value)}, threshold {measure.show(threshold)}"
        if bad and measure.name not in self._violated:
            self._violated.add(measure.name)
            self._timeline.add("breach", f"{measure.name} {limit}")
        elif not bad and measure.name in self._violated:
            self._violated.remove(measure.name)
            self._timeline.add("recovery", f"{measure.name} {limit}")

    def _observe_alerts(self) -> None:
        # Without a level it is a signal, and the Watchdog never ends.
        alerts = [labels for labels in self._prometheus.firing() if "escalation_level" in labels]
        firing = {f"{a['alertname']} level {a['escalation_level']}" for a in alerts}
        for name in sorted(firing - self._firing):
            self._timeline.add("alert", f"{name} fires")
        for name in sorted(self._firing - firing):
            self._timeline.add("resolved", name)
        self._firing = firing

    def _observe_remediations(self) -> None:
        for episode in self._episodes():
            for remediation in episode["remediations"]:
                for step in remediation["steps"]:
                    self._tell(episode, remediation, step)

    def _tell(
        self, episode: dict[str, Any], remediation: dict[str, Any], step: dict[str, Any]
    ) -> None:
        key = (remediation["id"], step["at"], step["state"])
        if key in self._seen:
            return
        self._seen.add(key)
        detail = step.get("reason") or step.get("detail")
        text = f"{remediation['action']} for {episode['alertname']}: {step['state']}"
        self._timeline.add("remediation", f"{text} ({detail})" if detail else text)
