"""The health of a source: up or down, and a log that speaks once per change."""

import pytest

from featurewatch import names
from featurewatch_exporter.fields import Event
from featurewatch_exporter.figures import Figures
from featurewatch_exporter.health import QUIET_SECONDS, Health
from featurewatch_exporter.rules import Rule, rescale
from featurewatch_exporter.totals import Totals


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


def test_kinds_of_fault_that_alternate_are_each_told_once_a_minute(clock, said):
    health = Health("a", "log", hung_after=10, clock=clock, repeats=True)
    for _ in range(30):
        health.failed("lines", "are bad", "x")
        health.failed("lines", "are worse", "y")
        health.failed("q", "is bad", "z", times=5)
        clock.now += 2
    first = [
        "source log of a: lines are bad ('x')",
        "source log of a: lines are worse ('y')",
        "source log of a: q is bad ('z')",
    ]
    assert said() == first
    health.failed("lines", "are bad", "v")
    health.failed("q", "is bad", "w")
    assert said() == [
        "source log of a: lines are bad ('v'), 30 times since this was last told",
        "source log of a: q is bad ('w'), 146 times since this was last told",
    ]
    assert shown(health)["source_failures_total"] == 30 * 7 + 2


def test_fault_that_each_poll_has_anew_is_told_once(health, clock, said):
    for _ in range(30):
        health.failed("p95", "is missing")
        clock.now += 10
    assert said() == ["source log of a: p95 is missing"]


def test_source_that_is_lost_for_two_reasons_in_turn_is_told_of_each_once(clock, said):
    health = Health("a", "log", hung_after=10, clock=clock, repeats=True)
    for _ in range(30):
        health.lost("cannot be read", "gone")
        health.lost("cannot be read by us", "denied")
        clock.now += 10
    assert said() == [
        "source log of a cannot be read ('gone')",
        "source log of a cannot be read by us ('denied')",
    ]
    health.reached()
    assert said() == ["source log of a: well again"]


def test_datagrams_that_were_dropped_are_no_failures(health, said):
    health.dropped(0, "datagrams", "came too fast")
    assert said() == []
    assert shown(health)["source_dropped_total"] == 0
    health.dropped(7, "datagrams", "came too fast")
    health.dropped(2, "datagrams", "came too fast")
    assert said() == ["source log of a: datagrams came too fast (7)"]
    assert shown(health)["source_dropped_total"] == 9
    assert shown(health)["source_failures_total"] == 0


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
