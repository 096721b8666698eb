"""The HTTP server that Prometheus scrapes: prometheus-client's own, with a handle."""

from threading import Thread
from types import TracebackType
from typing import Self
from wsgiref.simple_server import WSGIServer

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server

from featurewatch.errors import MetricsServerError
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

    Raises :class:`MetricsServerError` here, in the caller, if the address cannot be used.
    """
    served = metrics_registry() if registry is REGISTRY else registry
    try:
        server, thread = start_http_server(port, addr=host, registry=served)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MetricsServerError(
            f"cannot serve metrics on {host}:{port} ({reason}): "
            "stop what listens there, or choose another host or port (port 0 takes a free one)"
        ) from error
    return MetricsServer(server, thread, host)


class MetricsServer:
    """A running metrics server; close it, or use it as a context manager."""

    def __init__(self, server: WSGIServer, thread: Thread, host: str) -> None:
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
