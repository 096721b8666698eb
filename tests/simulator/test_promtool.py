"""The simulator says what Prometheus says: of each world the same at each evaluation."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from simulator.evaluator import Clock
from simulator.promtool import ask, at, same
from simulator.rules import ALERTS
from simulator.service import Service, load_service
from simulator.simulation import Simulation
from simulator.vectors import NAME, Labels, Vector
from simulator.world import Fault, Health, World, samples

HOUR = 3600.0
WELL = Health(rate=2.0, errors=0.0008, misses=0.13, fallbacks=0.045, p95=0.14)


@dataclass(frozen=True)
class Case:
    """A world, and how much of the simulator it reaches."""

    world: World
    #: The highest level that must have fired, or the comparison would show little.
    level: str = ""


def _trouble(begin: float, end: float, **state: float) -> tuple[Fault, ...]:
    return (Fault(begin, end, replace(WELL, **state)),)


def _world(seconds: float, faults: tuple[Fault, ...] = (), rate: float = 2.0, **more) -> World:
    return World(replace(WELL, rate=rate), seconds, faults, **{"phase": 0.0, **more})


# promtool takes a second for a hundred evaluations; the first world outlasts the longest window.
CASES = {
    "hardly used": Case(_world(2.2 * HOUR, rate=0.1, seed=2)),
    "failing": Case(
        _world(0.6 * HOUR, _trouble(700, 1800, errors=1.0, fallbacks=0.5), seed=3), level="2"
    ),
    "failing for a moment": Case(_world(HOUR / 2, _trouble(507, 627, errors=1.0), seed=4)),
    "slow": Case(_world(0.6 * HOUR, _trouble(305, 1600, p95=0.7, misses=0.4), seed=5), level="3"),
    "restarted": Case(_world(HOUR / 2, restarts=(600, 630), instances=2, seed=6)),
    "scraped between evaluations": Case(
        _world(HOUR / 2, _trouble(500, 1500, errors=0.05, p95=0.3), seed=7, phase=5.0), level="2"
    ),
}


@pytest.fixture(scope="module")
def service(root: Path) -> Service:
    return load_service(root, [])


@pytest.mark.parametrize("name", CASES)
def test_both_record_the_same(name: str, service: Service, promtool: Path, tmp_path: Path) -> None:
    case = CASES[name]
    clock = Clock(case.world.step, case.world.length, case.world.phase)
    scraped = samples(case.world)
    if clock.phase:
        for series in scraped.values():
            series.present[0] = False  # promtool has no time before the first evaluation
    simulation = Simulation(service.rules, scraped, clock).run()
    assert not simulation.failed
    recorded = simulation.series()
    asked = ask(promtool, tmp_path, list(service.texts), scraped, clock)
    for moment, theirs in enumerate(asked):
        ours = at(recorded, moment)
        assert _differences(ours, theirs) == {}, f"at {clock.step * moment} s"
    assert theirs
    assert case.level in {"", *_levels(recorded)}


def _differences(ours: dict[Labels, float], theirs: dict[Labels, float]) -> dict[Labels, tuple]:
    return {
        labels: (ours.get(labels), theirs.get(labels))
        for labels in ours.keys() | theirs.keys()
        if labels not in ours or labels not in theirs or not same(ours[labels], theirs[labels])
    }


def _levels(recorded: Vector) -> set[str]:
    alerts = [dict(labels) for labels in recorded if dict(labels)[NAME] == ALERTS]
    return {each.get("escalation_level", "") for each in alerts if each["alertstate"] == "firing"}
