"""Puts a process together: the application, and the worker beside it, from its configuration.

It reads no file and no environment; all it needs is handed in.
"""

from collections.abc import Callable
from enum import Enum, auto

from flask import Flask, Response, abort, jsonify
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from featurewatch_receiver import logs
from featurewatch_receiver.access.token_files import read_tokens
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.console.blueprint import console
from featurewatch_receiver.console.runbook_page import runbook_page
from featurewatch_receiver.core import Core, open_core
from featurewatch_receiver.deliveries.payload import PATH
from featurewatch_receiver.deliveries.processor import Processor
from featurewatch_receiver.errors import OverloadError
from featurewatch_receiver.logs import one_line
from featurewatch_receiver.store.migrate import prepare
from featurewatch_receiver.store.queue import WorkQueue
from featurewatch_receiver.web.api import api
from featurewatch_receiver.web.calls import RETRY_AFTER_SECONDS
from featurewatch_receiver.web.health import health
from featurewatch_receiver.web.webhook import MAX_BODY_BYTES, Shortcut, Webhook
from featurewatch_receiver.worker import Worker

_SENTENCES = {
    404: "path: there is nothing here; see the receiver's documentation for what there is",
    405: "method: is not allowed here; use one of those in the Allow header",
    413: f"body: exceeds {MAX_BODY_BYTES} bytes; send smaller groups (max_alerts in Alertmanager)",
}

Reply = tuple[Response, int]


def build_app(core: Core, queue: WorkQueue | None, is_working: Callable[[], bool]) -> Flask:
    """Build the application; `is_working` tells whether the worker serves the queue.

    Without a queue nothing is taken in: what needs no token is all there is.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    if queue:
        _take_deliveries(app, Webhook(core))
        app.register_blueprint(api(core, queue))
        app.register_blueprint(console(core, queue))
        app.register_blueprint(runbook_page(core))
    app.register_blueprint(health(core, is_working))
    app.register_error_handler(HTTPException, _refuse)
    app.register_error_handler(SQLAlchemyError, _unavailable)
    app.register_error_handler(OverloadError, _overloaded)
    app.register_error_handler(ParseException, _unreadable)
    app.register_error_handler(Exception, _broken)
    return app


def _take_deliveries(app: Flask, webhook: Webhook) -> None:
    # So that other methods are refused. A POST comes as far as the rule with slashes too many.
    app.add_url_rule(PATH, "webhook", lambda: abort(404), methods=["POST"])
    app.wsgi_app = Shortcut(app, webhook)  # type: ignore[method-assign]  # as Flask has it


def _refuse(error: HTTPException) -> Response:
    """Every error has one shape: {"error": one line}."""
    code = error.code or 500
    response = jsonify(error=_SENTENCES.get(code, error.description))
    response.status_code = code
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _unreadable(error: ParseException) -> Reply:
    """The body is in chunks that are none; gunicorn hangs up after the answer."""
    return jsonify(error=f"body: can't be read ({one_line(str(error))}); send whole chunks"), 400


def _unavailable(error: SQLAlchemyError) -> Response:
    """Nothing was stored: Alertmanager tries again after a 503, and would not after a 4xx."""
    logs.trouble("database unavailable", error)
    return _later("database: is not available; the delivery was not stored, repeat it")


def _overloaded(error: OverloadError) -> Response:
    logs.trouble("delivery refused", reason=str(error))
    return _later(f"receiver: is busy ({error}); the delivery was not stored, repeat it")


def _later(sentence: str) -> Response:
    response = jsonify(error=sentence)
    response.status_code = 503
    response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response


def _broken(error: Exception) -> Reply:
    logs.trouble("request broke", error)
    return jsonify(error="receiver: an error of its own; see its log"), 500


_CORE = "featurewatch_core"
_WORKER = "featurewatch_worker"


class ProcessRole(Enum):
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


def assemble(config: ReceiverConfig, role: ProcessRole = ProcessRole.ALL) -> Flask:
    """Return the application on a database that `migrate.prepare` has seen.

    Raises:
        ConfigError: the token files can't be used.

    """
    core = open_core(config, read_tokens(config))
    queue = WorkQueue(core.writer)
    worker = Worker(core) if role is not ProcessRole.WEB else None
    is_working = worker.is_working if worker else lambda: True
    app = build_app(core, queue if role is not ProcessRole.WORKER else None, is_working)
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
