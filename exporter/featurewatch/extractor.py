"""Recording what an extractor does.

The methods that run inside a request never raise: a measurement that cannot be recorded is
dropped, and the first of each kind is logged.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import wraps
from time import perf_counter
from types import TracebackType
from typing import ParamSpec, Self, TypeVar, cast

from prometheus_client import REGISTRY, CollectorRegistry

from featurewatch.batch import Batch, bulk, given
from featurewatch.guard import amount, log_dropped, never_raises
from featurewatch.labels import check_extractor
from featurewatch.names import DEFAULT_EXTRACTOR, DURATION_BUCKETS
from featurewatch.recorder import BUFFER, Intake, recorder_of

P = ParamSpec("P")
R = TypeVar("R")


class Extraction:
    """One running extraction; made by :meth:`Extractor.extraction`."""

    __slots__ = ("_intake", "_started")

    # Set from outside: to call an __init__ would cost a tenth of the whole measurement.
    _intake: Intake
    _started: float

    def __enter__(self) -> Self:
        next(self._intake.starts)
        self._started = perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _end(self._intake, self._started, error)

    def cache_hit(self) -> None:
        """Count a lookup that the feature cache answered; one per lookup."""
        try:
            self._intake.append(self._intake.lookups, True)
        except Exception:
            log_dropped("Extraction.cache_hit")

    def cache_miss(self) -> None:
        """Count a lookup that the feature cache could not answer."""
        try:
            self._intake.append(self._intake.lookups, False)
        except Exception:
            log_dropped("Extraction.cache_miss")

    @never_raises
    def fallback(self, reason: object) -> None:
        """Count the use of fallback features.

        *reason* becomes a label value, so take it from a short fixed list, as
        ``model_timeout``; it is turned into text if it is none.
        """
        self._intake.fell_back(reason)


def _end(intake: Intake, started: float, error: BaseException | None) -> None:
    try:
        spans = intake.spans
        spans.append(perf_counter() - started)
        if error is not None:
            intake.failed(error)
        if len(spans) >= BUFFER:
            intake.flush()
    except Exception:
        log_dropped("Extractor.extraction")


class Extractor:
    """The measurements of one extractor; make one at start-up and share it between threads.

    *name* is the value of the ``extractor`` label. Extractors of one *registry* share its
    metric families, and therefore *duration_buckets* (upper bounds in seconds; keep every
    latency threshold that you alert on among them). Two of the same name add to the same series.
    With *exemplars* each bucket of the durations shows a trace of OpenTelemetry's that fell into
    it, see :mod:`featurewatch.exemplars`.

    Requests, cache hits and cache misses exist at 0 from here on. Error types and fallback
    reasons appear with their first event.

    Raises ``ValueError`` for an empty name, for buckets that do not increase or differ from those
    of the registry, for *exemplars* unlike those of another Extractor of that name, and for a
    registry that has metrics of our names from elsewhere.
    """

    def __init__(
        self,
        name: str = DEFAULT_EXTRACTOR,
        *,
        registry: CollectorRegistry = REGISTRY,
        duration_buckets: Sequence[float] = DURATION_BUCKETS,
        exemplars: bool = False,
    ) -> None:
        self.name = check_extractor(name)
        recorder = recorder_of(registry, self.name, _bounds(duration_buckets), exemplars)
        self._recorder = recorder
        self._plain, self._hits, self._misses = recorder.plain, recorder.hits, recorder.misses

    def record(
        self,
        seconds: float,
        cache_hit: bool | None = None,
        fallback: object = None,
        error: object = None,
    ) -> None:
        """Count one extraction that took *seconds*; the cheapest way, for a loop of your own.

        *cache_hit* tells how its cache lookup went, None that there was none. *fallback* is the
        reason for fallback features, as in :meth:`Extraction.fallback`. *error* is the exception
        that it raised, the class of it, or a name for it.
        """
        try:
            if cache_hit:
                buffer = self._hits
            elif cache_hit is None:
                buffer = self._plain
            else:
                buffer = self._misses
            if fallback is not None:
                self._recorder.intake.fell_back(fallback)
            if error is not None:
                self._recorder.intake.failed(error)
            buffer.append(seconds)
            if len(buffer) >= BUFFER:
                self._recorder.flush()
        except Exception:
            log_dropped("Extractor.record")

    def extraction(self) -> Extraction:
        """Return a context manager around one extraction.

        At its end the extraction is counted as a request with its duration. An ``Exception``
        that leaves the block is counted by its class name and goes on to the caller. What is no
        ``Exception`` (``asyncio.CancelledError``, ``KeyboardInterrupt``, ``GeneratorExit``) is a
        request and no error: nobody failed when a client went away.
        """
        extraction = Extraction()
        extraction._intake = self._recorder.intake
        return extraction

    def instrument(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a plain or ``async def`` function: each call is one extraction.

        Raises ``TypeError`` for a generator function, whose call returns before its work begins.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function!r} is a generator: use `with extractor.extraction():` inside it"
            )
        if inspect.iscoroutinefunction(function):
            return cast(Callable[P, R], self._instrument_async(function))

        @wraps(function)
        def measured(*args: P.args, **kwargs: P.kwargs) -> R:
            intake, failure = self._recorder.intake, None
            next(intake.starts)
            started = perf_counter()
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                failure = error
                raise
            finally:
                _end(intake, started, failure)
                del failure

        return measured

    def _instrument_async(self, function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @wraps(function)
        async def measured(*args: P.args, **kwargs: P.kwargs) -> R:
            intake, failure = self._recorder.intake, None
            next(intake.starts)
            started = perf_counter()
            try:
                return await function(*args, **kwargs)
            except BaseException as error:
                failure = error
                raise
            finally:
                _end(intake, started, failure)
                del failure

        return measured

    @never_raises
    def record_batch(
        self,
        latencies: Iterable[float],
        cache_hits: Iterable[bool | None] | None = None,
        fallbacks: Iterable[object] | None = None,
        errors: Iterable[object] | None = None,
        duration_seconds: float | None = None,
    ) -> None:
        """Count many extractions at once, from lists or arrays; much cheaper than one by one.

        *latencies* are their durations in seconds. *cache_hits* are the results of their cache
        lookups, *fallbacks* the reasons for fallback features, *errors* what :meth:`record` takes
        as one. In these, None or (but for lookups) False stands for an extraction without, and
        True for a reason or error that nobody named. With *duration_seconds*
        they are also one batch, as in :meth:`observe_batch`.
        """
        intake = self._recorder.intake
        news = bulk(self._recorder.duration_buckets, latencies, cache_hits)
        for reason in given(fallbacks):
            intake.fell_back(reason)
        for error in given(errors):
            intake.failed(error)
        intake.append(intake.bulks, news)
        if duration_seconds is not None:
            self.observe_batch(news.durations.count, duration_seconds)

    @never_raises
    def observe_batch(self, size: int, duration_seconds: float) -> None:
        """Record a batch of *size* items that took *duration_seconds*."""
        intake = self._recorder.intake
        intake.append(intake.batches, (amount(size), amount(duration_seconds)))

    def batch(self, size: int) -> Batch:
        """Return a context manager around the work on a batch of *size* items.

        Its items are in progress until it ends, and its size and duration are recorded then,
        whether it succeeds or fails. Requests, errors and latencies of the items are yours to
        tell, with :meth:`record_batch`; inside of it, leave :meth:`extraction` out.
        """
        return Batch(self._recorder.intake, size)

    @never_raises
    def queue_depth(self, items: int) -> None:
        """Set how many items wait now."""
        self._recorder.queue_depth = amount(items)

    def watch_queue(self, depth: Callable[[], float]) -> None:
        """Ask *depth*, as ``queue.qsize``, at each scrape how many items wait.

        It must answer at once. An answer that is no number of 0 or more, or an exception, gives
        no series. Takes the place of :meth:`queue_depth`. Raises ``TypeError`` for what cannot
        be called.
        """
        if not callable(depth):
            raise TypeError(f"watch_queue wants something to call, as queue.qsize, not {depth!r}")
        self._recorder.queue = depth


def _bounds(buckets: Sequence[float]) -> tuple[float, ...]:
    bounds = tuple(float(bound) for bound in buckets)
    if not bounds or list(bounds) != sorted(set(bounds)):
        raise ValueError(f"duration_buckets must be one or more increasing numbers, not {buckets}")
    return bounds
