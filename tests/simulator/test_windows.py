"""Functions of a range, against Prometheus's definition of each for one evaluation alone."""

import math
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.evaluator import cut
from simulator.expressions import Selector
from simulator.vectors import Series
from simulator.windows import FUNCTIONS, Window, window

STEP = 15.0
Sample = tuple[float, float]

counters = st.lists(st.one_of(st.none(), st.integers(0, 50)), min_size=1, max_size=30)


def _increase(
    samples: list[Sample], begin: float, end: float, counter: bool = True
) -> float | None:
    """As extrapolatedRate of Prometheus 2.42."""
    if len(samples) < 2:
        return None
    (first_time, first), (last_time, last) = samples[0], samples[-1]
    result = last - first
    if counter:
        result += sum(old for (_, old), (_, new) in pairwise(samples) if new < old)
    to_start, to_end = first_time - begin, end - last_time
    sampled = last_time - first_time
    between = sampled / (len(samples) - 1)
    if counter and result > 0 and first >= 0:
        to_start = min(to_start, sampled * (first / result))
    extrapolated = sampled
    extrapolated += to_start if to_start < between * 1.1 else between / 2
    extrapolated += to_end if to_end < between * 1.1 else between / 2
    return result * (extrapolated / sampled)


def _changes(samples: list[Sample], *_: float) -> float | None:
    values = [value for _, value in samples]
    return sum(a != b for a, b in pairwise(values)) if values else None


def _of_values(function):
    return lambda samples, *_: function([value for _, value in samples]) if samples else None


EXPECTED = {
    "increase": _increase,
    "delta": partial(_increase, counter=False),
    "changes": _changes,
    "sum_over_time": _of_values(sum),
    "min_over_time": _of_values(min),
    "max_over_time": _of_values(max),
    "avg_over_time": _of_values(np.mean),
    "stddev_over_time": _of_values(np.std),
    "count_over_time": _of_values(len),
    "last_over_time": _of_values(lambda values: values[-1]),
    "first_over_time": _of_values(lambda values: values[0]),
}


windows_ = st.builds(
    window,
    st.builds(
        Selector,
        st.just(()),
        st.sampled_from([0.0, 15.0, 40.0]),
        st.sampled_from([15.0, 20.0, 60.0, 150.0]),
    ),
    st.just(STEP),
    st.sampled_from([0.0, 5.0]),
    st.just(0),
    st.just(True),
)


@pytest.mark.parametrize("name", EXPECTED)
@given(values=counters, of=windows_, begin=st.integers(0, 5))
def test_each_evaluation_sees_its_own_window(
    name: str, values: list[int | None], of: Window, begin: int
) -> None:
    begin = min(begin, len(values) - 1)
    series = Series(
        np.array([value or 0 for value in values], dtype=float),
        np.array([value is not None for value in values]),
    )
    if of.count < 1:
        return
    made = FUNCTIONS[name](cut(series, begin - of.oldest, len(values) - of.newest), of)
    for place, now in enumerate(range(begin, len(values))):
        end = now * STEP - of.offset
        scraped = ((number * STEP - of.phase, value) for number, value in enumerate(values))
        samples = [
            (moment, float(value))
            for moment, value in scraped
            if value is not None and end - of.seconds <= moment <= end
        ]
        expected = EXPECTED[name](samples, end - of.seconds, end)
        assert made.present[place] == (expected is not None)
        if expected is not None:
            assert math.isclose(made.values[place], expected, abs_tol=1e-6)


@pytest.mark.parametrize(("closed", "count"), [(True, 21), (False, 20)])
def test_prometheus_3_leaves_out_the_scrape_at_the_very_beginning(closed: bool, count: int) -> None:
    assert window(Selector((), 0.0, 300.0), STEP, 0.0, 0, closed).count == count
    assert window(Selector((), 0.0, 300.0), STEP, 5.0, 0, closed).count == 20
