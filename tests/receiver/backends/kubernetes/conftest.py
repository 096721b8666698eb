"""A server that replays an API server, and the backend opened on it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from featurewatch_receiver.backends.kubernetes import KubernetesClient
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import KubernetesBackend as Settings
from receiver.backends.kubernetes.objects import (
    Open,
    kubeconfig,
)
from receiver.replay import Replay, replaying


@pytest.fixture
def server() -> Iterator[Replay]:
    with replaying() as replay:
        yield replay


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens backends on a kubeconfig of their own, and closes them."""
    backends = []

    def open_backend(url: str, seconds: float = 30, **settings: Any) -> KubernetesClient:
        settings = {"autoscalers": False, "request_timeout": "5s"} | settings
        backend = KubernetesClient(
            Settings(
                kind="kubernetes",
                namespace="features",
                kubeconfig=str(kubeconfig(tmp_path, url)),
                **settings,
            ),
            None,
            Deadline(seconds),
        )
        backends.append(backend)
        return backend

    yield open_backend
    for backend in backends:
        backend.close()


@pytest.fixture
def fe(server: Replay, opened: Open) -> KubernetesClient:
    return opened(server.url)
