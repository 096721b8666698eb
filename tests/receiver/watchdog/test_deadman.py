"""The dead man's switch: people are told past Alertmanager when the Watchdog does not come."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from waiting import eventually

from featurewatch_kit.demo.mailbox import Mailbox
from featurewatch_kit.demo.stand_ins import Answer, PagerDutyStandIn, SlackStandIn, StandIn
from featurewatch_receiver.errors import TellError
from featurewatch_receiver.store.schema import watch as watch_table
from featurewatch_receiver.watchdog.deadman import GAP, LEASE, DeadMansSwitch, watching
from featurewatch_receiver.watchdog.tell import News
from receiver.in_process import Receiver
from receiver.live_alertmanager import Webhook
from receiver.payloads import Json, alert

TIMEOUT = timedelta(minutes=15)
REPEAT = timedelta(hours=4)
LOOK = timedelta(seconds=15)
FAILURES = "featurewatch_receiver_watchdog_tell_failures_total"
HEARTBEAT = {"severity": "none", "category": "featurewatch"}


class Way:
    """A way to people that remembers what was told, and fails when a test says so."""

    def __init__(self) -> None:
        self.told: list[bool] = []
        self.fails = False

    def __call__(self, news: News) -> None:
        if self.fails:
            raise TellError("the way is blocked")
        self.told.append(news.missing)


class SlowWay(Way):
    """One that takes its time: until all others have looked, and two seconds at most."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end = threading.Event()

    def __call__(self, news: News) -> None:
        self.may_end.wait(2)
        super().__call__(news)


class Watch:
    """A receiver with a switch that tells by one way."""

    def __init__(self, receiver: Receiver, way: Way) -> None:
        self.receiver = receiver
        self._clock = receiver.clock
        self.way = way
        self.switch = DeadMansSwitch(receiver.core, {"way": way})

    def look(self, after: timedelta = timedelta()) -> list[bool]:
        """Look every 15 seconds, the last time so much later; what was told by now."""
        end = self._clock.now + after
        while self._clock.now < end:
            self._clock.now = min(end, self._clock.now + LOOK)
            self.switch.look()
        if not after:
            self.switch.look()
        return self.way.told

    def hear(self) -> None:
        self.receiver.deliver(alert("Watchdog", **HEARTBEAT))


@pytest.fixture
def way() -> Way:
    return Way()


@pytest.fixture
def watch(receiver: Receiver, way: Way) -> Watch:
    return Watch(receiver, way)


def test_it_is_told_once_when_the_heartbeat_stays_out(watch: Watch) -> None:
    watch.look()
    watch.hear()
    assert watch.look(TIMEOUT) == []
    assert watch.look(LOOK) == [True]
    assert watch.look(REPEAT - LOOK) == [True]
    assert watch.look(LOOK) == [True, True]


def test_it_is_told_once_that_the_heartbeat_is_back(watch: Watch) -> None:
    watch.hear()
    watch.look()
    watch.look(TIMEOUT + LOOK)
    watch.hear()
    assert watch.look(LOOK) == [True, False]
    assert watch.look(TIMEOUT - LOOK) == [True, False]
    assert watch.look(LOOK) == [True, False, True]


def test_nothing_is_told_while_it_comes(watch: Watch) -> None:
    for _ in range(10):
        watch.hear()
        assert watch.look(TIMEOUT) == []


def test_a_receiver_that_starts_while_prometheus_is_dead_says_so_after_the_timeout(
    watch: Watch,
) -> None:
    assert watch.look() == []
    assert watch.look(TIMEOUT) == []
    assert watch.look(LOOK) == [True]


def test_a_receiver_that_was_away_itself_waits_anew(watch: Watch) -> None:
    watch.hear()
    watch.look()
    watch.receiver.clock.now += timedelta(hours=9)
    assert watch.look() == watch.look(TIMEOUT) == []
    assert watch.look(LOOK) == [True]


@pytest.mark.parametrize("anew", [False, True])
def test_a_clock_that_was_set_back_makes_it_wait_anew_and_not_for_hours(
    watch: Watch, anew: bool
) -> None:
    """The same process goes on looking, or another one after it."""
    watch.hear()
    watch.look()
    watch.receiver.clock.now -= timedelta(hours=5)
    if anew:
        watch = Watch(watch.receiver, watch.way)
    assert watch.look() == watch.look(TIMEOUT) == []
    assert watch.look(LOOK) == [True]


def test_a_clock_that_was_set_back_raises_no_alarm_while_the_heartbeat_comes(watch: Watch) -> None:
    watch.hear()
    watch.look()
    watch.receiver.clock.now -= timedelta(hours=5)
    for _ in range(3):
        assert watch.look(TIMEOUT) == []
        watch.hear()


def test_short_restarts_do_not_begin_the_waiting_anew(watch: Watch) -> None:
    watch.hear()
    watch.look()
    for _ in range(6):
        watch.look(timedelta(minutes=1))
        watch.receiver.clock.now += GAP - LOOK
        watch = Watch(watch.receiver, watch.way)
        watch.look()
    assert watch.way.told == [True]


