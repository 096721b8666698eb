"""A clear while slots move: nothing is left behind, or it is told that something may be.

What moves atomically runs on Valkey 9 alone; `make test-cache` has it.
"""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from featurewatch_receiver.backends.redis_server import RedisServer
from featurewatch_receiver.errors import TargetRefusedError
from receiver.backends.redis.moves import Classic, atomic_state, begin_atomic, move, owned, require
from receiver.backends.redis.servers import Cluster, clear, cluster_running, eventually

KINDS = pytest.mark.parametrize("kind", ["classic", "atomic"])
KEYS = int(os.environ.get("CACHE_KEYS", "6000"))


def before_each(monkeypatch: pytest.MonkeyPatch, *acts: Callable[[], None]) -> None:
    """Let something happen once before each of the servers is emptied, in their order."""
    drop, left = RedisServer.drop, list(acts)

    def dropping(server: RedisServer, prefix: str) -> Iterator[int]:
        if left:
            left.pop(0)()
        return drop(server, prefix)

    monkeypatch.setattr(RedisServer, "drop", dropping)


def nothing() -> None:
    """Let that server be emptied as it is."""


@KINDS
def test_keys_that_move_to_a_server_already_cleared_are_cleared_too(
    cluster: Cluster, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(kind)
    cluster.fill("feat:", 3_000)
    target, _, source = cluster.servers

    def move_some() -> None:
        move(kind, cluster, owned(source)[:50], source, target)
        assert int(target.client.dbsize()) > 0

    before_each(monkeypatch, nothing, move_some)
    assert clear(source.port, cluster=True) == 3_000
    assert cluster.sizes() == [0, 0, 0]


@KINDS
def test_keys_that_are_away_while_their_server_is_cleared_and_come_back_are_cleared_too(
    cluster: Cluster, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Afterwards each server has what it had before."""
    require(kind)
    cluster.fill("feat:", 3_000)
    home, _, abroad = cluster.servers
    slots = owned(home)[-50:]

    def come_back() -> None:
        move(kind, cluster, slots, abroad, home)
        assert int(home.client.dbsize()) > 0

    before_each(monkeypatch, lambda: move(kind, cluster, slots, home, abroad), come_back)
    assert clear(home.port, cluster=True) == 3_000
    assert cluster.sizes() == [0, 0, 0]


@KINDS
def test_a_server_that_gives_its_last_slot_away_meanwhile_fails_nothing(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It becomes a replica of the one that has them."""
    require(kind)
    with cluster_running(tmp_path, last=200) as cluster:
        cluster.fill("feat:", 6_000)
        target, seed, source = cluster.servers
        slots = owned(source)

        def drain() -> None:
            move(kind, cluster, slots, source, target)

        before_each(monkeypatch, nothing, drain)
        assert clear(seed.port, cluster=True) == 6_000
        assert source.client.execute_command("ROLE")[0] == b"slave"
        assert target.client.dbsize() == seed.client.dbsize() == 0


@pytest.fixture
def open_move(cluster: Cluster) -> Iterator[Classic]:
    """A slot with keys, of the last server cleared, that is to go to the first one."""
    cluster.fill("feat:", 3_000)
    target, _, source = cluster.servers
    key = source.client.randomkey()
    slot = source.client.execute_command("CLUSTER", "KEYSLOT", key)
    one = Classic(cluster, slot, source, target)
    yield one
    one.undo()


def test_a_slot_that_goes_on_moving_is_told_with_its_servers(
    open_move: Classic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are at a server that does not own their slot yet, so nobody may drop them there."""
    monkeypatch.setattr("featurewatch_receiver.backends.redis.PAUSE_SECONDS", 0.01)
    before_each(monkeypatch, nothing, open_move.begin)
    with pytest.raises(TargetRefusedError) as told:
        clear(open_move.source.port, cluster=True)
    left = sum(open_move.cluster.sizes())
    assert left > 0
    places = f"127.0.0.1:{open_move.target.port}, 127.0.0.1:{open_move.source.port}"
    assert str(told.value).startswith(
        f"redis {places}: the cluster is moving slots: {3_000 - left} entries of features were "
        "dropped, others may be left; "
    )


@pytest.mark.parametrize("caches", [{"prefix": "feat:"}, {"flush": True}])
def test_an_atomic_migration_that_waits_for_its_end_hides_nothing(
    caches: dict[str, object], tmp_path: Path
) -> None:
    """Its keys are at the target already, but shown by the source alone."""
    require("atomic")
    with cluster_running(tmp_path, **{"enable-debug-command": "yes"}) as cluster:
        target, _, source = cluster.servers
        cluster.fill("feat:", 3_000)
        waits = ("DEBUG", "SLOTMIGRATION", "PREVENT-PAUSE")
        source.client.execute_command(*waits, "1")
        begin_atomic(owned(source)[:1_000], source, target)
        eventually(lambda: atomic_state(source) == b"waiting-to-pause")
        assert clear(target.port, cluster=True, caches={"features": caches}) == 3_000
        source.client.execute_command(*waits, "0")
        eventually(lambda: atomic_state(source) in {b"success", b"failed"})
        assert cluster.sizes() == [0, 0, 0]


@KINDS
@pytest.mark.parametrize("moved_before", [0, 100])
def test_a_clear_while_the_cluster_is_resharded_leaves_nothing_or_says_so(
    kind: str, moved_before: int, tmp_path: Path
) -> None:
    """An operator moves slots all the while, twenty at a time."""
    require(kind)
    with cluster_running(tmp_path) as cluster:
        cluster.fill("feat:", KEYS)
        target, _, source = cluster.servers
        slots = owned(source)[:300]
        moved = threading.Semaphore(0)

        def reshard() -> None:
            for begin in range(0, len(slots), 20):
                move(kind, cluster, slots[begin : begin + 20], source, target)
                moved.release()

        operator = threading.Thread(target=reshard)
        operator.start()
        for _ in range(moved_before // 20):
            moved.acquire()
        try:
            told = clear(target.port, cluster=True)
        except TargetRefusedError as refused:
            told = str(refused)
        finally:
            operator.join()
        left = sum(cluster.sizes())
        assert told == KEYS - left == KEYS or "the cluster is moving slots" in str(told)
        assert clear(target.port, cluster=True) == left
        assert cluster.sizes() == [0, 0, 0]
