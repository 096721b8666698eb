"""The HTTP face: features for everybody; the admin API is in ``admin``."""

from __future__ import annotations

from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from feature_server.admin import admin_api
from feature_server.errors import FeatureServerError, WindowUnknown
from feature_server.service import FeatureService
from feature_server.training import Trainer

_LONGEST_ID = 18  # digits; more would not fit 64 bits
Reply = tuple[Response, int]


def create_app(service: FeatureService, trainer: Trainer, admin_token: str | None = None) -> Flask:
    """The application. Without a token the admin API is open: bind to loopback only."""
    app = Flask(__name__)
    app.register_blueprint(admin_api(service, trainer, admin_token), url_prefix="/admin")
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(WindowUnknown, lambda error: _error(str(error), 404))
    app.register_error_handler(FeatureServerError, lambda error: _error(str(error), 500))

    @app.get("/features")
    def features() -> Response:
        window_id = _window_id()
        result = service.extract(window_id)
        return jsonify(window=window_id, source=result.source, features=result.values.tolist())

    @app.get("/windows")
    def windows() -> Response:
        kept = service.sampler.windows()
        return jsonify(first=kept.start, last=kept.stop - 1, count=len(kept))

    @app.get("/healthz")
    def healthz() -> Reply:
        if not service.sampler.alive:
            return _error("sampling has stopped", 503)
        if not service.pool.serving:
            return _error("no worker is ready", 503)
        return jsonify(status="ok"), 200

    return app


def _window_id() -> int:
    word = request.args.get("window", "")
    if not (word.isascii() and word.isdigit()) or len(word) > _LONGEST_ID:
        abort(400, "window must be a whole number: see /windows for the range")
    return int(word)


def _error(message: str, status: int) -> Reply:
    return jsonify(error=message), status


def _http_error(error: HTTPException) -> Reply:
    return _error(error.description or error.name, error.code or 500)
