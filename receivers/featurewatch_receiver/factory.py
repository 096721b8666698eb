"""The application factory, for `featurewatch-receiver serve` and for a WSGI server of your own."""

from flask import Flask

from featurewatch_receiver.config import ReceiverConfig
from featurewatch_receiver.core import open_core
from featurewatch_receiver.database import create_tables
from featurewatch_receiver.engine import WorkQueue, prepare_engine
from featurewatch_receiver.tokens import read_tokens
from featurewatch_receiver.web.app import build_app
from featurewatch_receiver.worker import Worker

_WORKER = "featurewatch_worker"


def create_app(config: ReceiverConfig) -> Flask:
    """Return the application on its database, which is made if need be.

    It stores alerts and plans actions; `worker_of(app).start()` lets it carry them out. Call both
    after the fork, in one process only while the database is SQLite.

    Raises:
        ConfigError: the token files or the database can't be used.

    """
    prepare_database(config.receiver.database)
    return assemble(config)


def prepare_database(url: str) -> None:
    """Make our tables and the engine's where they are missing.

    Raises:
        ConfigError: the database can't be used.

    """
    create_tables(url)
    prepare_engine(url)


def assemble(config: ReceiverConfig) -> Flask:
    """Return the application on a database that `prepare_database` has seen.

    Raises:
        ConfigError: the token files can't be used.

    """
    core = open_core(config, read_tokens(config))
    worker = Worker(core)
    app = build_app(core, WorkQueue(core.writer), worker.is_working)
    app.extensions[_WORKER] = worker
    return app


def worker_of(app: Flask) -> Worker:
    """Return the worker of an application that `create_app` made."""
    worker: Worker = app.extensions[_WORKER]
    return worker
