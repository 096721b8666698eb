"""Recording what an extractor does.

The methods that run inside a request never raise: a measurement that cannot be recorded is
dropped, and the first of each kind is logged.
"""

import inspect
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from time import perf_counter
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from prometheus_client import REGISTRY, CollectorRegistry

from featurewatch.labels import check_extractor, label_text
from featurewatch.names import DEFAULT_EXTRACTOR, DURATION_BUCKETS
from featurewatch.series import Series, families_of

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)


def _never_raises(record: Callable[P, None]) -> Callable[P, None]:
    level = logging.WARNING

    @wraps(record)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        nonlocal level
        try:
            record(*args, **kwargs)
        except Exception:
            # Later ones at DEBUG: a wrong call in the request path would flood the log.
            logger.log(level, "measurement dropped by %s", record.__qualname__, exc_info=True)
            level = logging.DEBUG

    return guarded


class Extraction:
    """One running extraction; made by :meth:`Extractor.extraction`."""

    __slots__ = ("_series", "_started")

    def __init__(self, series: Series) -> None:
        self._series = series
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
        self._end(error)

    @_never_raises
    def _start(self) -> None:
        self._started = perf_counter()
        self._series.started()

    @_never_raises
    def _end(self, error: BaseException | None) -> None:
        seconds = perf_counter() - self._started
        failed = isinstance(error, Exception)
        self._series.ended(seconds, label_text(type(error).__name__) if failed else None)

    @_never_raises
    def cache_hit(self) -> None:
        """Count a lookup that the feature cache answered; one per lookup."""
        self._series.hit()

    @_never_raises
    def cache_miss(self) -> None:
        """Count a lookup that the feature cache could not answer."""
        self._series.missed()

    @_never_raises
    def fallback(self, reason: object) -> None:
        """Count the use of fallback features.

        *reason* becomes a label value, so take it from a short fixed list, as
        ``model_timeout``; it is turned into text if it is none.
        """
        self._series.fell_back(label_text(reason))


class Extractor:
    """The measurements of one extractor; make one at start-up and share it between threads.

    *name* is the value of the ``extractor`` label. Extractors of one *registry* share its
    metric families, and therefore *duration_buckets* (upper bounds in seconds; keep every
    latency threshold that you alert on among them). Two of the same name add to the same series.

    Requests, cache hits and cache misses exist at 0 from here on. Error types and fallback
    reasons appear with their first event.

    Raises ``ValueError`` for an empty name, for buckets that do not increase or differ from those
    of the registry, and for a registry that has metrics of our names from elsewhere.
    """

    def __init__(
        self,
        name: str = DEFAULT_EXTRACTOR,
        *,
        registry: CollectorRegistry = REGISTRY,
        duration_buckets: Sequence[float] = DURATION_BUCKETS,
    ) -> None:
        self.name = check_extractor(name)
        self._series = Series(families_of(registry, _bounds(duration_buckets)), self.name)

    def extraction(self) -> Extraction:
        """Return a context manager around one extraction.

        At its end the extraction is counted as a request with its duration. An ``Exception``
        that leaves the block is counted by its class name and goes on to the caller. What is no
        ``Exception`` (``asyncio.CancelledError``, ``KeyboardInterrupt``, ``GeneratorExit``) is a
        request and no error: nobody failed when a client went away.
        """
        return Extraction(self._series)

    def instrument(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a plain or ``async def`` function: each call is one extraction.

        Raises ``TypeError`` for a generator function, whose call returns before its work begins.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function!r} is a generator: use `with extractor.extraction():` inside it"
            )
        if inspect.iscoroutinefunction(function):
            awaitable = cast(Callable[P, Awaitable[Any]], function)

            @wraps(function)
            async def measured_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                with self.extraction():
                    return await awaitable(*args, **kwargs)

            return cast(Callable[P, R], measured_async)

        @wraps(function)
        def measured(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.extraction():
                return function(*args, **kwargs)

        return measured

    @_never_raises
    def observe_batch(self, size: int, duration_seconds: float) -> None:
        """Record a batch of *size* items that took *duration_seconds*."""
        items, seconds = _amount(size), _amount(duration_seconds)
        self._series.batch(items, seconds)

    @_never_raises
    def queue_depth(self, items: int) -> None:
        """Set how many items wait now."""
        self._series.queue(_amount(items))


def _bounds(buckets: Sequence[float]) -> tuple[float, ...]:
    bounds = tuple(float(bound) for bound in buckets)
    if not bounds or list(bounds) != sorted(set(bounds)):
        raise ValueError(f"duration_buckets must be one or more increasing numbers, not {buckets}")
    return bounds


def _amount(value: float) -> float:
    # One NaN or infinity would spoil a histogram's sum for ever; a negative one looks like a
    # restarted counter to Prometheus.
    number = float(value)
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"must be a number of 0 or more, not {value!r}")
    return number
