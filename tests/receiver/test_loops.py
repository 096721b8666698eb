"""The loops of a process: outages are told once, what a duty raises is counted, none ever ends."""

import logging
import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.exc import OperationalError

from featurewatch_receiver.errors import AlertmanagerError, PrometheusError
from featurewatch_receiver.loops import Duty, Loop
from featurewatch_receiver.metrics import Metrics

DATABASE = OperationalError("SELECT 1", {}, Exception("locked"))
ALERTMANAGER = AlertmanagerError("Alertmanager can't be reached")
PROMETHEUS = PrometheusError("Prometheus can't be reached")
OURS = ValueError("nobody thought of it")


class Script:
    """A duty's work: what each attempt raises, or None for one that goes well."""

    def __init__(self, *attempts: Exception | None):
        self.left: Iterator[Exception | None] = iter(attempts)

    def __call__(self) -> None:
        if error := next(self.left, None):
            raise error


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str | None]]:
    """What was logged of the duty, and of which server."""
    return [(r.message, vars(r)["fields"].get("server")) for r in caplog.records]


def attempt(*attempts: Exception | None) -> Metrics:
    """Make the attempts, one after the other."""
    metrics = Metrics()
    duty = Duty("leases", Script(*attempts), metrics)
    for _ in attempts:
        duty.attempt()
    return metrics


def failures(metrics: Metrics) -> float:
    """How many attempts were counted as failed."""
    line = 'featurewatch_receiver_duty_failures_total{duty="leases"} '
    (found,) = [row for row in metrics.text().decode().splitlines() if row.startswith(line)]
    return float(found.removeprefix(line))


@pytest.mark.parametrize(
    ("error", "server"),
    [(DATABASE, "database"), (ALERTMANAGER, "alertmanager"), (PROMETHEUS, "prometheus")],
)
def test_an_outage_is_told_when_it_begins_and_when_it_ends(
    error: Exception, server: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    metrics = attempt(None, error, error, error, None, None)
    assert told(caplog) == [("duty waits", server), ("duty goes on", server)]
    assert failures(metrics) == 3


def test_a_second_outage_of_the_same_server_is_told_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    attempt(DATABASE, None, DATABASE)
    assert [event for event, _ in told(caplog)] == ["duty waits", "duty goes on", "duty waits"]


def test_two_servers_that_are_away_in_turns_are_told_once_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    attempt(DATABASE, ALERTMANAGER, DATABASE, ALERTMANAGER, None)
    assert told(caplog) == [
        ("duty waits", "database"),
        ("duty waits", "alertmanager"),
        ("duty goes on", "alertmanager"),
        ("duty goes on", "database"),
    ]


def test_an_error_of_ours_is_told_each_time_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert failures(attempt(OURS, OURS, None)) == 2
    assert [event for event, _ in told(caplog)] == ["duty broke", "duty broke"]


def test_a_duty_that_fails_keeps_neither_the_others_nor_its_next_attempt() -> None:
    stop, metrics, seen = threading.Event(), Metrics(), list[str]()

    def fail() -> None:
        seen.append("fails")
        raise OURS

    def go_well() -> None:
        seen.append("goes well")
        if len(seen) >= 4:
            stop.set()

    duties = [Duty("first", fail, metrics), Duty("second", go_well, metrics)]
    Loop("test", duties, 0.0, stop).run()
    assert seen == ["fails", "goes well"] * 2


def round_of(do: Callable[[], object], **options: bool) -> list[str]:
    """What a loop does that is stopped at its first pause."""
    stop, seen = threading.Event(), list[str]()

    def pause(_: float) -> None:
        seen.append("pause")
        stop.set()

    def attempt() -> object:
        seen.append("attempt")
        return do()

    closing = [lambda: seen.append("closed")]
    duty = Duty("test", attempt, Metrics())
    Loop("test", [duty], 1.0, stop, wait=pause, close=closing, **options).run()
    return seen


def test_a_loop_pauses_after_its_round_and_closes_what_it_used() -> None:
    assert round_of(lambda: None) == ["attempt", "pause", "closed"]


def test_a_loop_that_is_not_to_begin_at_once_pauses_first() -> None:
    assert round_of(lambda: None, at_once=False) == ["pause", "closed"]


def test_while_there_is_more_to_do_there_is_no_pause() -> None:
    answers = iter([True, True, False])
    assert round_of(lambda: next(answers)) == ["attempt"] * 3 + ["pause", "closed"]
