"""PromQL's functions of a range, over all evaluations at once.

A window holds the same number of scrapes at each evaluation, so a sum over 2 hours costs as
much as one over a minute.
"""

from dataclasses import dataclass
from math import ceil, floor
from typing import Protocol

import numpy as np

from simulator.vectors import Series

#: Prometheus extrapolates to the edge of a window if it is not farther than this many intervals.
NEAR = 1.1


@dataclass(frozen=True)
class Window:
    """Which scrapes an evaluation sees: those `newest` to `oldest` steps before its own."""

    step: float
    #: Seconds from a scrape to the evaluation that sees it first.
    phase: float
    seconds: float
    offset: float
    newest: int
    oldest: int

    @property
    def count(self) -> int:
        """How many scrapes."""
        return self.oldest - self.newest + 1


def lag(step: float, phase: float, offset: float) -> int:
    """How many steps before its own is the scrape that an instant selector sees."""
    return max(0, ceil((offset - phase) / step - 1e-9))


class Range(Protocol):
    """A selector or a subquery."""

    seconds: float
    offset: float


def window(of: Range, step: float, phase: float, least: int, closed: bool) -> Window:
    """The window of a range; `closed`: with the scrape at its very beginning (before 3.0)."""
    reach = (of.offset + of.seconds - phase) / step
    oldest = floor(reach + 1e-9) if closed else ceil(reach - 1e-9) - 1
    newest = max(least, lag(step, phase, of.offset))
    return Window(step, phase, of.seconds, of.offset, newest, oldest)


