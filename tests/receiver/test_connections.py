"""Slow and silent clients take nothing from others: deliveries and health are answered."""

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from waiting import PATIENCE_SECONDS, eventually

from featurewatch_receiver.connections import MOST_SILENT, OTHER_THREADS, THREADS
from receiver.payloads import Json, alert, payload
from receiver.processes import Replica

ASKS = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
EVERY_THREAD = THREADS + OTHER_THREADS


class Crowd:
    """Connections to one receiver."""

    def __init__(self, url: str, stack: contextlib.ExitStack) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._place = (host, int(port))
        self._stack = stack
        self.members: list[socket.socket] = []

    def join(self, number: int, says: bytes = b"") -> None:
        for _ in range(number):
            member = socket.create_connection(self._place, timeout=PATIENCE_SECONDS)
            self._stack.enter_context(member)
            member.sendall(says)
            self.members.append(member)

    def ask_and_never_read(self) -> None:
        """Each asks again and again, on a connection that takes next to nothing in."""
        for member in self.members:
            member.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            threading.Thread(target=_asking, args=(member,), daemon=True).start()

    def gone(self) -> int:
        """How many were hung up on."""
        poll = select.poll()
        for member in self.members:
            poll.register(member, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
        return len(poll.poll(0))


def _asking(member: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            member.sendall(ASKS * 20)


@pytest.fixture
def served(
    settings: Json, write_config: Callable[[], Path], tmp_path: Path
) -> Iterator[tuple[Replica, Crowd]]:
    settings["receiver"]["listen"] = "127.0.0.1:0"
    receiver = Replica(write_config(), tmp_path / "log")
    with contextlib.ExitStack() as stack:
        stack.callback(receiver.kill)
        receiver.ready()
        yield receiver, Crowd(receiver.url, stack)


def test_a_storm_waits_for_its_turn_and_is_not_refused(served: tuple[Replica, Crowd]) -> None:
    receiver, _ = served

    def send(number: int) -> set[int]:
        return {receiver.post(payload(alert(f"A{number}"), alert(f"B{n}"))) for n in range(4)}

    with ThreadPoolExecutor(2 * THREADS) as pool:
        answers = list(pool.map(send, range(2 * THREADS)))
    assert set().union(*answers) == {200}


@pytest.mark.parametrize("says", [b"", ASKS[:-2]], ids=["silent", "half a request"])
def test_who_sends_no_whole_request_has_no_thread(
    served: tuple[Replica, Crowd], says: bytes
) -> None:
    """They have not even been hung up on when all is answered."""
    receiver, crowd = served
    crowd.join(2 * EVERY_THREAD, says)
    assert receiver.answers("/healthz")
    assert receiver.post(payload(alert())) == 200
    assert crowd.gone() == 0
    assert len(crowd.members) < MOST_SILENT


def test_of_more_silent_ones_than_are_kept_the_oldest_goes(served: tuple[Replica, Crowd]) -> None:
    receiver, crowd = served
    crowd.join(MOST_SILENT + 40)
    assert receiver.answers("/healthz")
    eventually(lambda: crowd.gone() >= 40)


def test_who_never_reads_an_answer_is_hung_up_on_and_holds_nobody_up(
    served: tuple[Replica, Crowd],
) -> None:
    receiver, crowd = served
    crowd.join(THREADS + 4)
    crowd.ask_and_never_read()
    assert receiver.answers("/healthz")
    assert receiver.post(payload(alert())) == 200
    eventually(lambda: crowd.gone() >= OTHER_THREADS)
    assert receiver.answers("/metrics")
