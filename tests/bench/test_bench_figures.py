"""What a figure says, and when its goal is met."""

import pytest

from bench.figures import BenchError, Figure, at_least, at_most, growth


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (at_most(1.0), 0.99, True),
        (at_most(1.0), 1.0, True),
        (at_most(1.0), 1.01, False),
        (at_least(1000), 999, False),
        (at_least(1000), 1000, True),
        (None, 5.0, None),
    ],
)
def test_a_goal_is_met_up_to_and_with_its_bound(goal, value, met):
    assert Figure(name="x", value=value, unit="s", goal=goal).met is met


def test_a_line_says_name_value_unit_goal_and_verdict():
    missed = Figure(name="rules.total", value=1.23456, unit="s", goal=at_most(1))
    assert missed.line().split() == ["rules.total", "1.23", "s", "at", "most", "1", "missed"]
    kept = Figure(name="intake", value=1200, unit="1/s", goal=at_least(1000))
    assert kept.line().split() == ["intake", "1,200", "1/s", "at", "least", "1000", "ok"]


def test_a_line_without_goal_ends_with_the_unit():
    assert Figure(name="series", value=60, unit="series").line().split() == [
        "series",
        "60",
        "series",
    ]


def test_growth_is_how_many_times_as_much():
    assert growth(0.02, 0.15) == pytest.approx(7.5)


def test_growth_from_nothing_is_refused():
    with pytest.raises(BenchError, match="nothing was measured before"):
        growth(0.0, 0.15)
