"""The `redis` backend on a cluster: every primary is cleared, whichever server the URL names."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from featurewatch_receiver.errors import TargetError, TargetRefusedError, TargetUnreachableError
from receiver.backends.redis.servers import (
    PASSWORD,
    SLOTS,
    Cluster,
    Server,
    clear,
    documented_user,
    eventually,
    free_port,
    running,
)
from receiver.certificates import Authority


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


def test_the_documented_user_needs_two_commands_more(cluster: Cluster) -> None:
    for server in cluster.servers:
        server.client.execute_command(*documented_user(), "+cluster|slots", "+cluster|nodes")
    cluster.fill("feat:", 300)
    port = cluster.servers[0].port
    assert clear(port, cluster=True, username="remediator", password=PASSWORD) == 300


def test_one_primary_down_is_named_and_a_repetition_drops_the_rest(cluster: Cluster) -> None:
    cluster.fill("feat:", 3_000)
    first, down, seed = cluster.servers
    down.client.save()
    down.kill()
    try:
        with pytest.raises(TargetError) as told:
            clear(seed.port, cluster=True)
        assert isinstance(told.value, TargetUnreachableError)
        assert str(told.value).startswith(f"redis 127.0.0.1:{down.port}: no connection (")
        assert int(first.client.dbsize()) == 0
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


def test_a_replica_that_takes_writes_of_its_own_is_not_cleared(
    server: Server, tmp_path: Path
) -> None:
    server.fill("feat:", 5)
    options = {"replicaof": f"127.0.0.1 {server.port}", "replica-read-only": "no"}
    with running(tmp_path, **options) as replica:
        eventually(lambda: replica.client.dbsize() == 5)
        for caches in ({"features": {"prefix": "feat:"}}, {"features": {"flush": True}}):
            with pytest.raises(TargetRefusedError, match="is a replica; name its primary"):
                clear(replica.port, caches=caches)
        assert replica.client.dbsize() == 5


@pytest.mark.parametrize("kind", ["unknown-endpoint", "hostname"])
def test_a_cluster_that_names_no_hosts_is_cleared(cluster: Cluster, kind: str) -> None:
    """It tells null, or `?` where no host name was announced, and the port."""
    cluster.fill("feat:", 300)
    for server in cluster.servers:
        server.client.config_set("cluster-preferred-endpoint-type", kind)
    try:
        assert clear(cluster.servers[0].port, cluster=True) == 300
    finally:
        for server in cluster.servers:
            server.client.config_set("cluster-preferred-endpoint-type", "ip")
    assert cluster.sizes() == [0, 0, 0]


@contextlib.contextmanager
def one_with_tls(folder: Path, certificate: str, key: str) -> Iterator[tuple[Server, int]]:
    """A cluster of one server, and its port for TLS."""
    port = free_port()
    options = {
        "cluster-enabled": "yes",
        "cluster-port": str(free_port()),
        "cluster-announce-ip": "127.0.0.1",
        "tls-port": str(port),
        "tls-cert-file": certificate,
        "tls-key-file": key,
        "tls-ca-cert-file": certificate,
        "tls-auth-clients": "no",
        "tls-cluster": "yes",
    }
    with running(folder / "redis", **options) as server:
        server.client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
        eventually(lambda: b"cluster_state:ok" in server.client.execute_command("CLUSTER", "INFO"))
        yield server, port


def test_a_certificate_may_name_the_host_of_the_url_alone(tmp_path: Path) -> None:
    """The cluster tells an address, and the certificate is for `localhost`."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("redis", names="DNS:localhost")
    with one_with_tls(tmp_path, certificate, key) as (server, port):
        server.fill("feat:", 30)
        secure = {"cluster": True, "ca_file": str(authority.file)}
        assert clear(server.port, url=f"rediss://localhost:{port}", **secure) == 30
        with pytest.raises(TargetUnreachableError, match="certificate"):
            clear(server.port, url=f"rediss://127.0.0.1:{port}", **secure)
