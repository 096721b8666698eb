"""The backends: one file for each kind, and the table that names them."""

from collections.abc import Mapping
from typing import Any

from featurewatch_receiver.access.token_files import read_backend_secret
from featurewatch_receiver.backends.base import Backend
from featurewatch_receiver.backends.http import HttpClient
from featurewatch_receiver.backends.http_job import HttpJobClient
from featurewatch_receiver.backends.kubernetes import KubernetesClient
from featurewatch_receiver.backends.ray_serve import RayServeClient
from featurewatch_receiver.backends.redis import RedisClient
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.receiver import ReceiverConfig

#: Each is called with its settings, its secret and the deadline. None imports the client library
#: of its platform before that.
KINDS: Mapping[str, type[Any]] = {
    "http": HttpClient,
    "http_job": HttpJobClient,
    "kubernetes": KubernetesClient,
    "ray_serve": RayServeClient,
    "redis": RedisClient,
}


def open_backend(config: ReceiverConfig, name: str, deadline: Deadline) -> Backend:
    """Return the backend of that name, for one step of one remediation; the caller closes it.

    Raises:
        ConfigError: its secret can't be read, or its client library is not installed.

    """
    settings = config.backends[name]
    secret = read_backend_secret(name, settings)
    backend: Backend = KINDS[settings.kind](settings, secret, deadline)
    return backend
