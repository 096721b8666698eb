"""The application factory, for `featurewatch-receiver serve` and for a WSGI server of your own."""

from enum import Enum, auto

from flask import Flask

from featurewatch_receiver.config import ReceiverConfig
from featurewatch_receiver.core import open_core
from featurewatch_receiver.engine import WorkQueue
from featurewatch_receiver.migrate import prepare
from featurewatch_receiver.tokens import read_tokens
from featurewatch_receiver.web.app import build_app
from featurewatch_receiver.worker import Worker

_CORE = "featurewatch_core"
_WORKER = "featurewatch_worker"


class Role(Enum):
    """What a process does; whichever it is, it answers for health and metrics."""

    ALL = auto()
    #: Takes alerts in, and leaves the work to others.
    WEB = auto()
    #: Does the work, and takes nothing in.
    WORKER = auto()


def create_app(config: ReceiverConfig) -> Flask:
    """Return the application on its database, which is made if it is SQLite and missing.

    It stores alerts and plans actions; `worker_of(app).start()` lets it carry them out. Call both
    after the fork.

    Raises:
        ConfigError: the token files or the database can't be used.

    """
    prepare(config.receiver.database)
    return assemble(config)


def assemble(config: ReceiverConfig, role: Role = Role.ALL) -> Flask:
    """Return the application on a database that `migrate.prepare` has seen.

    Raises:
        ConfigError: the token files can't be used.

    """
    core = open_core(config, read_tokens(config))
    queue = WorkQueue(core.writer) if role is not Role.WORKER else None
    worker = Worker(core) if role is not Role.WEB else None
    app = build_app(core, queue, worker.is_working if worker else lambda: True)
    app.extensions[_CORE], app.extensions[_WORKER] = core, worker
    return app


def start(app: Flask) -> None:
    """Start the application's worker, if its role has one."""
    if worker := app.extensions[_WORKER]:
        worker.start()


def close(app: Flask) -> None:
    """Stop the application's worker, and let go of the database."""
    if worker := app.extensions[_WORKER]:
        worker.stop()
    app.extensions[_CORE].close()


def worker_of(app: Flask) -> Worker:
    """Return the worker of an application that `create_app` made."""
    worker: Worker = app.extensions[_WORKER]
    return worker
