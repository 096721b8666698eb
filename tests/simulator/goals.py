"""What the rules are meant to reach, beside what the cells show."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from simulator.cells import Cell, Measured, Shown
from simulator.phrases import duration, number

#: Of a service at most at this part of its threshold, and of one close to it.
HALF, CLOSE = 0.67, 0.95
#: Times the threshold, and requests a second, from which on trouble is told at once.
BAD, BUSY = 5, 2


@dataclass(frozen=True)
class Reached:
    """A goal with what was measured."""

    goal: str
    figure: str
    met: bool


def goals(cells: Measured) -> Iterator[Reached]:
    """Each goal whose cells were measured."""
    for title, limit, unit, chosen, figure in _GOALS:
        shown = {cell: figure(value) for cell, value in cells.items() if chosen(cell)}
        if shown:
            worst = max(shown, key=lambda cell: shown[cell])
            said = "never" if np.isinf(shown[worst]) else unit(shown[worst])
            where = f" ({worst.row.title}, {worst.rate:g}/s)" if len(shown) > 1 else ""
            yield Reached(f"{title}: at most {unit(limit)}", said + where, shown[worst] <= limit)


def _noise(low: float, high: float) -> Callable[[Cell], bool]:
    def chosen(cell: Cell) -> bool:
        return cell.section in ("healthy", "nights") and low <= round(cell.row.times, 2) <= high

    return chosen


def _trouble(title: str, *rates: float) -> Callable[[Cell], bool]:
    def chosen(cell: Cell) -> bool:
        return (cell.section, cell.row.title) == ("troubles", title) and cell.rate in rates

    return chosen


def _late(share: float) -> Callable[[Shown], float]:
    """The delay within which that share of the troubles is told."""

    def figure(shown: Shown) -> float:
        delays = shown["delays"]
        if shown["found"] < share or not delays:
            return np.inf
        # What was not found is later than all that was.
        return float(np.quantile(delays, min(1.0, share / shown["found"])))

    return figure


def _pages(shown: Shown) -> float:
    return shown["slack"] + shown["pagerduty"]


def _alerts(shown: Shown) -> float:
    return shown["alerts"]


_ALL = "all requests fail"
_GOALS = (
    ("pages a week of a healthy service", 0.1, number, _noise(0, CLOSE), _pages),
    ("alerts a week up to two thirds of what is allowed", 0.2, number, _noise(0, HALF), _alerts),
    ("alerts a week up to 95 % of it", 1.5, number, _noise(HALF, CLOSE), _alerts),
    ("all requests fail at 0.1/s, 95 in 100", 180, duration, _trouble(_ALL, 0.1), _late(0.95)),
    (
        "all requests fail at 2/s and more, 95 in 100",
        45,
        duration,
        _trouble(_ALL, 2, 10, 100),
        _late(0.95),
    ),
    (
        "errors at 20 times, 10/s, median",
        67,
        duration,
        _trouble("errors at 20 times", 10),
        _late(0.5),
    ),
    ("p95 at 5 times, 2/s, median", 82, duration, _trouble("p95 at 5 times", 2), _late(0.5)),
    (
        "errors at 5 times, 10/s, median",
        180,
        duration,
        _trouble("errors at 5 times", 10),
        _late(0.5),
    ),
    (
        "errors at 5 times, 10/s, 95 in 100",
        300,
        duration,
        _trouble("errors at 5 times", 10),
        _late(0.95),
    ),
    (
        "pages for 2 minutes of trouble, at 2/s and more",
        0.1,
        number,
        lambda cell: cell.section == "blips" and cell.rate >= BUSY,
        _pages,
    ),
    (
        "alerts of an hour of trouble, 5 times and more, at 2/s and more",
        1.0,
        number,
        lambda cell: cell.section == "troubles" and cell.row.times >= BAD and cell.rate >= BUSY,
        _alerts,
    ),
    (
        "PagerDuty triggers for an hour of trouble",
        1.0,
        number,
        lambda cell: cell.section == "troubles",
        lambda shown: shown["pagerduty"],
    ),
)
