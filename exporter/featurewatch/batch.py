"""Many extractions at a time."""

from collections.abc import Iterable, Sequence
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from featurewatch.distribution import Distribution
from featurewatch.guard import amount, never_raises
from featurewatch.recorder import Bulk, Intake


class Batch:
    """The work on one batch; made by ``Extractor.batch``."""

    __slots__ = ("_intake", "_size", "_started")

    def __init__(self, intake: Intake, size: float) -> None:
        self._intake = intake
        self._size = size
        self._started = 0.0

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    @never_raises
    def _start(self) -> None:
        self._started = perf_counter()
        self._intake.running_batches[self] = amount(self._size)

    @never_raises
    def _end(self) -> None:
        seconds = amount(perf_counter() - self._started)
        size = self._intake.running_batches.pop(self, None)
        if size is not None:
            self._intake.append(self._intake.batches, (size, seconds))


def bulk(
    bounds: Sequence[float], latencies: Iterable[float], cache_hits: Iterable[object] | None
) -> Bulk:
    """Count *latencies* into buckets of *bounds*, and hits and misses."""
    durations = Distribution(bounds)
    durations.add_all(latencies)
    hits, misses = _hits_and_misses(cache_hits)
    return Bulk(durations, hits, misses)


def given(values: Iterable[object] | None) -> list[object]:
    """Return what *values*, a list or an array, tell of reasons or errors; unnamed ones as ""."""
    return ["" if value is True else value for value in _plain(values) if not _is_none(value)]


def _hits_and_misses(results: Any) -> tuple[int, int]:
    if getattr(getattr(results, "dtype", None), "kind", None) == "b":
        hits = int(results.sum())
        return hits, results.size - hits
    known = [result for result in _plain(results) if result is not None]
    hits = len(list(filter(None, known)))
    return hits, len(known) - hits


def _is_none(value: object) -> bool:
    return value is None or value is False


def _plain(values: Any) -> list[object]:
    if values is None:
        return []
    # The elements of an array of numpy's are numpy's own, and slow.
    return values.tolist() if hasattr(values, "tolist") else list(values)
