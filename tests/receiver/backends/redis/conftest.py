"""One Redis server and one cluster for all tests of the `redis` backend, empty at each test."""

from collections.abc import Iterator

import pytest

from receiver.backends.redis.servers import Cluster, Server, cluster_running, running


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Server:
    """A server without a key."""
    shared_server.client.flushall()
    return shared_server


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_running(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Cluster:
    """A cluster without a key."""
    for server in shared_cluster.servers:
        server.client.flushall()
    return shared_cluster
