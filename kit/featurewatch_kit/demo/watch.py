"""Follows a running stack and puts what happens into the timeline, each thing once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from featurewatch_kit import generate
from featurewatch_kit.demo.clients import Client, Prometheus
from featurewatch_kit.demo.stack import Stack
from featurewatch_kit.demo.timeline import Timeline

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A recorded value, how to show it, and the alert whose threshold it is held against."""

    name: str
    record: str
    alert: str
    bad: Callable[[float, float], bool]
    show: Callable[[float], str]


def measures(folder: Path) -> list[Measure]:
    """The measured values that the demo moves, by the names of the generated rules."""
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


class Watch:
    """What is known of the stack, as of the last look."""

    def __init__(self, stack: Stack, timeline: Timeline):
        self._timeline = timeline
        self._prometheus = Prometheus(stack.urls.prometheus)
        self._receiver = Client(stack.urls.receiver, stack.person_token)
        self._measures = measures(stack.folder)
        self._seen: set[tuple[str, ...]] = set()
        #: Names of the measures that are beyond their threshold.
        self.violated: set[str] = set()
        #: Alerts that fire, with their levels.
        self.firing: set[str] = set()
        self.remediations: list[Json] = []

    def look(self) -> None:
        """Look at everything once."""
        for measure in self._measures:
            self._look_at_measure(measure)
        self._look_at_alerts()
        self._look_at_remediations()
        self._timeline.flush()

    def hit_ratio(self) -> float | None:
        """The cache's, or None: it is not known yet."""
        return self._prometheus.value(self._measures[0].record)

    def _look_at_measure(self, measure: Measure) -> None:
        value = self._prometheus.value(measure.record)
        threshold = self._prometheus.value(f'featurewatch:threshold{{alert="{measure.alert}"}}')
        if value is None or threshold is None:
            return
        bad = measure.bad(value, threshold)
        limit = f"{measure.show(value)}, threshold {measure.show(threshold)}"
        if bad and measure.name not in self.violated:
            self.violated.add(measure.name)
            self._timeline.add("breach", f"{measure.name} {limit}")
        elif not bad and measure.name in self.violated:
            self.violated.remove(measure.name)
            self._timeline.add("recovery", f"{measure.name} {limit}")

    def _look_at_alerts(self) -> None:
        # Without a level it is a signal, and the Watchdog never ends.
        alerts = [labels for labels in self._prometheus.firing() if "escalation_level" in labels]
        firing = {f"{a['alertname']} level {a['escalation_level']}" for a in alerts}
        for name in sorted(firing - self.firing):
            self._timeline.add("alert", f"{name} fires")
        for name in sorted(self.firing - firing):
            self._timeline.add("resolved", name)
        self.firing = firing

    def _look_at_remediations(self) -> None:
        found: list[Json] = self._receiver.get("/api/v1/remediations")["remediations"]
        self.remediations = found[::-1]
        for remediation in self.remediations:
            for step in remediation["steps"]:
                self._tell(remediation, step)

    def _tell(self, remediation: Json, step: Json) -> None:
        key = (remediation["id"], step["at"], step["state"])
        # What is off, or must wait its turn, is told to be so at each decision.
        if key in self._seen or (step["state"] == "skipped" and step["actor"] == "policy"):
            return
        self._seen.add(key)
        detail = ": ".join(filter(None, (step.get("reason"), step.get("detail"))))
        text = f"{remediation['action']} {step['state']}"
        self._timeline.add("remediation", f"{text} ({detail})" if detail else text)
