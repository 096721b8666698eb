"""What is told when a server does not do as asked, on one line, and never the password."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from featurewatch_receiver.errors import (
    TargetAnswerInvalidError,
    TargetError,
    TargetRefusedError,
    TargetSilentError,
    TargetUnreachableError,
)
from receiver.backends.redis.servers import (
    PASSWORD,
    Server,
    clear,
    documented_user,
    eventually,
    free_port,
    running,
)


@pytest.fixture
def user(server: Server) -> Iterator[str]:
    """A user who may do what clearing by prefix needs, and no more."""
    server.client.execute_command(*documented_user())
    yield "remediator"
    server.client.execute_command("ACL", "DELUSER", "remediator")


def failure(kind: type[TargetError], act: Callable[[], object]) -> str:
    """What it fails with; the password is nowhere in it, nor in what caused it."""
    with pytest.raises(kind) as told:
        act()
    error: BaseException | None = told.value
    assert "\n" not in str(error)
    while error is not None:
        assert PASSWORD not in repr(error) + str(error)
        error = error.__cause__ or error.__context__
    return str(told.value)


def test_the_documented_user_can_clear(server: Server, user: str) -> None:
    server.fill("feat:", 700)
    server.fill("session:", 5)
    assert clear(server.port, username=user, password=PASSWORD) == 700
    assert server.client.dbsize() == 5


def test_the_documented_user_can_touch_nothing_else(server: Server, user: str) -> None:
    server.fill("session:", 5)
    caches = {"features": {"prefix": "session:"}}
    said = failure(
        TargetRefusedError,
        lambda: clear(server.port, username=user, password=PASSWORD, caches=caches),
    )
    assert said.startswith(f"redis 127.0.0.1:{server.port}: the user's ACL is too narrow (")
    assert server.client.dbsize() == 5


def test_a_command_that_the_user_may_not_use_is_named(server: Server, user: str) -> None:
    server.fill("feat:", 5)
    caches = {"features": {"flush": True}}
    said = failure(
        TargetRefusedError,
        lambda: clear(server.port, username=user, password=PASSWORD, caches=caches),
    )
    assert "ACL is too narrow" in said
    assert "dbsize" in said
    assert server.client.dbsize() == 5


@pytest.mark.parametrize("username", ["remediator", "nobody"])
def test_a_wrong_password_is_told_without_showing_it(
    server: Server, user: str, username: str
) -> None:
    wrong = PASSWORD + "-stale"
    said = failure(
        TargetRefusedError, lambda: clear(server.port, username=username, password=wrong)
    )
    assert "does not take this user name and password" in said


def test_a_missing_password_is_told(tmp_path: Path) -> None:
    with running(tmp_path, requirepass=PASSWORD) as server:
        said = failure(TargetRefusedError, lambda: clear(server.port))
        assert "does not take this user name and password (Authentication required" in said
        server.fill("feat:", 2)
        assert clear(server.port, password=PASSWORD) == 2


def test_a_hung_server_is_silent_within_the_time_of_one_request(server: Server) -> None:
    server.hang()
    began = time.monotonic()
    try:
        said = failure(TargetSilentError, lambda: clear(server.port, request_timeout="1s"))
    finally:
        server.go_on()
    assert said == f"redis 127.0.0.1:{server.port}: no answer within 1.0 s"
    assert time.monotonic() - began < 4  # redis-py's own is 5 s


def test_nobody_listening_is_unreachable() -> None:
    port = free_port()
    said = failure(TargetUnreachableError, lambda: clear(port))
    assert said.startswith(f"redis 127.0.0.1:{port}: no connection (")


def test_a_server_that_loads_its_data_refuses(tmp_path: Path) -> None:
    with running(tmp_path, rdbcompression="no") as server:
        # While it loads it listens after each KiB: each of these.
        server.client.mset({f"feat:{number}": "x" * 1_100 for number in range(3_000)})
        server.client.save()
        server.kill()
        # Microseconds a key: it loads for a minute, unless the test ends before.
        slow = {"key-load-delay": "20000", "loading-process-events-interval-bytes": "1024"}
        server.start(**slow)
        said = failure(TargetRefusedError, lambda: clear(server.port))
        assert "is still loading its data" in said


def test_a_replica_refuses(server: Server, tmp_path: Path) -> None:
    server.fill("feat:", 5)
    with running(tmp_path, replicaof=f"127.0.0.1 {server.port}") as replica:
        eventually(lambda: replica.client.dbsize() == 5)
        said = failure(TargetRefusedError, lambda: clear(replica.port))
    assert "is a replica; name its primary" in said
    assert server.client.dbsize() == 5


@contextlib.contextmanager
def answering(answer: bytes) -> Iterator[tuple[int, list[object]]]:
    """A server of something else, that says this to whoever speaks: its port, and who came."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):  # the listener is shut down
                while True:
                    connection, address = listener.accept()
                    came.append(address)
                    with connection:
                        connection.recv(4096)
                        connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1], came
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
    assert not thread.is_alive()


def test_a_server_of_another_kind_is_told_apart() -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (port, _):
        said = failure(TargetAnswerInvalidError, lambda: clear(port))
    assert said == f"redis 127.0.0.1:{port}: does not speak Redis's protocol"


def test_a_connection_that_breaks_off_is_not_tried_again_here() -> None:
    """The remediation tries again by itself, and knows until when."""
    with answering(b"") as (port, came):
        failure(TargetUnreachableError, lambda: clear(port))
        assert len(came) == 1
