"""Deliveries that come together share a transaction; too many are refused and never lost."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy.exc import OperationalError
from waiting import PATIENCE_SECONDS, eventually

from featurewatch_receiver.deliveries import inbox
from featurewatch_receiver.deliveries.inbox import MOST_WAITING, Arrival, Batches
from featurewatch_receiver.errors import OverloadError
from receiver.in_process import Receiver, locked
from receiver.payloads import alert, payload


class Store:
    """A store that waits until it may go on; `faults` are raised for a batch with that delivery."""

    def __init__(self) -> None:
        self.stored: list[list[str]] = []
        self.faults: dict[str, Exception] = {}
        self.busy = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, arrivals: Sequence[Arrival]) -> None:
        self.busy.set()
        assert self.go_on.wait(PATIENCE_SECONDS)
        names = [arrival.packed.decode() for arrival in arrivals]
        for name in names:
            if name in self.faults:
                raise self.faults[name]
        self.stored.append(names)


def delivery(name: str) -> Arrival:
    return Arrival(packed=name.encode(), alerts=1, is_heartbeat=False)


class Senders:
    """Sends deliveries at the same time; the first one is being stored meanwhile."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.store = Store()
        self.batches = Batches(self.store)
        self._pool = pool

    def send(self, *names: str) -> list[Future[None]]:
        """The first delivery occupies the store; the others wait behind it."""
        sent = [self._pool.submit(self.batches.take, delivery("first"))]
        assert self.store.busy.wait(PATIENCE_SECONDS)
        for number, name in enumerate(names, 1):
            sent.append(self._pool.submit(self.batches.take, delivery(name)))
            eventually(lambda n=number: len(self.batches._waiting) == n)
        return sent


@pytest.fixture
def senders() -> Iterator[Senders]:
    with ThreadPoolExecutor(MOST_WAITING + 8) as pool:
        senders = Senders(pool)
        yield senders
        senders.store.go_on.set()


def test_those_that_wait_are_stored_by_one_transaction(senders: Senders) -> None:
    sent = senders.send("a", "b", "c")
    senders.store.go_on.set()
    for future in sent:
        future.result(10)
    assert senders.store.stored == [["first"], ["a", "b", "c"]]


def test_nothing_is_answered_before_it_is_stored(senders: Senders) -> None:
    sent = senders.send("a", "b")
    assert not any(future.done() for future in sent)
    senders.store.go_on.set()
    eventually(lambda: all(future.done() for future in sent))


def test_when_a_transaction_fails_all_of_it_are_refused_and_the_next_are_taken(
    senders: Senders,
) -> None:
    senders.store.faults["b"] = OperationalError("begin", {}, ValueError())
    first, *rest = senders.send("a", "b", "c")
    senders.store.go_on.set()
    first.result(10)
    assert all(isinstance(future.exception(10), OperationalError) for future in rest)
    senders.batches.take(delivery("next"))
    assert senders.store.stored == [["first"], ["next"]]


def test_one_more_than_may_wait_is_refused(senders: Senders) -> None:
    sent = senders.send(*(str(number) for number in range(MOST_WAITING)))
    with pytest.raises(OverloadError, match=f"{MOST_WAITING} deliveries wait already"):
        senders.batches.take(delivery("one more"))
    senders.store.go_on.set()
    for future in sent:
        future.result(10)
    assert "one more" not in [name for batch in senders.store.stored for name in batch]


def test_one_that_waited_too_long_is_refused_and_not_stored_later(
    senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "PATIENCE_SECONDS", 0.05)
    first, late = senders.send("late")
    assert isinstance(late.exception(10), OverloadError)
    senders.store.go_on.set()
    first.result(10)
    assert senders.store.stored == [["first"]]


def test_the_sender_is_told_to_come_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MOST_WAITING", 0)
    reply = receiver.post(payload(alert()))
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "5")
    assert reply.json == {
        "error": "receiver: is busy (0 deliveries wait already); "
        "the delivery was not stored, repeat it"
    }
    assert receiver.episodes() == []
    unavailable = 'featurewatch_receiver_deliveries_total{result="unavailable"}'
    assert receiver.metric(unavailable) == 1


def test_many_at_once_against_a_database_that_is_away_for_a_moment(receiver: Receiver) -> None:
    """Each answer is true: what was accepted is there, and nothing else is."""
    names = [f"e{number}" for number in range(40)]

    def post(name: str) -> int:
        return int(receiver.post(payload(alert(extractor=name))).status_code)

    with ThreadPoolExecutor(16) as pool:
        with locked(receiver.core):
            early = [pool.submit(post, name) for name in names[:20]]
            eventually(lambda: any(future.done() for future in early))
        late = [pool.submit(post, name) for name in names[20:]]
        statuses = [future.result(20) for future in early + late]
    assert set(statuses) <= {200, 503}
    assert 503 in statuses
    assert 200 in statuses
    accepted = {name for name, status in zip(names, statuses, strict=True) if status == 200}
    assert {episode["labels"]["extractor"] for episode in receiver.episodes()} == accepted
