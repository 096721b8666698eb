"""What the `redis` backend drops, how, and what it leaves."""

import re

import pytest

from featurewatch_receiver.backends.base import Caches
from featurewatch_receiver.backends.redis import RedisClient
from featurewatch_receiver.backends.redis_server import SLICE
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.errors import DeadlineError, TargetSilentError, TargetUnreachableError
from receiver.backends.redis.servers import Server, clear, eventually, settings


class Counted(Deadline):
    """A deadline at which something happens when it is looked at for the n-th time."""

    def __init__(self, looks: int) -> None:
        super().__init__(60)
        self.looks = looks

    def left(self) -> float:
        self.looks -= 1
        return super().left() if self.looks > 0 else self.over()

    def over(self) -> float:
        return -1.0


def test_the_backend_is_caches(server: Server) -> None:
    assert isinstance(RedisClient(settings(server.port), None, Deadline(1)), Caches)


def test_only_keys_of_the_prefix_are_dropped_and_counted(server: Server) -> None:
    server.fill("feat:", 1_200)
    server.fill("session:", 40)
    server.client.set("feat", "not of the cache")
    server.client.set("my:feat:1", "not of the cache")
    server.client.set("FEAT:1", "not of the cache")
    assert clear(server.port) == 1_200
    assert server.client.dbsize() == 43
    assert clear(server.port) == 0


def test_keys_may_hold_any_bytes(server: Server) -> None:
    names = [
        b"feat:\x00\xff",
        b"feat:*",
        b"feat:\r\nDEL x",
        b"feat:",
        b"feat:a b",
        "feat:ü".encode(),
    ]
    for name in names:
        server.client.set(name, "x")
    server.client.set(b"x", "x")
    assert clear(server.port) == len(names)
    assert server.client.keys() == [b"x"]


@pytest.mark.parametrize(
    ("prefix", "others"),
    [
        ("a*b:", ["ab:1", "axxb:1"]),
        ("a?b:", ["axb:1"]),
        ("a[bc]d:", ["abd:1", "acd:1"]),
        ("a\\*:", ["a*:1", "a:1"]),
        ("a]b:", ["ab:1"]),
        ("ü:", ["u:1"]),
    ],
)
def test_signs_of_a_glob_in_a_prefix_mean_themselves(
    server: Server, prefix: str, others: list[str]
) -> None:
    for name in [f"{prefix}1", f"{prefix}2", *others]:
        server.client.set(name, "x")
    assert clear(server.port, caches={"features": {"prefix": prefix}}) == 2
    assert sorted(key.decode() for key in server.client.scan_iter()) == sorted(others)


def test_other_databases_stay(server: Server) -> None:
    server.fill("feat:", 3)
    server.client.execute_command("COPY", "feat:0", "feat:0", "DB", "2")
    assert clear(server.port, url=f"redis://127.0.0.1:{server.port}/2") == 1
    assert server.client.dbsize() == 3


def test_a_big_cache_is_dropped_in_slices_so_that_others_are_served_in_between(
    server: Server,
) -> None:
    server.client.config_set("slowlog-log-slower-than", 0)
    server.client.config_set("slowlog-max-len", 100_000)
    server.fill("feat:", 100_000)
    server.client.slowlog_reset()
    assert clear(server.port) == 100_000
    commands = [entry["command"] for entry in server.client.slowlog_get(100_000)]
    scans = [command for command in commands if command.startswith(b"SCAN")]
    unlinks = [_words(command) for command in commands if command.startswith(b"UNLINK")]
    assert all(command.endswith(b" COUNT %d" % SLICE) for command in scans)
    # A page ends with the bucket that fills it, so that it may hold some keys more.
    assert len(unlinks) >= 100_000 / SLICE * 0.8
    assert max(unlinks) <= SLICE * 1.5 + 1
    assert {command.split()[0] for command in commands} <= {
        *(b"SCAN", b"UNLINK", b"PING", b"HELLO", b"CLIENT", b"SLOWLOG")
    }


def _words(command: bytes) -> int:
    """Words of a command; the log shows 31 and counts the others."""
    more = re.search(rb"\.\.\. \((\d+) more arguments\)$", command)
    return 31 + int(more[1]) if more else len(command.split())


def test_a_big_value_goes_in_the_background(server: Server) -> None:
    server.client.hset("feat:big", mapping={str(number): "x" for number in range(50_000)})
    before = server.client.info("memory")["lazyfreed_objects"]
    assert clear(server.port) == 1
    eventually(lambda: server.client.info("memory")["lazyfreed_objects"] > before)


def test_a_database_of_its_own_is_flushed_in_the_background_when_told_so(server: Server) -> None:
    server.fill("anything:", 700)
    server.client.config_resetstat()
    before = server.client.info("memory")["lazyfreed_objects"]
    assert clear(server.port, caches={"features": {"flush": True}}) == 700
    assert server.client.dbsize() == 0
    assert "cmdstat_scan" not in server.client.info("commandstats")
    eventually(lambda: server.client.info("memory")["lazyfreed_objects"] > before)


def test_the_time_ends_a_clear_between_two_slices_and_the_next_one_goes_on(server: Server) -> None:
    server.fill("feat:", 5_000)
    with pytest.raises(DeadlineError) as told:
        clear(server.port, deadline=Counted(4))
    left = int(server.client.dbsize())
    assert 0 < left < 5_000
    assert f"{5_000 - left} entries of features were dropped" in str(told.value)
    assert clear(server.port) == left


def test_a_server_that_goes_in_the_middle_leaves_an_unknown_outcome(server: Server) -> None:
    """When it is back, a repetition drops the rest."""

    class Killing(Counted):
        def over(self) -> float:
            server.kill()
            return 60.0

    server.fill("feat:", 5_000)
    server.client.save()
    try:
        with pytest.raises(TargetSilentError, match=rf"^redis 127\.0\.0\.1:{server.port}: "):
            clear(server.port, deadline=Killing(4))
        with pytest.raises(TargetUnreachableError, match=r"no connection \(.*refused"):
            clear(server.port)
    finally:
        server.start()
    assert clear(server.port) == 5_000
