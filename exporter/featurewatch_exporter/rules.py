"""Rules: which field of a source becomes which series."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from featurewatch import names
from featurewatch.guard import LARGEST
from featurewatch.monitor import FIELDS
from featurewatch.names import METRICS, Metric

#: What the exporter and the library say about themselves; no field becomes these.
_OWN = (
    names.LABEL_VALUES_DROPPED,
    names.MONITOR_FAILURES,
    names.SOURCE_UP,
    names.SOURCE_LAST_SAMPLE,
    names.SOURCE_FAILURES,
    names.SOURCE_DROPPED,
    names.INFO,
)
#: What a field can become, by its name without the prefix.
MAPPABLE = {m.name.removeprefix(names.PREFIX): m for m in METRICS if m not in _OWN}
#: What tells of one extraction, so that there must have been one.
OF_EXTRACTIONS = (names.DURATION, names.ERRORS, names.CACHE_LOOKUPS, names.FALLBACKS)
RESULTS = (names.RESULT_HIT, names.RESULT_MISS)
#: Kinds of source, as the configuration names them.
HTTP, FILE, STATSD = "http", "file", "statsd"
#: A stats URL whose answer is the text that Prometheus reads.
PROMETHEUS = "prometheus"
#: Ends a path whose last part is the label's value.
STAR = ".*"

_LARGEST = {field.metric: field.largest / field.scale for field in FIELDS}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One field and the series that it becomes."""

    #: Where the field stands: names joined by dots, or the name of a statsd metric.
    path: str
    metric: Metric
    #: Value of the metric's label besides the extractor. None: it has no such label, or `open`.
    fixed: str | None = None
    #: The label's value comes with the data: from the path's last part, or it is the field itself.
    open: bool = False
    #: Name of the tag that has an open label's value, for a source with tags.
    tag: str = ""
    #: Tags that a line must have, with their values, to be meant.
    tags: tuple[tuple[str, str], ...] = ()
    #: Units of the metric in one unit of the field; None: those of the kind of source.
    scale: float | None = None

    @property
    def starred(self) -> bool:
        """Whether the path stands for every name below it."""
        return self.path.endswith(STAR)

    @property
    def label(self) -> str:
        """Name of the metric's label besides the extractor, empty without one."""
        return (*self.metric.labels, "")[1]

    def labels(self, extractor: str, value: str | None = None) -> tuple[str, ...]:
        """Return the label values of a series, an open one's being *value*."""
        other = value if self.open else self.fixed
        return (extractor,) if other is None else (extractor, other)

    def scaled(self, number: float, default: float) -> float:
        """Return the field's *number* in the metric's unit, by the rule's scale or *default*.

        Raises ``ValueError`` for a number that the metric cannot have.
        """
        value = rescale(number, default if self.scale is None else self.scale)
        largest = self.largest
        if not 0 <= value <= largest:
            raise ValueError(f"must come to a number from 0 to {largest:g}")
        return value

    @property
    def largest(self) -> float:
        """The largest value that the metric can have."""
        largest = 1 if self.metric.unit == "ratio" else LARGEST
        return min(_LARGEST.get(self.metric, largest), LARGEST)


def rescale(number: float, scale: float) -> float:
    """Multiply so that 0.001 divides by 1000.

    That is rounded once: 100 ms must be the 0.1 s of a bucket's bound and not a bit more.
    """
    return rescale_all([number], scale)[0]


def rescale_all(numbers: Sequence[float], scale: float) -> list[float]:
    """Multiply each of *numbers* in this way."""
    divisor = 1 / scale
    if math.isfinite(divisor) and divisor.is_integer():
        return [number / divisor for number in numbers]
    return [number * scale for number in numbers]
