"""One extractor's measurements: what requests append to, and the totals that a scrape reads.

A request appends to plain lists, which needs no lock: an append is atomic. The lists are moved
into the totals in bulk, by the request that fills one and by each scrape, so that they stay short
without a scrape, and no thread of ours runs. A request never waits for the move: while another
thread does it, it goes on.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from threading import Lock
from typing import Any, NamedTuple, TypeVar

from prometheus_client import CollectorRegistry

from featurewatch import names
from featurewatch.collector import source_of, sources_of
from featurewatch.distribution import Distribution, Sample
from featurewatch.exemplars import Exemplars
from featurewatch.guard import amount, log_dropped
from featurewatch.labels import CappedCounts

T = TypeVar("T")

#: Entries at which a list is moved into the totals. That takes the request which does it some
#: 0.02 ms; longer lists make it wait for longer, shorter ones are moved too often.
BUFFER = 1024
#: Seconds. A scrape that interrupts a move in its own thread (a signal handler) must not wait
#: for ever; it then shows the totals as they are.
SCRAPE_WAIT = 1.0


class Bulk(NamedTuple):
    """What one ``record_batch`` brought."""

    durations: Distribution
    hits: int
    misses: int


class Intake:
    """What requests append to, but for plain durations.

    A forked child gets a new one: an extraction that began before the fork holds the old one and
    is counted by the parent alone.
    """

    __slots__ = (
        "batches",
        "bulks",
        "errors",
        "fallbacks",
        "flush",
        "lookups",
        "running_batches",
        "spans",
        "starts",
    )

    def __init__(self, flush: Callable[[], None], spans: list[float]) -> None:
        self.flush = flush
        #: Seconds of extractions that were measured from start to end, and a count of the starts.
        self.spans = spans
        self.starts = count()
        #: Lookups of those extractions: True for a hit.
        self.lookups: list[bool] = []
        self.errors: list[str] = []
        self.fallbacks: list[str] = []
        self.bulks: list[Bulk] = []
        #: Size and seconds of ended batches; the running ones with their sizes.
        self.batches: list[tuple[float, float]] = []
        self.running_batches: dict[object, float] = {}

    def failed(self, error: object) -> None:
        """Count an error, given as an exception, its class, or a name for it."""
        kind = error if isinstance(error, type) else type(error)
        if issubclass(kind, Exception):
            self.append(self.errors, kind.__name__)
        elif not issubclass(kind, BaseException):  # those are cancelled, not failed
            self.append(self.errors, str(error))

    def fell_back(self, reason: object) -> None:
        """Count a fallback."""
        self.append(self.fallbacks, reason if type(reason) is str else str(reason))

    def append(self, buffer: list[Any], entry: object) -> None:
        """Append *entry* to one of the lists, and keep that short."""
        buffer.append(entry)
        if len(buffer) >= BUFFER:
            self.flush()


class Recorder:
    """The series of one extractor name in one registry, shared by all Extractors of that name."""

    def __init__(
        self, extractor: str, duration_buckets: tuple[float, ...], exemplars: bool
    ) -> None:
        self.extractor = extractor
        self.duration_buckets = duration_buckets
        #: None for an extractor without, whose lists are then plain ones: the option is free.
        self.exemplars = Exemplars(duration_buckets) if exemplars else None
        #: Seconds of extractions that were recorded without a cache result, with a hit, a miss.
        #: The same lists for ever, because Extractors hold them: one look less in each request.
        self.plain, self.hits, self.misses = self._list(), self._list(), self._list()
        #: Asked at each scrape, if there is a queue.
        self.queue: Callable[[], float] | None = None
        self.forget()

    def forget(self) -> None:
        """Begin at nothing: at the start, and in a forked child, whose parent has all of it."""
        self._lock = Lock()
        for buffer in (self.plain, self.hits, self.misses):
            buffer.clear()
        if self.exemplars:
            self.exemplars.forget()
        self.intake = Intake(self.flush, self._list())
        #: None until somebody sets it: a service without a queue has no such series.
        self.queue_depth: float | None = None
        self._durations = Distribution(self.duration_buckets)
        self._batch_sizes = Distribution(names.BATCH_SIZE.buckets)
        self._batch_seconds = Distribution(names.BATCH_DURATION.buckets)
        self._hits = self._misses = 0
        self._errors, self._fallbacks = CappedCounts(), CappedCounts()
        self._ended = self._looks = 0

    def _list(self) -> list[float]:
        return self.exemplars.noting_list() if self.exemplars else []

    def flush(self) -> None:
        """Move the lists into the totals, unless another thread is at it."""
        # Threads at full lists come here often while one moves, and asking costs them less.
        if not self._lock.locked() and self._lock.acquire(blocking=False):
            try:
                self._move()
            finally:
                self._lock.release()

    def samples(self) -> list[Sample]:
        """Return every series as it is now."""
        locked = self._lock.acquire(timeout=SCRAPE_WAIT)
        try:
            if locked:
                self._move()
            samples = list(self._samples())
        finally:
            if locked:
                self._lock.release()
        depth = self._depth()  # without the lock: the lists would grow while a queue is slow
        return samples + ([] if depth is None else [(names.QUEUE_DEPTH, (self.extractor,), depth)])

    def _move(self) -> None:
        intake = self.intake
        _drain(self.plain, self._durations.add)
        _drain(self.hits, self._count_hits)
        _drain(self.misses, self._count_misses)
        _drain(intake.spans, self._count_spans)
        _drain(intake.lookups, self._count_lookups)
        _drain(intake.errors, self._errors.add)
        _drain(intake.fallbacks, self._fallbacks.add)
        _drain(intake.batches, self._count_batches)
        _drain(intake.bulks, self._count_bulks)

    def _count_hits(self, seconds: list[float]) -> None:
        self._hits += self._durations.add(seconds)

    def _count_misses(self, seconds: list[float]) -> None:
        self._misses += self._durations.add(seconds)

    def _count_spans(self, seconds: list[float]) -> None:
        self._ended += len(seconds)
        self._durations.add(seconds)

    def _count_lookups(self, lookups: list[bool]) -> None:
        hits = lookups.count(True)
        self._hits += hits
        self._misses += len(lookups) - hits

    def _count_batches(self, batches: list[tuple[float, float]]) -> None:
        self._batch_sizes.add([size for size, _ in batches])
        self._batch_seconds.add([seconds for _, seconds in batches])

    def _count_bulks(self, bulks: list[Bulk]) -> None:
        for bulk in bulks:
            self._durations.merge(bulk.durations)
            self._hits += bulk.hits
            self._misses += bulk.misses

    def _samples(self) -> Iterator[Sample]:
        own = (self.extractor,)
        durations = self._durations.snapshot()
        yield names.DURATION, own, self.exemplars.put_on(durations) if self.exemplars else durations
        yield names.REQUESTS, own, self._durations.count
        yield names.CACHE_LOOKUPS, (*own, names.RESULT_HIT), self._hits
        yield names.CACHE_LOOKUPS, (*own, names.RESULT_MISS), self._misses
        yield names.BATCH_SIZE, own, self._batch_sizes.snapshot()
        yield names.BATCH_DURATION, own, self._batch_seconds.snapshot()
        yield names.IN_PROGRESS, own, self._in_progress()
        yield names.INFO, (*own, _library_version()), 1
        yield from self._capped(names.ERRORS, names.LABEL_ERROR_TYPE, self._errors)
        yield from self._capped(names.FALLBACKS, names.LABEL_REASON, self._fallbacks)

    def _capped(self, metric: names.Metric, label: str, counts: CappedCounts) -> Iterator[Sample]:
        for value, events in counts.by_value.items():
            yield metric, (self.extractor, value), events
        yield names.LABEL_VALUES_DROPPED, (self.extractor, label), counts.dropped

    def _in_progress(self) -> float:
        # The ends are read before the starts, so that the difference is never below 0.
        ended = self._ended + len(self.intake.spans)
        started = next(self.intake.starts) - self._looks
        self._looks += 1
        return started - ended + sum(list(self.intake.running_batches.values()))

    def _depth(self) -> float | None:
        if self.queue is None:
            return self.queue_depth
        try:
            return amount(self.queue())
        except Exception:
            log_dropped("watch_queue")
            return None


def recorder_of(
    registry: CollectorRegistry,
    extractor: str,
    duration_buckets: tuple[float, ...],
    exemplars: bool,
) -> Recorder:
    """Return the recorder of *extractor* on *registry*, made by the first call.

    Raises ``ValueError`` if the registry has recorders with other *duration_buckets* (one family
    has one set of buckets), or that of *extractor* with another choice of *exemplars*.
    """
    for other in sources_of(registry, Recorder):
        if other.duration_buckets != duration_buckets:
            raise ValueError(
                f"this registry has extractors with duration_buckets {other.duration_buckets}, "
                f"not {duration_buckets}: give all of them the same, or use another registry"
            )
        if other.extractor == extractor and bool(other.exemplars) != exemplars:
            raise ValueError(
                f"this registry has the extractor {extractor!r} with exemplars={not exemplars}: "
                "give all Extractors of one name the same"
            )
    make = partial(Recorder, extractor, duration_buckets, exemplars)
    return source_of(registry, Recorder, extractor, make)


def _drain(buffer: list[T], count_them: Callable[[list[T]], object]) -> None:
    if buffer:
        waiting = buffer[:]
        try:
            count_them(waiting)
        except Exception:
            log_dropped("Recorder")  # kept, they would stop every later move
        # Only now, so that an interrupt on the way loses nothing. What was appended meanwhile
        # stays: it is behind these.
        del buffer[: len(waiting)]


@cache
def _library_version() -> str:
    try:
        return version("featurewatch")
    except PackageNotFoundError:  # used from a source tree, not installed
        return "unknown"
