"""Alertmanager's way in, with the token of its own; what people call is in people.py."""

from flask import Blueprint, Response, abort, jsonify, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from featurewatch_receiver.core import Core
from featurewatch_receiver.deliveries.batches import Batches
from featurewatch_receiver.deliveries.inbox import Arrival, Inbox, packed
from featurewatch_receiver.deliveries.intake import is_heartbeat
from featurewatch_receiver.deliveries.payload import parse
from featurewatch_receiver.deliveries.replay import Recorder
from featurewatch_receiver.errors import PayloadError

_RESULTS = {200: "accepted", 401: "unauthorized", 413: "too_large", 503: "unavailable"}
_UNAUTHORIZED = "Authorization: is missing or wrong; send 'Bearer TOKEN', see receiver.token_file"
_WEBHOOK = "webhook"


def api(core: Core) -> Blueprint:
    """Return the blueprint; each of its requests must bear the receiver's token."""
    blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
    batches = Batches(Inbox(core).put)
    recorder = Recorder(file) if (file := core.config.receiver.record_file) else None

    @blueprint.before_request
    def authenticate() -> None:
        if not core.tokens.accepts(request.headers.get("Authorization", "")):
            raise Unauthorized(_UNAUTHORIZED, www_authenticate=WWWAuthenticate("bearer"))

    @blueprint.after_request
    def count(response: Response) -> Response:
        if request.endpoint == f"{blueprint.name}.{_WEBHOOK}":
            core.metrics.deliveries.labels(_result(response.status_code)).inc()
        return response

    @blueprint.post("/webhook/alertmanager", endpoint=_WEBHOOK)
    def webhook() -> Response:
        if request.mimetype != "application/json":
            abort(415, "Content-Type: is not application/json; send JSON, as Alertmanager does")
        if request.headers.get("Content-Encoding", "identity") != "identity":
            abort(415, "Content-Encoding: is not identity; send it as it is, as Alertmanager does")
        body = request.get_data(cache=False)
        if len(body) == request.max_content_length:
            abort(413)  # it came in chunks, and the rest was cut off
        try:
            delivery = parse(body)
        except PayloadError as error:
            abort(400, str(error))
        heartbeat, number = is_heartbeat(delivery), len(delivery.alerts)
        batches.take(Arrival(packed=packed(body), alerts=number, is_heartbeat=heartbeat))
        if recorder:
            recorder.write(body)
        return jsonify(accepted=number)

    return blueprint


def _result(status: int) -> str:
    ours = status >= 500  # noqa: PLR2004  # the delivery may be as good as any
    return _RESULTS.get(status, "failed" if ours else "invalid")
