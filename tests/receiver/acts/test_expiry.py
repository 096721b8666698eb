"""Acknowledgements end with their alerts: on the real Alertmanager, with a clock of our own."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

import pytest
from waiting import eventually

from featurewatch_receiver.acts import expiry
from featurewatch_receiver.acts.expiry import GONE_SECONDS, Sweeper
from featurewatch_receiver.clients.alertmanager import Alertmanager
from featurewatch_receiver.errors import AlertmanagerError
from featurewatch_receiver.silences.acknowledgement import Acknowledger, Kind, Note
from receiver.in_process import Receiver
from receiver.live_alertmanager import ALERT, LiveAlertmanager
from receiver.payloads import Json

NOTE = Note(user="ada", reason="looking into it")
FAILURES = "featurewatch_receiver_sweep_failures_total"
AWAY = ("duty waits", "acknowledgements")
BACK = ("duty goes on", "acknowledgements")


class Sweeps:
    """A sweeper, and the seconds that its clock shows."""

    def __init__(self, client: Alertmanager) -> None:
        self.now = 1000.0
        self._sweeper = Sweeper(client, lambda: self.now)

    def after(self, seconds: float) -> list[str]:
        """Sweep so many seconds later; ids of what ended."""
        self.now += seconds
        return [made.id for made in self._sweeper.sweep()]


@pytest.fixture
def sweeps(client: Alertmanager) -> Sweeps:
    return Sweeps(client)


@pytest.fixture
def acknowledger(client: Alertmanager) -> Acknowledger:
    return Acknowledger(client)


@pytest.mark.parametrize("kind", [Kind.ACK, Kind.RESOLVE])
def test_it_ends_when_its_alert_has_been_gone_for_two_minutes(
    live: LiveAlertmanager, acknowledger: Acknowledger, sweeps: Sweeps, kind: Kind
) -> None:
    live.fire()
    made = acknowledger.acknowledge(ALERT, NOTE, kind)
    assert sweeps.after(0) == []
    live.end()
    assert sweeps.after(3600) == []
    assert sweeps.after(GONE_SECONDS - 1) == []
    assert [found.id for found in acknowledger.current()] == [made.id]
    assert sweeps.after(1) == [made.id]
    assert live.silences() == []
    assert GONE_SECONDS == 120


def test_it_does_not_end_while_any_level_of_its_alert_fires(
    live: LiveAlertmanager, acknowledger: Acknowledger, sweeps: Sweeps
) -> None:
    live.fire(level=1)
    acknowledger.acknowledge(ALERT, NOTE)
    live.end()
    live.fire(level=2, severity="high")
    assert sweeps.after(0) == sweeps.after(3600) == sweeps.after(3600) == []
    assert len(acknowledger.current()) == 1


def test_another_alert_does_not_keep_it(
    live: LiveAlertmanager, acknowledger: Acknowledger, sweeps: Sweeps
) -> None:
    live.fire()
    made = acknowledger.acknowledge(ALERT, NOTE)
    live.end()
    live.fire(extractor="other")
    assert sweeps.after(0) == []
    assert sweeps.after(GONE_SECONDS) == [made.id]


def test_an_alert_that_comes_back_in_time_stays_acknowledged(
    live: LiveAlertmanager, acknowledger: Acknowledger, sweeps: Sweeps
) -> None:
    live.fire()
    made = acknowledger.acknowledge(ALERT, NOTE)
    live.end()
    assert sweeps.after(0) == []
    live.fire()
    assert sweeps.after(GONE_SECONDS - 1) == []
    live.end()
    assert sweeps.after(1) == sweeps.after(GONE_SECONDS - 1) == []
    assert sweeps.after(1) == [made.id]


def test_the_next_episode_escalates_again(
    live: LiveAlertmanager, acknowledger: Acknowledger, sweeps: Sweeps
) -> None:
    live.fire()
    acknowledger.acknowledge(ALERT, NOTE)
    live.end()
    sweeps.after(0)
    sweeps.after(GONE_SECONDS)
    live.fire(level=1)
    live.fire(level=2)
    live.wait_told(level=2)


def test_an_alertmanager_that_has_just_started_ends_nothing(
    live: LiveAlertmanager, acknowledger: Acknowledger, sweeps: Sweeps
) -> None:
    """It has its silences, but no alert until Prometheus sends it again, within a minute."""
    live.fire()
    acknowledger.acknowledge(ALERT, NOTE)
    assert sweeps.after(0) == []
    live.stop()
    live.start()
    assert sweeps.after(15) == sweeps.after(60) == []
    live.send_again()
    assert sweeps.after(GONE_SECONDS) == sweeps.after(GONE_SECONDS) == []
    assert len(acknowledger.current()) == 1


def test_what_was_seen_before_a_restart_does_not_count(
    live: LiveAlertmanager, acknowledger: Acknowledger, sweeps: Sweeps
) -> None:
    live.fire()
    made = acknowledger.acknowledge(ALERT, NOTE)
    live.end()
    assert sweeps.after(0) == []
    live.stop()
    live.start()
    assert sweeps.after(GONE_SECONDS) == sweeps.after(GONE_SECONDS - 1) == []
    assert sweeps.after(1) == [made.id]


def test_what_was_seen_before_an_outage_does_not_count(
    live: LiveAlertmanager,
    acknowledger: Acknowledger,
    sweeps: Sweeps,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The network was away, Alertmanager was not: the alert may have been back in between."""
    live.fire()
    made = acknowledger.acknowledge(ALERT, NOTE)
    live.end()
    assert sweeps.after(0) == []
    with monkeypatch.context() as away:
        away.setattr(Alertmanager, "_send", _unreachable)
        with pytest.raises(AlertmanagerError):
            sweeps.after(15)
    assert sweeps.after(GONE_SECONDS) == []
    assert sweeps.after(GONE_SECONDS) == [made.id]


