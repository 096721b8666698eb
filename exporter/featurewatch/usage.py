"""What was used of CPU and memory, and what may be."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Level:
    """CPU time of a group, or of several processes that have one limit."""

    #: Tells it from others: the times of two different ones cannot be subtracted.
    name: str
    #: CPU seconds since the start of each part. A part that is new has used all of its own.
    used_seconds: Mapping[str, float]
    #: CPU seconds that may be used per second.
    limit_cpus: float

    def ratio_since(self, before: "Level", seconds: float) -> float | None:
        """Use of the limit over the *seconds* after *before*; None if the time went back."""
        used = sum(
            now - before.used_seconds.get(part, 0) for part, now in self.used_seconds.items()
        )
        return used / (seconds * self.limit_cpus) if used >= 0 else None


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """CPU time of everything that has a limit which holds for us."""

    levels: tuple[Level, ...]

    @property
    def limit_cpus(self) -> float:
        """The tightest limit."""
        return min(level.limit_cpus for level in self.levels)

    def ratio_since(self, before: "Cpu", seconds: float) -> float | None:
        """Use of the limit that is the nearest to being reached; None if none was seen before."""
        earlier = {level.name: level for level in before.levels}
        known = [level for level in self.levels if level.name in earlier]
        ratios = [level.ratio_since(earlier[level.name], seconds) for level in known]
        return max((ratio for ratio in ratios if ratio is not None), default=None)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Memory of a group, or of several processes."""

    #: The working set: memory in use without the file cache that the kernel can drop at once.
    used_bytes: float
    limit_bytes: float

    @property
    def ratio(self) -> float:
        """Used over allowed."""
        return self.used_bytes / self.limit_bytes


@dataclass(frozen=True, kw_only=True)
class Throttling:
    """How a group's CPU limit was enforced, since the group started."""

    #: Periods in which the group wanted to run, and those of them in which it had to wait.
    periods: float
    throttled_periods: float
    #: Time that its CPUs waited, added up.
    throttled_seconds: float
