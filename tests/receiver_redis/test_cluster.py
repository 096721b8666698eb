"""The `redis` backend on a cluster: every primary is cleared, whichever server the URL names."""

import pytest

from featurewatch_receiver.errors import TargetError, TargetRefusedError, TargetUnreachableError
from receiver_redis.servers import (
    PASSWORD,
    Cluster,
    Server,
    clear,
    documented_user,
    eventually,
)


def test_every_primary_is_cleared_of_the_prefix_alone(cluster: Cluster) -> None:
    cluster.fill("feat:", 3_000)
    cluster.fill("session:", 300)
    before = cluster.sizes()
    assert min(before) > 500
    assert clear(cluster.servers[1].port, cluster=True) == 3_000
    assert sum(cluster.sizes()) == 300
    assert clear(cluster.servers[1].port, cluster=True) == 0


def test_flush_drops_the_database_of_every_primary(cluster: Cluster) -> None:
    cluster.fill("anything:", 900)
    caches = {"features": {"flush": True}}
    assert clear(cluster.servers[2].port, cluster=True, caches=caches) == 900
    assert cluster.sizes() == [0, 0, 0]


def test_the_documented_user_needs_one_command_more(cluster: Cluster) -> None:
    for server in cluster.servers:
        server.client.execute_command(*documented_user(), "+cluster|slots")
    cluster.fill("feat:", 300)
    port = cluster.servers[0].port
    assert clear(port, cluster=True, username="remediator", password=PASSWORD) == 300


def test_one_primary_down_is_named_and_a_repetition_drops_the_rest(cluster: Cluster) -> None:
    cluster.fill("feat:", 3_000)
    ordered = sorted(cluster.servers, key=lambda server: server.port)
    down, seed = ordered[1], ordered[2]
    down.client.save()
    down.kill()
    try:
        with pytest.raises(TargetError) as told:
            clear(seed.port, cluster=True)
        assert isinstance(told.value, TargetUnreachableError)
        assert str(told.value).startswith(f"redis 127.0.0.1:{down.port}: no connection (")
        assert int(ordered[0].client.dbsize()) == 0
    finally:
        down.start()
        eventually(cluster.is_whole)
    left = sum(cluster.sizes())
    assert 0 < left < 3_000
    assert clear(seed.port, cluster=True) == left
    assert cluster.sizes() == [0, 0, 0]


def test_a_slot_that_nobody_serves_is_told(cluster: Cluster) -> None:
    """A server keeps the keys of a slot that was taken from it."""
    server = cluster.servers[0]
    cluster.fill("feat:", 300)
    slot = server.client.execute_command("CLUSTER", "KEYSLOT", server.client.randomkey())
    server.client.execute_command("CLUSTER", "DELSLOTS", slot)
    try:
        with pytest.raises(TargetRefusedError, match=r"the cluster is down \(.*slot"):
            clear(server.port, cluster=True)
    finally:
        server.client.execute_command("CLUSTER", "ADDSLOTS", slot)
        eventually(cluster.is_whole)
    left = sum(cluster.sizes())
    assert clear(server.port, cluster=True) == left > 0


def test_a_server_that_is_no_cluster_says_so(server: Server) -> None:
    with pytest.raises(TargetRefusedError, match="cluster support disabled"):
        clear(server.port, cluster=True)


def test_a_cluster_is_not_cleared_as_one_server(cluster: Cluster) -> None:
    """Without `cluster: true` the keys of a slice are of several slots."""
    cluster.fill("feat:", 300)
    with pytest.raises(TargetRefusedError, match=r"refused .*slot"):
        clear(cluster.servers[0].port)
    assert sum(cluster.sizes()) == 300
