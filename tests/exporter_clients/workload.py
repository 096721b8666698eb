"""What each client of statsd is told to send: five lines on its stdin.

Milliseconds of durations, number of hits, number of misses, names of errors, depths of the queue
in their order.
"""

from dataclasses import dataclass

MILLISECONDS = range(5, 1005, 5)
PLANNED_SECONDS = sum(MILLISECONDS) / 1000
HITS, MISSES = 120, 30
ERRORS = {"TimeoutError": 12, "KeyError": 5}
QUEUE = (3, 9, 7)

WORK = "\n".join(
    (
        " ".join(map(str, MILLISECONDS)),
        str(HITS),
        str(MISSES),
        " ".join(kind for kind, times in ERRORS.items() for _ in range(times)),
        " ".join(map(str, QUEUE)),
    )
)


@dataclass(frozen=True)
class Count:
    """What was sent, or what was counted."""

    durations: float
    seconds: float
    hits: float
    misses: float
    errors: tuple[tuple[str, float], ...]
    queue: float

    def __str__(self) -> str:
        errors = ", ".join(f"{times:g} {kind}" for kind, times in self.errors)
        # What a client has measured itself is another sum each time.
        seconds = f" of {self.seconds:g} s" if self.seconds == PLANNED_SECONDS else ""
        return (
            f"{self.durations:g} durations{seconds}, {self.hits:g} hits, {self.misses:g} misses, "
            f"{errors}, queue {self.queue:g}"
        )


def sent(said: str) -> Count:
    """Return what a client has sent that *said* this on its stdout."""
    seconds = float(said) if said.strip() else PLANNED_SECONDS
    errors = tuple(sorted(ERRORS.items()))
    return Count(len(MILLISECONDS), round(seconds, 6), HITS, MISSES, errors, QUEUE[-1])


def counted(series: dict[tuple[str, ...], float], extractor: str = "feature_extractor") -> Count:
    """Return what an exporter shows."""

    def value(name: str, *labels: str) -> float:
        return series.get((name, extractor, *labels), 0)

    errors = {key[2]: times for key, times in series.items() if key[0] == "errors_total"}
    return Count(
        value("duration_seconds_count"),
        round(value("duration_seconds_sum"), 6),
        value("cache_lookups_total", "hit"),
        value("cache_lookups_total", "miss"),
        tuple(sorted(errors.items())),
        value("queue_depth"),
    )
