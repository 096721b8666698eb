"""The application factory, for `featurewatch-receiver serve` and for a WSGI server of your own."""

from enum import Enum, auto

from flask import Flask

from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.core import open_core
from featurewatch_receiver.deliveries.processor import Processor
from featurewatch_receiver.engine import WorkQueue
from featurewatch_receiver.people.tokens import read_tokens
from featurewatch_receiver.store.migrate import prepare
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

    It stores deliveries; `worker_of(app).start()` lets it apply them, and carry out what they call
    for. Call both after the fork.

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
    queue = WorkQueue(core.writer)
    worker = Worker(core) if role is not Role.WEB else None
    is_working = worker.is_working if worker else lambda: True
    app = build_app(core, queue if role is not Role.WORKER else None, is_working)
    app.extensions[_CORE] = core
    # Deliveries are applied also where nothing is carried out.
    app.extensions[_WORKER] = worker or Processor(core, queue)
    return app


def start(app: Flask) -> None:
    """Start the application's worker, or what its role has of it."""
    app.extensions[_WORKER].start()


def close(app: Flask) -> None:
    """Stop the application's worker, and let go of the database."""
    app.extensions[_WORKER].stop()
    app.extensions[_CORE].close()


def worker_of(app: Flask) -> Worker:
    """Return the worker of an application that `create_app` made."""
    worker: Worker = app.extensions[_WORKER]
    return worker
