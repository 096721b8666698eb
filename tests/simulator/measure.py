"""What people are told in a world: how often, how soon, how loud."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulator.evaluator import Clock
from simulator.rules import ALERTS, FIRING
from simulator.service import Service
from simulator.simulation import Simulation
from simulator.vectors import NAME
from simulator.world import World, samples

LEVEL = "escalation_level"


@dataclass(frozen=True)
class Course:
    """When one level of one alert fired."""

    alert: str
    level: str
    policy: str
    firing: np.ndarray

    @property
    def beginnings(self) -> np.ndarray:
        """The evaluations at which it began."""
        before = np.concatenate(([False], self.firing[:-1]))
        return np.flatnonzero(self.firing & ~before)


@dataclass(frozen=True)
class Observed:
    """What the rules of a service said of a world."""

    courses: list[Course]
    simulation: Simulation


def observe(service: Service, world: World) -> Observed:
    """Evaluate the rules over a world.

    Raises:
        RuntimeError: Prometheus would refuse to evaluate a rule.

    """
    clock = Clock(world.step, world.length, world.phase)
    simulation = Simulation(service.rules, samples(world), clock).run()
    if simulation.failed:
        raise RuntimeError(f"rules that Prometheus would not evaluate: {simulation.failed}")
    return Observed(list(_courses(simulation)), simulation)


def _courses(simulation: Simulation) -> Iterator[Course]:
    """What carries a level, and so is told to people."""
    for labels, series in simulation.series().items():
        values = dict(labels)
        if values[NAME] == ALERTS and values["alertstate"] == FIRING and LEVEL in values:
            yield Course(
                values["alertname"], values[LEVEL], values["escalation_policy"], series.present
            )


@dataclass(frozen=True)
class Told:
    """How often people were told, by the loudest channel of the level that began."""

    alerts: float = 0.0
    slack: float = 0.0
    pagerduty: float = 0.0

    @property
    def pages(self) -> float:
        """By either channel."""
        return self.slack + self.pagerduty


def told(
    service: Service,
    observed: Observed,
    begin: int,
    end: int,
    ignored: frozenset[str] = frozenset(),
) -> Told:
    """What began from one evaluation to before another one."""
    count: Counter[str] = Counter()
    for course in observed.courses:
        if course.alert in ignored:
            continue
        number = int(((course.beginnings >= begin) & (course.beginnings < end)).sum())
        if course.level == "1":
            count["alerts"] += number
        if service.people.pages(course.policy, course.level):
            count[service.people.channel(course.policy, course.level)] += number
    return Told(**count)


def first(observed: Observed, alert: str, begin: int, end: int) -> int | None:
    """The first evaluation in a stretch at which an alert fired."""
    found = [
        place[0]
        for course in observed.courses
        if course.alert == alert and len(place := np.flatnonzero(course.firing[begin:end]))
    ]
    return begin + int(min(found)) if found else None
