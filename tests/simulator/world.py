"""A service with true rates, as Prometheus sees it: counters, scraped once for each evaluation."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import erf, log, sqrt

import numpy as np

from featurewatch import names
from simulator.vectors import NAME, Series, Vector, labels_of

#: The 95th percentile of a normal distribution.
Z95 = 1.6448536269514722
WEEK = 7 * 24 * 3600


@dataclass(frozen=True)
class Health:
    """The true state of a service: each request is independent of every other one."""

    #: Requests a second, of all instances together.
    rate: float = 2.0
    #: Shares of the requests.
    errors: float = 0.0
    misses: float = 0.02
    fallbacks: float = 0.0
    #: Seconds; the durations are log-normal.
    p95: float = 0.02
    #: Of the durations' logarithm.
    sigma: float = 0.5
    #: How many errors come together.
    burst: int = 1
    #: Requests a second at night, from 20:00 to 8:00; none: as at day.
    night_rate: float | None = None

    def slower_than(self, bound: float) -> float:
        """The share of the requests that take longer."""
        place = (log(bound) - log(self.p95)) / self.sigma + Z95
        return 0.5 * (1 - erf(place / sqrt(2)))


@dataclass(frozen=True)
class Fault:
    """Another state for a while, in seconds from the first scrape."""

    begin: float
    end: float
    health: Health


@dataclass(frozen=True)
class World:
    """What happens, and who sees it how."""

    health: Health
    seconds: float
    faults: tuple[Fault, ...] = ()
    #: When every process begins anew, and its counters with it.
    restarts: tuple[float, ...] = ()
    instances: int = 1
    seed: int = 0
    step: float = 15.0
    #: Seconds from each scrape to the evaluation that sees it first.
    phase: float = 7.5
    buckets: tuple[float, ...] = names.DURATION_BUCKETS
    #: Labels of the target, and with them those that its series have beside their own.
    target: dict[str, str] = field(default_factory=lambda: {"job": "feature-extraction"})
    identity: dict[str, str] = field(
        default_factory=lambda: {names.LABEL_EXTRACTOR: names.DEFAULT_EXTRACTOR}
    )
    #: Labels of the receiver's `up`.
    receiver: dict[str, str] = field(default_factory=lambda: {"job": "featurewatch-receiver"})

    @property
    def length(self) -> int:
        """How many scrapes."""
        return round(self.seconds / self.step)


def samples(world: World) -> Vector:
    """Every series that Prometheus scrapes."""
    result: Vector = {}
    for number in range(world.instances):
        random = np.random.default_rng([world.seed, number])
        target = {**world.target, "instance": f"{number}"}
        for name, labels, series in _instance(world, random):
            result[labels_of({NAME: name, **target, **world.identity, **labels})] = series
        result[labels_of({NAME: "up", **target})] = _gauge(world, 1.0)
    receiver = {NAME: "up", **world.receiver, "instance": "receiver"}
    result[labels_of(receiver)] = _gauge(world, 1.0)
    return result


def _gauge(world: World, value: float) -> Series:
    return Series(np.full(world.length, value), np.ones(world.length, dtype=bool))


Exposed = tuple[str, dict[str, str], Series]


def _instance(world: World, random: np.random.Generator) -> Iterator[Exposed]:
    """The series of one instance, by name and labels."""
    events = _events(world, random)
    yield names.REQUESTS.name, {}, _counter(world, events.requests)
    yield names.ERRORS.name, {names.LABEL_ERROR_TYPE: "ValueError"}, _born(world, events.errors)
    yield names.FALLBACKS.name, {names.LABEL_REASON: "timeout"}, _born(world, events.fallbacks)
    for result, count in (
        (names.RESULT_HIT, events.requests - events.misses),
        (names.RESULT_MISS, events.misses),
    ):
        yield names.CACHE_LOOKUPS.name, {names.LABEL_RESULT: result}, _born(world, count)
    yield from _durations(world, events.durations)
    yield names.QUEUE_DEPTH.name, {}, _gauge(world, 0.0)
    yield names.CPU_UTILIZATION.name, {}, _gauge(world, 0.4)
    yield names.MEMORY_UTILIZATION.name, {}, _gauge(world, 0.5)


@dataclass
class _Events:
    """What happened between each scrape and the one before."""

    requests: np.ndarray
    errors: np.ndarray
    misses: np.ndarray
    fallbacks: np.ndarray
    #: Of each bucket, those within it alone; the last one is of what is slower than every bound.
    durations: np.ndarray


def _events(world: World, random: np.random.Generator) -> _Events:
    total = _nothing(world)
    for health, seconds in _spans(world):
        happened = _happened(world, health, seconds, random)
        for name in vars(total):
            getattr(total, name)[:] += getattr(happened, name)
    return total


def _nothing(world: World) -> _Events:
    counts = (np.zeros(world.length, dtype=np.int64) for _ in range(4))
    return _Events(*counts, np.zeros((len(world.buckets) + 1, world.length), dtype=np.int64))


def _spans(world: World) -> Iterator[tuple[Health, np.ndarray]]:
    """Each state that the service is in, and the seconds of it before each scrape."""
    ends = np.arange(world.length) * world.step
    well = np.full(world.length, world.step)
    for fault in world.faults:
        within = np.minimum(ends, fault.end) - np.maximum(ends - world.step, fault.begin)
        within = np.maximum(within, 0)
        well -= within
        yield fault.health, within
    yield world.health, well


def _happened(
    world: World, health: Health, seconds: np.ndarray, random: np.random.Generator
) -> _Events:
    """Poisson counts of requests, and of them what is wrong with each by itself."""
    expected = _expected(world, health, seconds)
    bursts = random.poisson(expected * health.errors / health.burst)
    errors = bursts * health.burst
    well = random.poisson(expected * (1 - health.errors))
    requests = errors + well
    return _Events(
        requests,
        errors,
        random.binomial(requests, health.misses),
        random.binomial(requests, health.fallbacks),
        _spread(world, health, requests, random),
    )


def _expected(world: World, health: Health, seconds: np.ndarray) -> np.ndarray:
    rate = np.full(world.length, health.rate)
    if health.night_rate is not None:
        hour = np.arange(world.length) * world.step / 3600 % 24
        rate[(hour >= 20) | (hour < 8)] = health.night_rate
    return rate * seconds / world.instances


def _spread(
    world: World, health: Health, requests: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """How many requests fall into each bucket."""
    counts = np.zeros((len(world.buckets) + 1, len(requests)), dtype=np.int64)
    left, share_left = requests, 1.0
    for number, bound in enumerate(world.buckets):
        slower = min(health.slower_than(bound), share_left)
        share = 1 - slower / share_left if share_left > 1e-12 else 1.0
        counts[number] = random.binomial(left, share) if share > 0 else 0
        left, share_left = left - counts[number], slower
    counts[-1] = left
    return counts


def _counter(world: World, events: np.ndarray) -> Series:
    total = np.cumsum(events).astype(float)
    count = total.copy()
    for moment in world.restarts:
        place = round(moment / world.step)
        count[place:] = total[place:] - total[place - 1]
    return Series(count, np.ones(len(events), dtype=bool))


def _born(world: World, events: np.ndarray) -> Series:
    """A counter that nobody sees before its first event, as the library has it."""
    counter = _counter(world, events)
    return Series(counter.values, counter.values > 0)


def _durations(world: World, counts: np.ndarray) -> Iterator[Exposed]:
    within = np.cumsum(counts, axis=0)
    name = names.DURATION.name
    for number, bound in enumerate((*world.buckets, float("inf"))):
        label = "+Inf" if bound == float("inf") else repr(float(bound))
        yield f"{name}_bucket", {"le": label}, _counter(world, within[number])
    yield f"{name}_count", {}, _counter(world, within[-1])


def worse(health: Health, **changes: float) -> Health:
    """The same service in another state."""
    return replace(health, **changes)
