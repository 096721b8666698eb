"""Serves the application: gunicorn with one worker process, and the workflow engine inside it."""

import socket
from contextlib import closing
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from featurewatch_receiver import logs
from featurewatch_receiver.access.token_files import tell_readable
from featurewatch_receiver.app import ProcessRole, assemble, close, start
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.connections import THREADS, WebWorker
from featurewatch_receiver.errors import ListenError
from featurewatch_receiver.store.migrate import prepare
from featurewatch_receiver.tls import Certificates

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
        tell_readable(config)
        WebServer(config, listener, role, certificates).run()


def listen(address: str) -> socket.socket:
    """Bind and listen.

    Raises:
        ListenError: the port is taken, or the address is not of this machine.

    """
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), int(port)))
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
        host, port = listener.getsockname()[:2]
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._url = f"{'https' if certificates else 'http'}://{place}"
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
