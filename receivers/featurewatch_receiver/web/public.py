"""What needs no token: health, metrics and the runbook. Nothing here tells of an alert."""

from collections.abc import Callable
from pathlib import Path

from flask import Blueprint, Response, abort, jsonify
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver import runbook, standing
from featurewatch_receiver.core import Core

Reply = tuple[Response, int]


def public(core: Core, is_working: Callable[[], bool]) -> Blueprint:
    """Return the blueprint."""
    blueprint = Blueprint("public", __name__)
    runbook_file = Path(core.config.receiver.runbook_file)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @blueprint.get("/readyz")
    def readyz() -> Response | Reply:
        problem = _problem(core, is_working)
        return (jsonify(error=problem), 503) if problem else jsonify(status="ready")

    @blueprint.get("/metrics")
    def metrics() -> Response:
        standing.measure(core)
        return Response(core.metrics.text(), content_type=CONTENT_TYPE_LATEST)

    @blueprint.get("/runbook/<alertname>")
    def show_runbook(alertname: str) -> Response:
        section = runbook.section(runbook_file.read_text(encoding="utf-8"), alertname)
        if section is None:
            abort(404, f"runbook: has no heading for this alert; add it to {runbook_file.name}")
        return Response(section, content_type="text/plain; charset=utf-8")

    return blueprint


def _problem(core: Core, is_working: Callable[[], bool]) -> str | None:
    """Return why no delivery should come here now, or None."""
    if not is_working():
        return "worker: is not running; restart the receiver"
    try:
        with core.writer.begin():  # takes the lock that a delivery would take
            return None
    except SQLAlchemyError:
        return "database: can't be written; see the receiver's log"
