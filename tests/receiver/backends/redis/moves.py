"""Moves of slots between the servers of a cluster, as an operator makes them."""

import contextlib
import re

import pytest
import redis
import waiting

from receiver.backends.redis.servers import Cluster, Server, eventually, version


def owned(server: Server) -> list[int]:
    """The slots of a server, by its own word."""
    return [
        slot
        for first, last, node, *_ in server.client.execute_command("CLUSTER", "SLOTS")
        if node[2] == _id(server)
        for slot in range(first, last + 1)
    ]


def move(kind: str, cluster: Cluster, slots: list[int], source: Server, target: Server) -> None:
    """Move slots and their keys, the one or the other way, until both servers know it."""
    if kind == "atomic":
        begin_atomic(slots, source, target)
        waiting.eventually(lambda: atomic_state(source) == b"success")
    else:
        for slot in slots:
            Classic(cluster, slot, source, target).all_of_it()
    eventually(lambda: not set(slots) & set(owned(source)) and set(slots) <= set(owned(target)))


def begin_atomic(slots: list[int], source: Server, target: Server) -> None:
    """Tell a server to hand slots over as a whole; Valkey can since 9."""
    ranges = [str(slots[0]), str(slots[-1])]
    assert len(slots) == slots[-1] - slots[0] + 1
    words = ["MIGRATESLOTS", "SLOTSRANGE", *ranges, "NODE", _id(target)]
    source.client.execute_command("CLUSTER", *words)


def atomic_state(source: Server) -> bytes:
    """What became of the last migration that it was told."""
    latest, *_ = source.client.execute_command("CLUSTER", "GETSLOTMIGRATIONS")
    state: bytes = latest[b"state"]
    return state


def at_hand() -> list[str]:
    """The kinds of move that the server at hand knows."""
    atomic = re.match("Valkey server v=(9|[1-9][0-9])", version())
    return ["classic", "atomic"] if atomic else ["classic"]


def require(kind: str) -> None:
    """Skip what the server at hand does not know."""
    if kind not in at_hand():
        pytest.skip("Valkey 9 (make test-cache)")


def _id(server: Server) -> bytes:
    identity: bytes = server.client.execute_command("CLUSTER", "MYID")
    return identity


class Classic:
    """A move of one slot, key by key."""

    def __init__(self, cluster: Cluster, slot: int, source: Server, target: Server) -> None:
        self.cluster, self.slot, self.source, self.target = cluster, slot, source, target
        self._ids = {server: _id(server) for server in (source, target)}

    def all_of_it(self) -> None:
        self.begin()
        self.end()

    def begin(self) -> None:
        """Move the keys: from here on the one has them, and the other still has the slot."""
        source, target = self.source, self.target
        self._set_slot(target, "IMPORTING", self._ids[source])
        self._set_slot(source, "MIGRATING", self._ids[target])
        place = ("127.0.0.1", target.port, "", 0, 5_000)
        if keys := source.client.execute_command("CLUSTER", "GETKEYSINSLOT", self.slot, 100_000):
            source.client.execute_command("MIGRATE", *place, "KEYS", *keys)

    def end(self) -> None:
        self._set_slot(self.target, "NODE", self._ids[self.target])
        # Without a slot left, it may have become a replica at the target's word.
        with contextlib.suppress(redis.ResponseError):
            self._set_slot(self.source, "NODE", self._ids[self.target])

    def undo(self) -> None:
        """Give the slot back, without its keys."""
        for server in self.cluster.servers:
            self._set_slot(server, "STABLE")
        self.target.client.flushall()
        # A message under way may still claim the slot for the target; the higher epoch wins.
        self.source.client.execute_command("CLUSTER", "BUMPEPOCH")
        for server in self.cluster.servers:
            self._set_slot(server, "NODE", self._ids[self.source])
        eventually(self._is_back)

    def _is_back(self) -> bool:
        """Every server says so."""
        owners = [
            node[2]
            for server in self.cluster.servers
            for first, last, node, *_ in server.client.execute_command("CLUSTER", "SLOTS")
            if first <= self.slot <= last
        ]
        return owners == [self._ids[self.source]] * 3 and self.cluster.is_whole()

    def _set_slot(self, server: Server, *words: object) -> None:
        server.client.execute_command("CLUSTER", "SETSLOT", self.slot, *words)
