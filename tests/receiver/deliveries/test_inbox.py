"""Deliveries between their answer and their effect: none is lost, none counts twice."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from waiting import eventually

from featurewatch_receiver.deliveries import inbox, processor
from featurewatch_receiver.deliveries.apply import accept
from featurewatch_receiver.history.retention import delete_old
from featurewatch_receiver.store import schema
from featurewatch_receiver.store.schema import episodes
from receiver.in_process import Receiver, locked
from receiver.payloads import Json, alert, at, payload

CACHE = "FeatureExtractionCacheHitRateLow"
PREFIX = "featurewatch_receiver_inbox"


def send(receiver: Receiver, *names: str) -> None:
    """A delivery for each extractor, left in the inbox."""
    for name in names:
        assert receiver.send(payload(alert(extractor=name))).status_code == 200


def known(receiver: Receiver) -> list[str]:
    """The extractors of all episodes, in the order in which they were made."""
    with receiver.core.reader.begin() as connection:
        return list(connection.scalars(select(episodes.c.extractor).order_by(episodes.c.id)))


def waiting(receiver: Receiver) -> tuple[float, float]:
    """How many deliveries wait, and how many were set aside."""
    gauges = ("deliveries", "set_aside_deliveries")
    waits, aside = (receiver.metric(f"{PREFIX}_{name}") for name in gauges)
    return waits, aside


class Bug:
    """Takes deliveries in as always, except those of one extractor."""

    def __init__(self, error: Exception, times: int = 1_000_000) -> None:
        self.error = error
        self.times = times
        self.tried: list[list[str]] = []

    def __call__(self, core: Any, queue: Any, connection: Any, deliveries: Any) -> Any:
        alerts = [a for delivery in deliveries for a in delivery.webhook["alerts"]]
        self.tried.append([a["labels"]["extractor"] for a in alerts])
        receipt = accept(core, queue, connection, deliveries)
        if "bad" in self.tried[-1] and self.times:
            self.times -= 1
            raise self.error
        return receipt


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Bug], Bug]:
    def install(bug: Bug) -> Bug:
        monkeypatch.setattr(processor, "accept", bug)
        return bug

    return install


def test_what_is_answered_is_on_disk_and_waits_for_its_turn(
    make_receiver: Callable[[], Receiver],
) -> None:
    first = make_receiver()
    send(first, "a", "b")
    assert (known(first), waiting(first)) == ([], (2, 0))
    another = make_receiver()  # on the same database: the first one is as good as dead
    another.apply()
    assert (known(another), waiting(another)) == (["a", "b"], (0, 0))
    first.apply()
    assert known(first) == ["a", "b"]


def test_the_gauge_tells_how_long_the_oldest_has_waited(receiver: Receiver) -> None:
    send(receiver, "a")
    receiver.clock.now += timedelta(seconds=30)
    send(receiver, "b")
    assert receiver.metric(f"{PREFIX}_oldest_delivery_age_seconds") == 30
    receiver.apply()
    assert receiver.metric(f"{PREFIX}_oldest_delivery_age_seconds") == 0


def test_the_time_of_arrival_counts_and_not_that_of_its_turn(receiver: Receiver) -> None:
    """No time of an alert is later than its arrival; a clock ahead of ours is none of the truth."""
    receiver.clock.now = at(10)
    receiver.send(payload(alert(start=at(40))))
    receiver.clock.now = at(60)
    receiver.apply()
    assert receiver.episodes()[0]["started_at"] == "2026-01-02T03:10:00.000Z"


def test_a_heartbeat_counts_before_its_turn(receiver: Receiver) -> None:
    watchdog = alert("Watchdog", severity="none", category="featurewatch")
    assert receiver.send(payload(watchdog)).status_code == 200
    heard = receiver.metric("featurewatch_receiver_watchdog_timestamp_seconds")
    assert heard == receiver.clock.now.timestamp()


def test_few_large_deliveries_or_many_small_ones_share_a_transaction(
    receiver: Receiver, install: Callable[[Bug], Bug], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "_MOST_ALERTS", 3)
    seen = install(Bug(ValueError())).tried
    send(receiver, "a", "b")
    assert receiver.send(payload(*(alert(extractor=f"c{n}") for n in range(4)))).status_code == 200
    send(receiver, "d")
    receiver.apply()
    assert [group for group in seen if group] == [["a", "b"], ["c0", "c1", "c2", "c3"], ["d"]]


def test_a_delivery_that_can_not_be_applied_is_told_and_kept_and_holds_up_no_other(
    receiver: Receiver, install: Callable[[Bug], Bug], caplog: pytest.LogCaptureFixture
) -> None:
    bug = install(Bug(ValueError("nobody thought of that")))
    send(receiver, "a", "bad", "b")
    receiver.apply()
    assert known(receiver) == ["a", "b"]
    assert bug.tried.count(["bad"]) == processor.ATTEMPTS
    assert waiting(receiver) == (0, 1)
    assert caplog.text.count("delivery set aside") == 1
    row = text("SELECT fault FROM inbox")
    with receiver.core.reader.begin() as connection:
        assert connection.scalar(row) == "ValueError('nobody thought of that')"


def test_what_was_set_aside_is_applied_when_its_fault_is_erased(
    receiver: Receiver, install: Callable[[Bug], Bug], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(Bug(ValueError()))
    send(receiver, "bad")
    receiver.apply()
    monkeypatch.setattr(processor, "accept", accept)
    receiver.apply()
    assert known(receiver) == []
    with receiver.core.writer.begin() as connection:
        connection.execute(text("UPDATE inbox SET fault = NULL"))
    receiver.apply()
    assert (known(receiver), waiting(receiver)) == (["bad"], (0, 0))


def test_what_was_set_aside_is_deleted_with_the_history_of_its_time(
    working: Receiver, install: Callable[[Bug], Bug]
) -> None:
    install(Bug(ValueError()))
    send(working, "bad")
    eventually(lambda: waiting(working) == (0, 1))
    workflows = working.worker._workflows  # type: ignore[union-attr]
    for days, left in ((29, 1), (2, 0)):
        working.clock.now += timedelta(days=days)
        delete_old(working.core, workflows)
        assert waiting(working) == (0, left)


def test_a_fault_of_the_database_is_waited_for(
    receiver: Receiver, install: Callable[[Bug], Bug]
) -> None:
    away = OperationalError("insert", {}, ValueError("lock timeout"))
    install(Bug(away, times=processor.DATABASE_ATTEMPTS - 1))
    send(receiver, "a", "bad", "b")
    receiver.apply()
    assert (known(receiver), waiting(receiver)) == (["a", "bad", "b"], (0, 0))


def test_nothing_is_set_aside_while_the_database_is_away(receiver: Receiver) -> None:
    send(receiver, "a")
    with locked(receiver.core), pytest.raises(OperationalError):
        receiver.processor.step()
    assert waiting(receiver) == (1, 0)
    receiver.apply()
    assert known(receiver) == ["a"]


@pytest.mark.parametrize(("bound", "most"), [("MOST_DELIVERIES", 2), ("MOST_BYTES", 1_000)])
def test_a_full_inbox_refuses_until_there_is_room(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(inbox, bound, most)
    monkeypatch.setattr(inbox, "_COUNT_SECONDS", 0)
    send(receiver, "a", "b")
    reply = receiver.send(payload(alert(extractor="c")))
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "5")
    assert reply.json == {
        "error": "receiver: is busy (its inbox is full); the delivery was not stored, repeat it"
    }
    receiver.apply()
    send(receiver, "c")
    receiver.apply()
    assert known(receiver) == ["a", "b", "c"]


@pytest.mark.parametrize("number", [1, 50])
def test_small_and_large_deliveries_are_applied_as_they_came(
    receiver: Receiver, number: int
) -> None:
    """Fifty alerts are packed, one is not."""
    names = [f"extractor_{place:02}" for place in range(number)]
    sent = payload(*(alert(extractor=name) for name in names))
    receiver.send(sent)
    size = len(json.dumps(sent).encode())
    with receiver.core.reader.begin() as connection:
        stored = connection.scalar(select(func.sum(schema.inbox.c.size)))
    assert stored == size if number == 1 else 0 < stored < size / 4
    receiver.apply()
    assert sorted(known(receiver)) == names


def test_the_worker_applies_at_once_what_arrives_and_soon_what_others_took_in(
    working: Receiver, make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    send(working, "a")
    eventually(lambda: known(working) == ["a"])
    other = make_receiver()
    send(other, "b")
    eventually(lambda: known(working) == ["a", "b"])


def test_those_that_arrive_together_go_first_but_not_for_ever(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second passes with each look."""
    send(receiver, "a")
    looks = []

    def look_again(_: float) -> bool:
        looks.append(receiver.clock.now)
        receiver.clock.now += timedelta(seconds=1)
        return False

    monkeypatch.setattr(receiver.processor._stop, "wait", look_again)
    assert receiver.processor._wait_for_turn()
    assert len(looks) == 0
    receiver.core.arrivals.came(2)
    monkeypatch.setattr(receiver.core.arrivals, "_crowded_until", float("inf"))
    assert receiver.processor._wait_for_turn()
    assert len(looks) == processor.GIVE_WAY_SECONDS + 1


def test_a_body_is_kept_as_it_came(receiver: Receiver) -> None:
    body = json.dumps(payload(alert(note="\N{SNOWMAN}\0")), indent=1).encode()
    assert receiver.send(body).status_code == 200
    with receiver.core.reader.begin() as connection:
        (row,) = inbox.oldest(connection, 100)
    assert (row.body, row.received_at) == (body, receiver.clock.now)
