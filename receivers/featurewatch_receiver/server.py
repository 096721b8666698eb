"""Serves the application: gunicorn with one worker process, and the workflow engine inside it."""

import select
import socket
import threading
import time
from contextlib import closing, suppress
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from featurewatch_receiver import logs
from featurewatch_receiver.app import ProcessRole, assemble, close, start
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.deliveries.inbox import MOST_WAITING
from featurewatch_receiver.errors import ListenError
from featurewatch_receiver.store.migrate import prepare
from featurewatch_receiver.tls import Certificates

# As many are being stored as wait; the others answer who asks for health, and refuse.
THREADS = 2 * MOST_WAITING + 8
#: A request must have come by then: a thread waits for it.
REQUEST_SECONDS = 10.0
# A busy Alertmanager's next delivery comes sooner.
_LINGER_MILLISECONDS = 5
# What still runs after that is killed, and taken up again by the next start.
STOP_SECONDS = 3


def serve(config: ReceiverConfig, role: ProcessRole = ProcessRole.ALL) -> None:
    """Serve until a signal ends the process.

    Raises:
        ConfigError: the database or the certificates can't be used.
        ListenError: the address can't be used.

    """
    with closing(listen(config.receiver.listen)) as listener:
        # Not in the worker: here a fault can still be told in one line.
        certificates = Certificates(tls) if (tls := config.receiver.tls) else None
        prepare(config.receiver.database)
        logs.configure()
        WebServer(config, listener, role, certificates).run()


def listen(address: str) -> socket.socket:
    """Bind and listen.

    Raises:
        ListenError: the port is taken, or the address is not of this machine.

    """
    host, _, port = address.rpartition(":")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(port)))
    except OSError as error:
        listener.close()
        cause = error.strerror or str(error)
        fix = "stop what listens there, or write another HOST:PORT"
        raise ListenError(
            f"receiver.listen: {address} can't be listened on ({cause}); {fix}"
        ) from error
    listener.listen(128)
    return listener


class QuietLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Leaves gunicorn's lines to our own log."""

    def setup(self, cfg: Any) -> None:
        """Keep the handlers that `logs.configure` has set."""
        self.error_log = logs.library("gunicorn.error")


class WebWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Looks for a connection's next request at once, and waits for none for ever.

    gunicorn hands a connection from thread to thread and back for each request: a fifth of what a
    delivery costs. It is still handed back when nothing comes, and when too many linger.

    It reads a request for as long as its sender takes, and a few such senders would take all
    threads; so its own rounds, a second apart, also stop reading what takes too long.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._may_linger = threading.Semaphore(MOST_WAITING)
        #: Since when each connection has a thread for its present request.
        self._begun: dict[Any, float] = {}

    def handle(self, conn: Any) -> Any:
        """Answer a request, and those that follow it closely; True to keep the connection."""
        keep = self._answer(conn)
        if keep is not True or not self._may_linger.acquire(blocking=False):
            return keep
        try:
            while keep is True and self.alive and _is_readable(conn.sock):
                keep = self._answer(conn)
        finally:
            self._may_linger.release()
        return keep

    def _answer(self, conn: Any) -> Any:
        self._begun[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            del self._begun[conn]

    def murder_pending(self) -> None:
        """In each round: let those be read no further whose request does not come."""
        super().murder_pending()
        latest = time.monotonic() - REQUEST_SECONDS
        for conn, begun in list(self._begun.items()):
            if begun < latest:
                _stop_reading(conn.sock)


def _stop_reading(connection: socket.socket) -> None:
    """Let its sender seem to have hung up; an answer that is under way still gets there."""
    with suppress(OSError):
        # Not that of SSLSocket, which would go on in plain text.
        socket.socket.shutdown(connection, socket.SHUT_RD)


def _is_readable(connection: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(_LINGER_MILLISECONDS))


class WebServer(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """One process that answers, and a parent that starts it again should it die."""

    def __init__(
        self,
        config: ReceiverConfig,
        listener: socket.socket,
        role: ProcessRole,
        certificates: Certificates | None,
    ):
        self._config = config
        self._certificates = certificates
        self._role = role
        host, port = listener.getsockname()
        self._url = f"{'https' if certificates else 'http'}://{host}:{port}"
        self._fd = listener.detach()  # gunicorn's from now on
        self._app: Flask
        super().__init__(prog="featurewatch-receiver")

    def load_config(self) -> None:
        """Tell gunicorn how to run."""
        settings: dict[str, Any] = {
            "bind": f"fd://{self._fd}",
            "workers": 1,
            "worker_class": WebWorker,
            "threads": THREADS,
            "graceful_timeout": STOP_SECONDS,
            "logger_class": QuietLogger,
            "post_worker_init": lambda _: self._start_work(),
            "worker_exit": lambda _server, _worker: close(self._app),
        }
        if self._certificates:
            settings |= self._certificates.gunicorn_settings()
        if "control_socket_disable" in self.cfg.settings:
            settings["control_socket_disable"] = True
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Build the application, in the process that answers."""
        self._app = assemble(self._config, self._role)
        return self._app

    def _start_work(self) -> None:
        start(self._app)
        logs.event("listening", url=self._url)
