"""The HTTP server that Prometheus scrapes, with a handle."""

import socket
from functools import cache
from threading import Thread
from types import TracebackType
from typing import Self
from weakref import WeakSet

from prometheus_client import REGISTRY, CollectorRegistry

from featurewatch import forks
from featurewatch.connections import BoundedServer
from featurewatch.errors import MetricsServerError
from featurewatch.exposition import exposition_app
from featurewatch.multiprocess import metrics_registry

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - start_metrics_server says why


def start_metrics_server(
    port: int = 9101, *, host: str = EVERY_ADDRESS, registry: CollectorRegistry = REGISTRY
) -> "MetricsServer":
    """Serve *registry* on *host*:*port* from a daemon thread, and return a handle.

    Port 0 takes a free one; the handle's ``url`` tells which. The default host is every IPv4
    address, because Prometheus reaches a container from outside; the metrics have no password,
    so name an address where the network is not trusted (``127.0.0.1`` at the desk).

    In multiprocess mode the default registry stands for all processes, see
    :mod:`featurewatch.multiprocess`; call this in one process only, which need not be a worker.

    A client has its time, and there are never more than a few at once, see
    :mod:`featurewatch.connections`: who reaches the port cannot harm the service.

    Raises :class:`MetricsServerError` here, in the caller, if the address cannot be used, or if
    this is the master of uWSGI, which must have no threads.
    """
    served = metrics_registry() if registry is REGISTRY else registry
    if not forks.threads_may_run():
        raise MetricsServerError(
            f"cannot serve metrics on {host}:{port} from the master of uWSGI, whose workers would "
            "stand still at their fork: serve metrics_app() in the application"
        )
    try:
        server = _listening(host, port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MetricsServerError(
            f"cannot serve metrics on {host}:{port} ({reason}): "
            "stop what listens there, or choose another host or port (port 0 takes a free one)"
        ) from error
    server.set_app(exposition_app(served))
    _close_in_children()
    _servers.add(server)
    thread = Thread(target=server.serve_forever, name="featurewatch-metrics", daemon=True)
    thread.start()
    return MetricsServer(server, thread, host)


_servers: WeakSet[BoundedServer] = WeakSet()


def _listening(host: str, port: int) -> BoundedServer:
    kind, passive = socket.SOCK_STREAM, socket.AI_PASSIVE
    family, _, _, _, address = socket.getaddrinfo(host, port, type=kind, flags=passive)[0]
    return BoundedServer((str(address[0]), port), family)


@cache  # once is enough
def _close_in_children() -> None:
    forks.at_fork(in_child=_close)


def _close() -> None:
    """Let go of the ports: a child that outlives its parent would answer nobody there."""
    for server in _servers:
        server.socket.close()


class MetricsServer:
    """A running metrics server; close it, or use it as a context manager."""

    def __init__(self, server: BoundedServer, thread: Thread, host: str) -> None:
        self._server = server
        self._thread = thread
        self._host = host

    @property
    def url(self) -> str:
        """Where to scrape; for a server on every address, as seen from this machine."""
        host = {EVERY_ADDRESS: "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self._server.server_port}/metrics"

    def close(self) -> None:
        """Stop serving and free the port; a second call does nothing."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
