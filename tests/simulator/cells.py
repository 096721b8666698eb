"""What is tried: states of a service at five paces of traffic, each with its goal."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np

from simulator.measure import Told, first, observe, told
from simulator.service import ERRORS, FALLBACKS, MISSES, SLOW, WELL, Service
from simulator.world import WEEK, Fault, Health, worse

TRAFFIC = (0.1, 0.5, 2.0, 10.0, 100.0)
HOUR = 3600.0
#: The figures of one cell by their names.
Shown = dict[str, Any]
#: The longest windows of the rules are full after that.
WARM_UP = 3 * HOUR
#: How long trouble lasts, and how long it is looked at afterwards.
TROUBLE, AFTERMATH = HOUR, 2.5 * HOUR
BLIP = 120.0
REPLICAS = 8
DAY, NIGHT = 2.0, 0.1


@dataclass(frozen=True)
class Effort:
    """How much is simulated."""

    weeks: float = 8.0
    #: How often trouble of each kind is tried.
    troubles: int = 40
    seed: int = 14

    @classmethod
    def of(cls, weeks: float, seed: int) -> "Effort":
        """With as many troubles as go with so many weeks."""
        return cls(weeks, round(8 + 4 * weeks), seed)


@dataclass(frozen=True)
class Healthy:
    """A service within all of its thresholds: whatever is told is a false alert."""

    title: str
    alert: str
    times: float
    more: tuple[tuple[str, float], ...] = ()

    def health(self, service: Service, rate: float) -> Health:
        """Its true state."""
        return service.share(self.alert, self.times, rate=rate, **dict(self.more))

    def measure(self, service: Service, rate: float, effort: Effort, seed: int) -> Shown:
        """False alerts and pages a week."""
        health = self.health(service, rate)
        world = service.world(health, effort.weeks * WEEK + WARM_UP, seed=seed)
        ignored = frozenset(service.truly_bad(health))
        start = round(WARM_UP / world.step)
        count = told(service, observe(service, world), start, world.length, ignored)
        return {name: value / effort.weeks for name, value in vars(count).items()}


@dataclass(frozen=True)
class Trouble:
    """Something goes wrong at some moment; how soon is it told, and how often?"""

    title: str
    alert: str
    times: float
    seconds: float = TROUBLE

    def health(self, service: Service, rate: float) -> Health:
        """The true state while it lasts."""
        return service.share(self.alert, self.times, rate=rate)

    def measure(self, service: Service, rate: float, effort: Effort, seed: int) -> Shown:
        """Delays to the first alert in seconds, and what was told of each trouble."""
        delays: list[float] = []
        counts: list[Told] = []
        for number in range(effort.troubles):
            delay, count = self._once(service, rate, seed * 1000 + number)
            delays += [] if delay is None else [delay]
            counts.append(count)
        return {
            "found": len(delays) / effort.troubles,
            "delays": sorted(delays),
            **{
                name: float(np.mean([getattr(each, name) for each in counts]))
                for name in vars(Told())
            },
        }

    def _once(self, service: Service, rate: float, seed: int) -> tuple[float | None, Told]:
        # Trouble begins at any moment between two evaluations.
        begin = WARM_UP + service.rules.step * float(np.random.default_rng(seed).random())
        end = begin + self.seconds
        world = service.world(
            _before(service, rate),
            end + AFTERMATH,
            faults=(Fault(begin, end, self.health(service, rate)),),
            instances=REPLICAS,
            seed=seed,
        )
        observed = observe(service, world)
        start, stop = (ceil((moment - world.phase) / world.step) for moment in (begin, end))
        found = first(observed, self.alert, start, stop)
        delay = None if found is None else found * world.step + world.phase - begin
        count = told(service, observed, start, world.length)
        # Whatever pages counts; of alerts that are there rightly beside this one, none.
        others = frozenset(service.truly_bad(self.health(service, rate)) - {self.alert})
        own = told(service, observed, start, world.length, others)
        return delay, replace(count, alerts=own.alerts)


def _before(service: Service, rate: float) -> Health:
    """A service as it mostly is: now and then something fails."""
    return worse(
        WELL,
        rate=rate,
        errors=0.1 * service.threshold(ERRORS),
        fallbacks=0.1 * service.threshold(FALLBACKS),
    )


HEALTHY = (
    Healthy("errors at 10 % of the threshold", ERRORS, 0.1),
    Healthy("errors at 50 %", ERRORS, 0.5),
    Healthy("errors at 80 %", ERRORS, 0.8),
    Healthy("errors at 95 %", ERRORS, 0.95),
    Healthy("p95 at 80 % of the threshold", SLOW, 0.8),
    Healthy("p95 at 95 %", SLOW, 0.95),
    Healthy("misses at 67 % of what is allowed", MISSES, 0.1 / 0.15),
    Healthy("misses at 87 %", MISSES, 0.13 / 0.15),
    Healthy("fallbacks at 50 % of the threshold", FALLBACKS, 0.5),
    Healthy("fallbacks at 80 %", FALLBACKS, 0.8),
)
BURSTS = (Healthy("errors at 50 %, five at a time", ERRORS, 0.5, (("burst", 5),)),)
NIGHTS = tuple(
    Healthy(each.title, each.alert, each.times, (("night_rate", NIGHT),))
    for each in (HEALTHY[1], HEALTHY[4], HEALTHY[6], HEALTHY[8])
)
FAILING = Trouble("all requests fail", ERRORS, float("inf"))
TROUBLES = (
    FAILING,
    Trouble("errors at 2 times the threshold", ERRORS, 2),
    Trouble("errors at 5 times", ERRORS, 5),
    Trouble("errors at 20 times", ERRORS, 20),
    Trouble("p95 at 2 times the threshold", SLOW, 2),
    Trouble("p95 at 5 times", SLOW, 5),
    Trouble("p95 at 20 times", SLOW, 20),
    Trouble("misses at 2 times of what is allowed", MISSES, 2),
)
BLIPS = (
    Trouble("p95 at 5 times", SLOW, 5, BLIP),
    Trouble("all requests fail", ERRORS, float("inf"), BLIP),
)


ROWS: dict[str, tuple[Healthy | Trouble, ...]] = {
    "healthy": HEALTHY,
    "nights": NIGHTS,
    "bursts": BURSTS,
    "troubles": TROUBLES,
    "blips": BLIPS,
}


@dataclass(frozen=True)
class Cell:
    """One figure of a table."""

    section: str
    row: Healthy | Trouble
    rate: float


def every_cell(service: Service) -> list[Cell]:
    """All of them, but for alerts that the configuration has switched off."""
    return [
        Cell(section, row, rate)
        for section, rows in ROWS.items()
        for row in rows
        for rate in ((DAY,) if section == "nights" else TRAFFIC)
        if service.enabled(row.alert)
    ]


def measure(service: Service, cell: Cell, effort: Effort, number: int) -> Shown:
    """What one cell shows; the same number, the same chance."""
    return cell.row.measure(service, cell.rate, effort, effort.seed * 1000 + number)


Measured = dict[Cell, Shown]
