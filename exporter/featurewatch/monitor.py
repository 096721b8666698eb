"""Figures of a service that measures itself: an adapter from its monitor to our gauges."""

import logging
import math
import reprlib
from collections.abc import Mapping
from numbers import Real
from threading import Lock
from typing import NamedTuple, Protocol

from prometheus_client import REGISTRY, CollectorRegistry

from featurewatch import names
from featurewatch.collector import source_of, sources_of
from featurewatch.distribution import Sample
from featurewatch.labels import check_extractor

logger = logging.getLogger(__name__)

CALL = "get_current_metrics"


class Monitor(Protocol):
    """What :func:`watch_monitor` wants."""

    def get_current_metrics(self) -> object:
        """Return the current figures, as attributes of an object or as a mapping."""


class Field(NamedTuple):
    """One figure of a monitor, and the gauge that it becomes."""

    name: str
    metric: names.Metric
    #: Units of the figure in one unit of the gauge.
    scale: float
    #: The largest figure that makes sense.
    largest: float


FIELDS = (
    Field("p95_time_ms", names.SNAPSHOT_P95, scale=1000, largest=math.inf),
    Field("cache_hit_rate", names.SNAPSHOT_CACHE_HIT, scale=1, largest=1),
    Field("error_rate", names.SNAPSHOT_ERROR, scale=1, largest=1),
    Field("fallback_rate", names.SNAPSHOT_FALLBACK, scale=1, largest=1),
    # Measured between two moments of its own clock, CPU can pass its limit by a little.
    Field("cpu_percent", names.CPU_UTILIZATION, scale=100, largest=110),
    Field("memory_percent", names.MEMORY_UTILIZATION, scale=100, largest=100),
)


def watch_monitor(
    monitor: Monitor,
    extractor: str = names.DEFAULT_EXTRACTOR,
    *,
    registry: CollectorRegistry = REGISTRY,
) -> None:
    """Expose what *monitor* knows about *extractor*, for a service that has only such figures.

    At each scrape ``monitor.get_current_metrics()`` is asked for ``p95_time_ms``,
    ``cache_hit_rate``, ``error_rate`` and ``fallback_rate`` (ratios from 0 to 1), ``cpu_percent``
    and ``memory_percent`` (of the container's limit), as attributes or keys. It runs in the
    thread of the scrape, perhaps in several at once, and must answer soon.

    A figure that is missing, no number or out of its range has no series for that scrape; it is
    counted by ``feature_extraction_monitor_failures_total``, and the log tells when that begins,
    changes and ends. Nothing that the monitor raises reaches the scrape. Where
    :func:`watch_resources` was called before for the same extractor, its CPU and memory are shown
    and not the monitor's.

    Raises ``TypeError`` for a monitor without that method, ``ValueError`` for an empty extractor
    name, a second monitor of the same extractor, and a registry that has metrics of our names
    from elsewhere.
    """
    check_extractor(extractor)
    if not callable(getattr(monitor, CALL, None)):
        raise TypeError(f"a monitor needs the method {CALL}(), and {monitor!r} has none")
    if any(source.extractor == extractor for source in sources_of(registry, MonitorSource)):
        raise ValueError(f"the extractor {extractor!r} has a monitor on this registry already")
    source_of(registry, MonitorSource, extractor, lambda: MonitorSource(monitor, extractor))


class MonitorSource:
    """The series of one monitored extractor."""

    def __init__(self, monitor: Monitor, extractor: str) -> None:
        self.extractor = extractor
        self._monitor = monitor
        self._problems = dict.fromkeys((CALL, *(field.name for field in FIELDS)), "")
        self._failures = dict.fromkeys(self._problems, 0)
        self._lock = Lock()

    def forget(self) -> None:
        """Begin anew in a forked child."""
        self._failures = dict.fromkeys(self._problems, 0)
        self._lock = Lock()

    def samples(self) -> list[Sample]:
        """Ask the monitor, and return what makes sense."""
        samples: list[Sample] = []
        try:
            figures = self._monitor.get_current_metrics()
        except Exception as error:
            self._note(CALL, "raises", error)
        else:
            self._note(CALL, "", None)
            samples = [sample for field in FIELDS for sample in self._sample(field, figures)]
        failures = list(self._failures.items())
        return samples + [
            (names.MONITOR_FAILURES, (self.extractor, field), events) for field, events in failures
        ]

    def _sample(self, field: Field, figures: object) -> list[Sample]:
        problem, figure = _look_up(field, figures)
        self._note(field.name, problem, figure)
        if problem or not isinstance(figure, Real):
            return []
        return [(field.metric, (self.extractor,), float(figure) / field.scale)]

    def _note(self, field: str, problem: str, seen: object) -> None:
        with self._lock:
            before, self._problems[field] = self._problems[field], problem
            self._failures[field] += bool(problem)
        if problem and problem != before:
            shown = reprlib.repr(seen)  # short, and never raises
            logger.warning("monitor of %s: %s %s %s", self.extractor, field, problem, shown)
        elif before and not problem:
            logger.info("monitor of %s: %s is well again", self.extractor, field)


def _look_up(field: Field, figures: object) -> tuple[str, object]:
    """Return the problem with a figure, or an empty text, and the figure."""
    try:
        mapping = figures if isinstance(figures, Mapping) else None
        figure = getattr(figures, field.name) if mapping is None else mapping[field.name]
        if isinstance(figure, bool) or not isinstance(figure, Real):
            return "is no number", figure
        fits = math.isfinite(figure) and 0 <= float(figure) <= field.largest
    except (AttributeError, KeyError):
        return "is missing in", type(figures).__name__
    except Exception as error:
        return "raises", error
    return "" if fits else "is out of range", figure