def sliding(function: np.ufunc, values: np.ndarray, count: int) -> np.ndarray:
    """A ufunc over each `count` neighbours.

    Of blocks of that length, each window is an end of one and a beginning of the next.
    """
    length = len(values) - count + 1
    if count == 1:
        return values
    blocks = -(-len(values) // count)
    padded = np.zeros(blocks * count, dtype=values.dtype)
    padded[: len(values)] = values
    table = padded.reshape(blocks, count)
    begin = function.accumulate(table, axis=1).ravel()
    end = function.accumulate(table[:, ::-1], axis=1)[:, ::-1].ravel()
    result = function(end[:length], begin[count - 1 : count - 1 + length])
    whole = np.arange(0, length, count)
    result[whole] = begin[whole + count - 1]
    return result


def _edges(present: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each window the first and the last scrape that is there."""
    index = np.arange(len(present))
    last = np.maximum.accumulate(np.where(present, index, -1))
    first = np.minimum.accumulate(np.where(present, index, len(present))[::-1])[::-1]
    length = len(present) - count + 1
    return first[:length], last[count - 1 :]


def _total(events: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """What happened after the first scrape until the last one."""
    total = np.cumsum(events)
    size = len(events) - 1
    return total[np.clip(last, 0, size)] - total[np.clip(first, 0, size)]


def _steps(series: Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the scrapes are, but for the first; their values, and those of the ones before."""
    index = np.flatnonzero(series.present)
    values = series.values[index]
    return index[1:], values[1:], values[:-1]


def _at(length: int, index: np.ndarray, values: np.ndarray | float) -> np.ndarray:
    events = np.zeros(length)
    events[index] = values
    return events


def _lost_at_resets(series: Series) -> np.ndarray | None:
    """What a counter had when it began anew; None if it never did."""
    index, values, before = _steps(series)
    fell = values < before
    return _at(len(series.values), index[fell], before[fell]) if fell.any() else None


def increase(series: Series, window: Window, counter: bool = True) -> Series:
    """Extrapolated as Prometheus's `increase` or, for a gauge, `delta`."""
    values, present = series
    first, last = _edges(present, window.count)
    enough = last > first
    first, last = np.where(enough, first, 0), np.where(enough, last, 0)
    begin = values[first]
    result = values[last] - begin
    lost = _lost_at_resets(series) if counter else None
    if lost is not None:
        result = result + _total(lost, first, last)
    to_zero = _share_to_zero(begin, result) if counter else np.full(len(begin), np.inf)
    return Series(result * _extrapolation(to_zero, (first, last), present, window), enough)


def _share_to_zero(begin: np.ndarray, result: np.ndarray) -> np.ndarray:
    """How far back a counter was 0 if it rose evenly, of the time in which it rose."""
    rises = (result > 0) & (begin >= 0)
    return np.divide(begin, result, out=np.full(len(begin), np.inf), where=rises)


def _extrapolation(to_zero, edges, present, window: Window) -> np.ndarray:
    """By what the difference between two scrapes is multiplied."""
    first, last = edges
    start = np.arange(len(first))
    sampled = np.maximum(last - first, 1) * window.step
    between = sampled / np.maximum(_total(present.astype(int), first, last), 1)
    to_start = window.offset + window.seconds - window.phase
    to_start = to_start - (window.oldest - (first - start)) * window.step
    to_end = (window.oldest - (last - start)) * window.step + window.phase - window.offset
    to_start = np.minimum(to_start, sampled * to_zero)
    near = between * NEAR
    to_start = np.where(to_start < near, to_start, between / 2)
    to_end = np.where(to_end < near, to_end, between / 2)
    return (sampled + to_start + to_end) / sampled


def delta(series: Series, window: Window) -> Series:
    """As `increase`, of a gauge."""
    values, enough = increase(series, window, counter=False)
    return Series(values, enough)


def rate(series: Series, window: Window) -> Series:
    """Per second."""
    values, enough = increase(series, window)
    return Series(values / window.seconds, enough)


def _some(series: Series, window: Window) -> np.ndarray:
    return _count(series, window) > 0


def _count(series: Series, window: Window) -> np.ndarray:
    total = np.concatenate(([0], np.cumsum(series.present)))
    return total[window.count :] - total[: -window.count]


def _over_time(function: np.ufunc, neutral: float):
    def over_time(series: Series, window: Window) -> Series:
        filled = np.where(series.present, series.values, neutral)
        return Series(sliding(function, filled, window.count), _some(series, window))

    return over_time


def avg_over_time(series: Series, window: Window) -> Series:
    """The mean."""
    total, some = FUNCTIONS["sum_over_time"](series, window)
    return Series(total / np.maximum(_count(series, window), 1), some)


def stddev_over_time(series: Series, window: Window) -> Series:
    """Of the population."""
    there = series.values[series.present]
    centred = Series(series.values - (there.mean() if len(there) else 0), series.present)
    mean, some = avg_over_time(centred, window)
    square, _ = avg_over_time(Series(centred.values**2, series.present), window)
    return Series(np.sqrt(np.maximum(square - mean**2, 0)), some)


def count_over_time(series: Series, window: Window) -> Series:
    """How many scrapes are there."""
    count = _count(series, window)
    return Series(count.astype(float), count > 0)


def present_over_time(series: Series, window: Window) -> Series:
    """1 where there was a scrape."""
    some = _some(series, window)
    return Series(np.ones(len(some)), some)


def last_over_time(series: Series, window: Window) -> Series:
    """The newest value."""
    _, last = _edges(series.present, window.count)
    return Series(series.values[np.maximum(last, 0)], _some(series, window))


def first_values(series: Series, window: Window) -> Series:
    """The oldest value."""
    first, _ = _edges(series.present, window.count)
    return Series(series.values[np.minimum(first, len(series.values) - 1)], _some(series, window))


def _happened(series: Series, window: Window, which) -> Series:
    index, values, before = _steps(series)
    events = _at(len(series.values), index[which(values, before)], 1.0)
    first, last = _edges(series.present, window.count)
    return Series(_total(events, first, last), _some(series, window))


def changes(series: Series, window: Window) -> Series:
    """How often the value changed."""
    return _happened(
        series, window, lambda new, old: (new != old) & ~(np.isnan(new) & np.isnan(old))
    )


def resets(series: Series, window: Window) -> Series:
    """How often a counter began anew."""
    return _happened(series, window, lambda new, old: new < old)


FUNCTIONS = {
    "rate": rate,
    "increase": increase,
    "delta": delta,
    "sum_over_time": _over_time(np.add, 0.0),
    "min_over_time": _over_time(np.fmin, np.inf),
    "max_over_time": _over_time(np.fmax, -np.inf),
    "avg_over_time": avg_over_time,
    "stddev_over_time": stddev_over_time,
    "count_over_time": count_over_time,
    "present_over_time": present_over_time,
    "last_over_time": last_over_time,
    "first_over_time": first_values,
    "changes": changes,
    "resets": resets,
}