def _unreachable(*_: object, **__: object) -> bytes:
    raise AlertmanagerError("Alertmanager can't be reached")


# --- The loop in the receiver ---------------------------------------------------------------


@contextlib.contextmanager
def sweeping(receiver: Receiver) -> Iterator[None]:
    """The loop of the receiver, in a hurry."""
    stop = threading.Event()
    loop = expiry.sweeping(receiver.core, stop, 0.02)
    assert loop
    loop.start()
    try:
        yield
    finally:
        stop.set()
        loop.join()


def test_an_outage_is_logged_once_counted_and_survived(
    live: LiveAlertmanager,
    settings: Json,
    make_receiver: Callable[[], Receiver],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def said(event: tuple[str, str]) -> int:
        told = [(r.message, getattr(r, "fields", {}).get("duty")) for r in caplog.records]
        return told.count(event)

    caplog.set_level(logging.INFO)
    settings["receiver"]["alertmanager_url"] = live.url
    receiver = make_receiver()
    live.stop()
    assert receiver.metric(FAILURES) == 0
    with sweeping(receiver):
        eventually(lambda: receiver.metric(FAILURES) > 3)
        assert (said(AWAY), said(BACK)) == (1, 0)
        live.start()
        eventually(lambda: said(BACK))
        live.stop()
        eventually(lambda: said(AWAY) == 2)
    assert said(BACK) == 1


def test_the_receiver_ends_what_is_over(
    live: LiveAlertmanager,
    acknowledger: Acknowledger,
    settings: Json,
    make_receiver: Callable[[], Receiver],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("featurewatch_receiver.acts.expiry.GONE_SECONDS", 0.2)
    settings["receiver"]["alertmanager_url"] = live.url
    live.fire()
    acknowledger.acknowledge(ALERT, NOTE)
    live.end()
    with sweeping(make_receiver()):
        eventually(lambda: acknowledger.current() == [])


def test_the_worker_sweeps_and_stops_though_alertmanager_is_away(
    live: LiveAlertmanager, settings: Json, make_receiver: Callable[[], Receiver]
) -> None:
    live.stop()
    settings["receiver"]["alertmanager_url"] = live.url
    receiver = make_receiver()
    receiver.start()
    eventually(lambda: receiver.metric(FAILURES) > 0)
    receiver.stop()
    names = [thread.name for thread in threading.enumerate()]
    assert "sweeper" not in names


def test_without_an_address_nothing_is_swept(receiver: Receiver) -> None:
    assert expiry.sweeping(receiver.core, threading.Event()) is None