def test_a_restart_tells_nothing_twice_and_claims_no_recovery(watch: Watch) -> None:
    watch.look()
    watch.look(TIMEOUT + LOOK)
    watch.receiver.clock.now += timedelta(hours=1)
    again = Watch(watch.receiver, watch.way)
    assert again.look(TIMEOUT + timedelta(minutes=30)) == [True]
    again.hear()
    assert again.look(LOOK) == [True, False]


def test_a_way_that_fails_is_tried_again_counted_and_logged_once(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = f'{FAILURES}{{path="way"}}'
    assert watch.receiver.metric(failures) == 0
    watch.way.fails = True
    watch.look()
    watch.look(TIMEOUT + 3 * LOOK)
    assert watch.receiver.metric(failures) == 3
    said = [record.message for record in caplog.records]
    assert said.count("watchdog can't be told") == 1
    watch.way.fails = False
    assert watch.look(LOOK) == [True]
    watch.way.fails = True
    watch.hear()
    watch.look(LOOK)
    watch.way.fails = False
    assert watch.look(LOOK) == [True, False]


def test_a_way_that_fails_keeps_no_other_one(receiver: Receiver) -> None:
    bad, good = Way(), Way()
    bad.fails = True
    switch = DeadMansSwitch(receiver.core, {"bad": bad, "good": good})
    switch.look()
    for _ in range(62):
        receiver.clock.now += LOOK
        switch.look()
    assert (bad.told, good.told) == ([], [True])


# --- Several receivers ----------------------------------------------------------------------


def test_of_two_receivers_one_tells_and_the_other_takes_over(
    make_receiver: Callable[[], Receiver], way: Way
) -> None:
    first, second = Watch(make_receiver(), way), Watch(make_receiver(), way)

    def both(after: timedelta) -> list[bool]:
        end = first.receiver.clock.now + after
        while first.receiver.clock.now < end:
            first.receiver.clock.now += LOOK
            second.receiver.clock.now = first.receiver.clock.now
            for watch in (second, first):
                watch.switch.look()
        return way.told

    first.look()
    assert both(TIMEOUT) == []
    assert both(LOOK) == [True]
    second.hear()
    assert both(LOOK) == [True, False]
    # The first one is gone; nobody waits anew for that.
    assert second.look(LEASE) == [True, False]
    assert second.look(TIMEOUT - LEASE + LOOK) == [True, False, True]


def test_two_processes_that_look_at_once_tell_once(
    make_receiver: Callable[[], Receiver],
) -> None:
    way = SlowWay()
    watches = [Watch(make_receiver(), way) for _ in range(4)]

    def all_look() -> None:
        way.may_end.clear()
        threads = [threading.Thread(target=watch.switch.look) for watch in watches]
        for thread in threads:
            thread.start()
        eventually(lambda: sum(thread.is_alive() for thread in threads) <= 1)
        way.may_end.set()
        for thread in threads:
            thread.join()

    for _ in range(61):
        all_look()
        for watch in watches:
            watch.receiver.clock.now += LOOK
    all_look()
    assert way.told == [True]


# --- What is sent ---------------------------------------------------------------------------


class Refusing(StandIn):
    """A webhook that is broken."""

    channel = "refusing"
    path = "/secret-path"

    def answer(self, body: bytes) -> Answer:
        return Answer(status=500, body="broken\nagain")


@pytest.fixture
def services() -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        kinds = {
            "webhook": Webhook,
            "slack": SlackStandIn,
            "pagerduty": PagerDutyStandIn,
            "email": Mailbox,
            "refusing": Refusing,
        }
        yield {name: stack.enter_context(kind()) for name, kind in kinds.items()}


@pytest.fixture
def tell(settings: Json, services: dict[str, Any], tmp_path: Path) -> Json:
    """Settings of every way, on services of this machine."""
    files = {
        "webhook_url_file": services["webhook"].url,
        "slack_api_url_file": services["slack"].url,
        "pagerduty_routing_key_file": "k" * 32,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text + "\n")
    mail = {
        "to": "on-call@example.com",
        "from": "monitoring@example.com",
        "smarthost": services["email"].address,
        "require_tls": False,
        "username": None,
        "password_file": None,
    }
    tell: Json = {name: str(tmp_path / name) for name in files}
    tell |= {"pagerduty_url": services["pagerduty"].url, "email": mail}
    settings["watchdog"] = {"enabled": True, "timeout": "15m", "repeat": "4h", "tell": tell}
    return tell


def missing_and_back(receiver: Receiver) -> None:
    switch = DeadMansSwitch(receiver.core)
    switch.look()
    for _ in range(62):
        receiver.clock.now += LOOK
        switch.look()
    receiver.deliver(alert("Watchdog", **HEARTBEAT))
    switch.look()


def test_every_way_is_told_in_its_own_format(
    tell: Json, services: dict[str, Any], make_receiver: Callable[[], Receiver]
) -> None:
    missing_and_back(make_receiver())
    source = "http://localhost:9099"
    missing, back = services["webhook"].messages()
    assert (missing["event"], missing["status"]) == ("watchdog_missing", "firing")
    assert (missing["source"], missing["heard_at"]) == (source, None)
    assert (back["event"], back["status"]) == ("watchdog_back", "resolved")
    assert datetime.fromisoformat(back["at"]).tzinfo
    trouble = f"[CRITICAL] Watchdog missing: {source} hears nothing"
    texts = [message["text"] for message in services["slack"].messages()]
    assert [text.splitlines()[0] for text in texts] == [
        f"🔴 *{trouble}*",
        f"✅ *[RESOLVED] Watchdog back: {source} hears it again*",
    ]
    trigger, resolve = services["pagerduty"].messages()
    assert trigger["payload"]["summary"] == trouble
    assert (trigger["payload"]["severity"], trigger["payload"]["source"]) == ("critical", source)
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"]
    assert trigger["routing_key"] == resolve["routing_key"] == "k" * 32
    first, second = services["email"].messages()
    assert (first["To"], first["From"]) == ("on-call@example.com", "monitoring@example.com")
    assert first["Subject"] == trouble
    assert "last arrived: never" in first.get_content()
    assert second["Subject"].startswith("[RESOLVED]")


def test_without_any_way_it_is_in_the_log(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    missing_and_back(receiver)
    said = [record.message for record in caplog.records]
    assert (said.count("watchdog missing"), said.count("watchdog back")) == (1, 1)


@pytest.mark.parametrize(
    ("key", "text", "reason"),
    [
        ("webhook_url_file", "{refusing}", "the URL answered 500"),
        ("webhook_url_file", "http://127.0.0.1:1/secret-path", "the URL can't be reached"),
        ("webhook_url_file", "no-url/secret-path", "can't be reached"),
        ("webhook_url_file", "", "is empty; write the URL or key into it"),
        ("webhook_url_file", None, "can't be read (No such file or directory)"),
        ("email", "127.0.0.1:1", "the mail server 127.0.0.1:1 did not take it"),
    ],
)
def test_what_goes_wrong_is_one_line_without_the_secret(  # noqa: PLR0913, PLR0917  # fixtures
    key: str,
    text: str | None,
    reason: str,
    tell: Json,
    services: dict[str, Any],
    make_receiver: Callable[[], Receiver],
    caplog: pytest.LogCaptureFixture,
) -> None:
    if key == "email":
        tell["email"]["smarthost"] = text
    elif text is None:
        Path(tell[key]).unlink()
    else:
        Path(tell[key]).write_text(text.format(refusing=services["refusing"].url))
    receiver = make_receiver()
    missing_and_back(receiver)
    (said,) = [r for r in caplog.records if r.message == "watchdog can't be told"]
    assert said.exc_info
    line = str(said.exc_info[1])
    assert reason in line
    assert "secret-path" not in line
    assert "\n" not in line
    assert len(services["slack"].messages()) == 2
    name = "email" if key == "email" else "webhook"
    assert receiver.metric(f'{FAILURES}{{path="{name}"}}') > 0


# --- The loop, and the heartbeat ------------------------------------------------------------


def test_the_loop_tells_by_itself(
    tell: Json, services: dict[str, Any], make_receiver: Callable[[], Receiver]
) -> None:
    receiver = make_receiver()
    stop = threading.Event()
    loop = watching(receiver.core, stop, 0.02)
    assert loop
    loop.start()
    try:
        eventually(lambda: looked_at(receiver))
        for _ in range(9):
            before = looked_at(receiver)
            receiver.clock.now += GAP - LOOK
            eventually(lambda before=before: looked_at(receiver) != before)  # type: ignore[misc]
        eventually(services["slack"].messages)
    finally:
        stop.set()
        loop.join()
    assert len(services["slack"].messages()) == 1


def looked_at(receiver: Receiver) -> Any:
    with receiver.core.reader.begin() as connection:
        return connection.scalar(select(watch_table.c.looked_at))


def test_a_file_that_is_missing_is_told_at_the_start(
    tell: Json, make_receiver: Callable[[], Receiver], caplog: pytest.LogCaptureFixture
) -> None:
    Path(tell["slack_api_url_file"]).unlink()
    stop = threading.Event()
    stop.set()
    assert watching(make_receiver().core, stop)
    (said,) = [r for r in caplog.records if r.message == "watchdog can't be told"]
    assert said.exc_info
    assert "slack_api_url_file: can't be read" in str(said.exc_info[1])


def test_a_switch_that_is_off_looks_at_nothing(
    settings: Json, make_receiver: Callable[[], Receiver]
) -> None:
    settings["watchdog"] = {"enabled": False}
    receiver = make_receiver()
    assert watching(receiver.core, threading.Event()) is None


def test_when_the_heartbeat_came_is_known_to_every_process_and_after_a_restart(
    make_receiver: Callable[[], Receiver],
) -> None:
    line = "featurewatch_receiver_watchdog_timestamp_seconds"
    first = make_receiver()
    assert first.metric(line) == 0
    first.deliver(alert("Watchdog", **HEARTBEAT))
    assert make_receiver().metric(line) == first.clock.now.timestamp()
