"""Counting values into the buckets of a histogram, many at a time."""

import math
import sys
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cache
from struct import calcsize, pack_into
from typing import Any, NamedTuple

from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from featurewatch.guard import LARGEST, amount, log_dropped
from featurewatch.names import Metric

#: Values that are sorted at once: ten thousand in such pieces take a quarter less than as a whole.
CHUNK = 1024
#: Bytes of a float.
SIZE = calcsize("d")


class Snapshot(NamedTuple):
    """A distribution as HistogramMetricFamily takes it."""

    #: Upper bound, how many values are not above it, perhaps an exemplar; the last bound is +Inf.
    buckets: Sequence[tuple[str, float] | tuple[str, float, Exemplar]]
    sum: float


#: One series: its metric, its label values in the metric's order, its value now.
Sample = tuple[Metric, tuple[str, ...], float | Snapshot]


class Distribution:
    """How many values are not above each of *bounds*, how many there are, and their sum."""

    __slots__ = ("_below", "_bounds", "count", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._below = [0] * len(self._bounds)
        self.count = 0
        self.sum = 0.0

    def add(self, values: list[float]) -> int:
        """Count *values*, whose order may change, and return how many made sense."""
        numpy: Any = sys.modules.get("numpy")  # never imported for this, but taken if it is there
        try:
            if numpy is None:
                below, total = _in_list(values, self._bounds)
            else:
                below, total = _in_array(_packed(numpy, values), self._bounds)
        except Exception:
            values = _those_that_make_sense(values)
            below, total = _in_list(values, self._bounds)
        self._commit(below, len(values), total)
        return len(values)

    def add_all(self, values: Iterable[float]) -> None:
        """Count any number of values: an array of numpy's or the like, or any iterable."""
        if hasattr(values, "__array__"):
            self._add_array(values)
            return
        waiting = list(values)
        for start in range(0, len(waiting), CHUNK):
            self.add(waiting[start : start + CHUNK])

    def merge(self, other: "Distribution") -> None:
        """Count what *other*, of the same bounds, has counted."""
        self._commit(other._below, other.count, other.sum)

    def snapshot(self) -> Snapshot:
        """Return the buckets and the sum as they are now."""
        bounds = map(floatToGoString, (*self._bounds, math.inf))
        return Snapshot(list(zip(bounds, (*self._below, self.count), strict=True)), self.sum)

    def _add_array(self, values: Any) -> None:
        import numpy as np  # only here: whoever has an array has numpy

        array = np.array(values, dtype=float).ravel()  # a copy, because it is sorted
        try:
            below, total = _in_array(array, self._bounds)
        except ValueError:
            self.add(array.tolist())
        else:
            self._commit(below, array.size, total)

    def _commit(self, below: Sequence[int], count: int, total: float) -> None:
        self._below = [old + new for old, new in zip(self._below, below, strict=True)]
        self.count += count
        self.sum += total


# Both count below each bound, and sum up. They look for nonsense where sorting has put it: below 0
# at the start, too large at the end. NaN is at the end of an array; it can be anywhere in a list,
# but shows in the sum.


def _in_list(values: list[float], bounds: Sequence[float]) -> tuple[list[int], float]:
    if not values:
        return [0] * len(bounds), 0.0
    values.sort()
    total = float(sum(values))
    if not (values[0] >= 0 and values[-1] <= LARGEST and total >= 0):
        raise ValueError("negative, too large or not a number")
    return [bisect_right(values, bound) for bound in bounds], total


def _packed(numpy: Any, values: list[float]) -> Any:
    """Return them as an array; numpy's own ways take two and three times as long."""
    packed = bytearray(SIZE * len(values))
    pack_into(f"{len(values)}d", packed, 0, *values)
    return numpy.frombuffer(packed)


def _in_array(values: Any, bounds: tuple[float, ...]) -> tuple[list[int], float]:
    if not values.size:
        return [0] * len(bounds), 0.0
    values.sort()
    if not (values[0] >= 0 and values[-1] <= LARGEST):
        raise ValueError("negative, too large or not a number")
    return values.searchsorted(_array(bounds), side="right").tolist(), float(values.sum())


@cache
def _array(bounds: tuple[float, ...]) -> Any:
    """Return what would otherwise be made of them each time."""
    return sys.modules["numpy"].array(bounds)


def _those_that_make_sense(values: list[float]) -> list[float]:
    numbers = []
    for value in values:
        try:
            numbers.append(amount(value))
        except Exception:
            log_dropped("Distribution.add")
    return sorted(numbers)
