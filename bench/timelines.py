"""When Prometheus sees the rows of a series of the benchmark."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from bench.backfill import Sample
from bench.nab import Series

#: Between two looks at a series: the step of the alert, and of most files.
LOOK_SECONDS = 300
# Nothing depends on when it was; blocks of years would be many.
_BEGUN = 1262304000
_MINUTE = 60


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The rows of a series, each at a time of its own."""

    #: Of the file.
    name: str
    #: As PromQL selects it.
    series: str
    values: list[float]
    #: Row by time, in order.
    at: dict[int, int]

    @property
    def first(self) -> int:
        """The time of the first row."""
        return next(iter(self.at))

    @property
    def last(self) -> int:
        """The time of the last row."""
        return next(reversed(self.at))

    @property
    def step(self) -> int:
        """Seconds between two evaluations, so that each row is seen."""
        return max(_MINUTE, min(later - time for time, later in pairwise(self.at)))

    def samples(self) -> Iterator[Sample]:
        """Each value until the next comes, as scrapes of a gauge show it, but not over gaps."""
        usual = int(median(later - time for time, later in pairwise(self.at)))
        for time, later in pairwise([*self.at, self.last + usual]):
            for held in range(time, min(later, time + usual), LOOK_SECONDS):
                yield self.series, held, self.values[self.at[time]]

    def rows(self, times: Iterable[int]) -> list[int]:
        """The row that is the last at each time."""
        known = list(self.at)
        return [self.at[known[bisect_right(known, time) - 1]] for time in times]


def by_rows(corpus: Sequence[Series]) -> list[Timeline]:
    """Each row a look, whatever its file says of the time: detectors of the benchmark see rows."""
    return [
        _timeline("nab_rows", series, {row * LOOK_SECONDS: row for row in range(len(series.times))})
        for series in corpus
    ]


def by_the_clock(corpus: Sequence[Series]) -> list[Timeline]:
    """Rows at the times of the file; those that go back in time are left out."""
    return [_timeline("nab_clock", series, dict(_rising(series.times))) for series in corpus]


def _rising(times: list[int]) -> Iterator[tuple[int, int]]:
    latest = -1
    for row, time in enumerate(times):
        if time > latest:
            latest = time
            yield time - times[0], row


def _timeline(metric: str, series: Series, at: dict[int, int]) -> Timeline:
    return Timeline(
        name=series.name,
        series=f'{metric}{{extractor="{series.name}"}}',
        values=series.values,
        at={_BEGUN + time: row for time, row in at.items()},
    )
