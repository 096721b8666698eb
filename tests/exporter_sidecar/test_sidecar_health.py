"""The health of a source: up or down, and a log that speaks once per change."""

import pytest

from featurewatch import names
from featurewatch_exporter.fields import Event
from featurewatch_exporter.health import QUIET_SECONDS, Health
from featurewatch_exporter.rules import Rule, rescale
from featurewatch_exporter.totals import Figures, Totals


class Clock:
    """Seconds that pass when told."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def health(clock):
    return Health("a", "log", hung_after=10, clock=clock)


@pytest.fixture
def said(caplog):
    """Return what the log got since the last question."""
    caplog.set_level("INFO")

    def take():
        messages = list(caplog.messages)
        caplog.clear()
        return messages

    return take


def shown(source):
    return {metric.name.removeprefix(names.PREFIX): value for metric, _, value in source.samples()}


def test_source_is_down_and_has_no_time_before_it_was_read(health):
    assert shown(health) == {"source_up": 0, "source_failures_total": 0}


def test_reader_that_says_nothing_more_is_down(health, clock):
    health.reached()
    clock.now += 9.9
    assert shown(health)["source_up"] == 1
    clock.now += 0.2
    assert shown(health)["source_up"] == 0


def test_reader_that_has_much_to_read_is_up(health, clock):
    health.reached()
    for _ in range(3):
        clock.now += 9.9
        health.still()
    assert shown(health)["source_up"] == 1
    health.lost("cannot be read")
    health.still()
    assert shown(health)["source_up"] == 0


def test_fault_of_lines_is_over_after_a_quiet_while(health, clock, said):
    health.failed("lines", "are bad", "x")
    clock.now += QUIET_SECONDS - 1
    health.failed("lines", "are bad", "y")
    clock.now += QUIET_SECONDS - 1
    health.settle()
    assert said() == ["source log of a: lines are bad ('x')"]
    clock.now += 1
    health.settle()
    assert said() == ["source log of a: lines: well again"]
    health.failed("lines", "are bad", "z")
    assert said() == ["source log of a: lines are bad ('z')"]
    assert shown(health)["source_failures_total"] == 3


def test_source_that_is_lost_is_not_well_before_it_is_reached(health, clock, said):
    health.lost("cannot be read", "gone")
    clock.now += 2 * QUIET_SECONDS
    health.settle()
    assert said() == ["source log of a cannot be read ('gone')"]
    health.reached()
    assert said() == ["source log of a: well again"]


def test_what_a_source_sent_is_cut_and_escaped_in_the_log(health, said):
    health.failed("lines", "are bad", "\x1b[31m\n" + "x" * 1000)
    [line] = said()
    assert len(line) < 100
    assert line.isprintable()


QUEUE = Rule(path="q", metric=names.QUEUE_DEPTH)
COUNT = Rule(path="n", metric=names.REQUESTS)


def test_figures_of_a_url_lose_their_gauges_when_they_are_stale(clock):
    figures = Figures("a", stale_after=30, clock=clock)
    figures.replace([Event(QUEUE, 7), Event(COUNT, 5)])
    clock.now += 29.9
    assert shown(figures) == {"queue_depth": 7, "requests_total": 5}
    clock.now += 0.2
    assert shown(figures) == {"requests_total": 5}


def test_totals_lose_a_gauge_when_it_is_stale(clock):
    totals = Totals("a", clock=clock)
    totals.add([Event(QUEUE, 7), Event(COUNT, 5)], stale_after=60)
    clock.now += 59.9
    assert shown(totals) == {"queue_depth": 7, "requests_total": 5}
    clock.now += 0.2
    assert shown(totals) == {"requests_total": 5}


@pytest.mark.parametrize(
    ("number", "scale", "seconds"),
    [(9, 0.001, 0.009), (100, 0.001, 0.1), (36, 0.001, 0.036), (2, 60, 120), (5, 1e-9, 5e-9)],
)
def test_scaled_numbers_are_those_that_people_would_write(number, scale, seconds):
    assert rescale(number, scale) == seconds
