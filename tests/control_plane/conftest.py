"""A namespace of its own for each test, on the control plane that `make test-kubernetes` starts."""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from receiver.in_process import plain_settings
from waiting import eventually

from control_plane.cluster import ACCOUNT, Cluster, grant, kubeconfig_of
from featurewatch_receiver.config.receiver import ReceiverConfig
from kubernetes import client, config


@pytest.fixture(scope="session")
def plane() -> Path:
    """The folder of the control plane's files."""
    if not (folder := os.environ.get("CONTROL_PLANE")):
        pytest.skip("a control plane (make test-kubernetes)")
    return Path(folder)


@pytest.fixture(scope="session")
def api(plane: Path) -> Iterator[client.ApiClient]:
    """As administrator, with two nodes."""
    with config.new_client_from_config(str(plane / "kubeconfig")) as opened:
        core = client.CoreV1Api(opened)
        for name in ("one", "two"):
            with contextlib.suppress(client.ApiException):
                core.create_node({"metadata": {"name": name}})
        yield opened


@pytest.fixture
def cluster(plane: Path, api: client.ApiClient, tmp_path: Path) -> Iterator[Cluster]:
    name = f"features-{uuid.uuid4().hex[:8]}"
    core = client.CoreV1Api(api)
    core.create_namespace({"metadata": {"name": name}})
    core.create_namespaced_service_account(name, {"metadata": {"name": ACCOUNT}})
    grant(api, name)
    file, token = kubeconfig_of(plane / "kubeconfig", tmp_path)
    given = core.create_namespaced_service_account_token(ACCOUNT, name, {"spec": {}})
    token.write_text(given.status.token)
    despite = (client.ApiException,)
    eventually(lambda: core.read_namespaced_service_account("default", name), despite=despite)
    receiver = ReceiverConfig.model_validate(plain_settings(tmp_path, "http://localhost:1"))
    yield Cluster(api, name, receiver, file, token)
    core.delete_namespace(name)
