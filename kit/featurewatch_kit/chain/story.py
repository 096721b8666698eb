"""A story: alerts over time, silences, acknowledgements and restarts.

Times are seconds from the story's beginning.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import combinations

from featurewatch_kit.alertmanager.labels import Labels
from featurewatch_kit.alertmanager.matchers import Matcher

#: When a story begins that does not say: a Monday, for the time intervals.
START = datetime(2026, 1, 5, tzinfo=UTC)
#: No story lasts longer: Prometheus sends every alert each minute.
LONGEST = timedelta(days=366)


@dataclass
class Firing:
    """An alert that fires from one moment to another; infinity: to the end of the story."""

    labels: Labels
    begin: float
    end: float = math.inf

    def fires(self, at: float) -> bool:
        """Whether it does at this moment."""
        return self.begin <= at < self.end

    def overlaps(self, other: "Firing") -> bool:
        """Whether both are the same alert at the same time, which can't be."""
        at_once = max(self.begin, other.begin) < min(self.end, other.end)
        return at_once and self.labels == other.labels


@dataclass(frozen=True)
class Silenced:
    """A silence of somebody's."""

    matchers: tuple[Matcher, ...]
    begin: float
    end: float = math.inf


@dataclass(frozen=True)
class Acknowledged:
    """What `featurewatch ack` says of an alert, for so many seconds at most."""

    wanted: Labels
    at: float
    lasts: float


@dataclass(frozen=True)
class Restart:
    """Alertmanager is away for so many seconds."""

    at: float
    lasts: float
    killed: bool = False


@dataclass
class Story:
    """What happens, from `start` on."""

    start: datetime = START
    alerts: list[Firing] = field(default_factory=list)
    silences: list[Silenced] = field(default_factory=list)
    acknowledgements: list[Acknowledged] = field(default_factory=list)
    restarts: list[Restart] = field(default_factory=list)

    @property
    def base(self) -> float:
        """Its beginning, in seconds since the epoch."""
        return self.start.timestamp()

    @property
    def last(self) -> float:
        """The last moment at which something happens."""
        return max((time for time in self._moments() if math.isfinite(time)), default=0.0)

    def next_beginning(self, one: Firing) -> float:
        """When an alert begins again after its end; infinity: never."""
        again = (
            other.begin
            for other in self.alerts
            if other is not one and other.labels == one.labels and other.begin >= one.end
        )
        return min(again, default=math.inf)

    def doubled(self) -> Firing | None:
        """An alert that fires twice at once."""
        pairs = combinations(self.alerts, 2)
        return next((one for one, other in pairs if one.overlaps(other)), None)

    def _moments(self) -> Iterator[float]:
        for alert in self.alerts:
            yield from (alert.begin, alert.end)
        for silence in self.silences:
            yield from (silence.begin, silence.end)
        for made in self.acknowledgements:
            yield made.at
        for restart in self.restarts:
            yield restart.at + restart.lasts
