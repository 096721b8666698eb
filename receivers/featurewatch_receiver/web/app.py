"""Puts the web side together. It reads no file and no environment; all it needs is handed in."""

from collections.abc import Callable

from flask import Flask, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from featurewatch_receiver import logs
from featurewatch_receiver.console.blueprint import console
from featurewatch_receiver.core import Core
from featurewatch_receiver.deliveries.replay import PATH
from featurewatch_receiver.engine import WorkQueue
from featurewatch_receiver.errors import OverloadError
from featurewatch_receiver.web.people import people
from featurewatch_receiver.web.public import public
from featurewatch_receiver.web.webhook import MAX_BODY_BYTES, Shortcut, Webhook

RETRY_AFTER_SECONDS = "5"
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
        app.register_blueprint(people(core, queue))
        app.register_blueprint(console(core, queue))
    app.register_blueprint(public(core, is_working))
    app.register_error_handler(HTTPException, _refuse)
    app.register_error_handler(SQLAlchemyError, _unavailable)
    app.register_error_handler(OverloadError, _overloaded)
    app.register_error_handler(Exception, _broken)
    return app


def _take_deliveries(app: Flask, webhook: Webhook) -> None:
    # Only so that other methods are refused: a POST never comes as far as the rule.
    app.add_url_rule(PATH, endpoint="webhook", methods=["POST"])
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
