"""/api/v1: what needs the bearer token."""

from functools import partial

from flask import Blueprint, Response, abort, jsonify, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from featurewatch_receiver import logs
from featurewatch_receiver.batches import Batches
from featurewatch_receiver.core import Core
from featurewatch_receiver.engine import WorkQueue
from featurewatch_receiver.errors import PayloadError
from featurewatch_receiver.history import recent, resolve
from featurewatch_receiver.intake import accept, report
from featurewatch_receiver.payload import parse

_RESULTS = {200: "accepted", 401: "unauthorized", 413: "too_large", 503: "unavailable"}
_UNAUTHORIZED = "Authorization: is missing or wrong; send 'Bearer TOKEN', see receiver.token_file"
_WEBHOOK = "webhook"
MAX_HOURS = 24 * 366
MAX_EPISODES = 1000


def api(core: Core, queue: WorkQueue) -> Blueprint:
    """Return the blueprint; each of its requests must bear the receiver's token."""
    blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
    batches = Batches(partial(accept, core, queue))

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
        try:
            delivery = parse(request.get_data(cache=False))
        except PayloadError as error:
            abort(400, str(error))
        report(core, delivery, batches.take(delivery))
        return jsonify(accepted=len(delivery.alerts))

    @blueprint.get("/episodes")
    def episodes() -> Response:
        hours = _number("hours", default=24, highest=MAX_HOURS)
        limit = _number("limit", default=100, highest=MAX_EPISODES)
        return jsonify(episodes=recent(core, hours=hours, limit=limit))

    @blueprint.post("/episodes/<episode_id>/resolve")
    def resolve_episode(episode_id: str) -> Response:
        user, reason = _said("user"), _said("reason")
        ended = resolve(core, episode_id)
        if ended is None:
            abort(409, "episode: is not open, or an alert of it still fires; see /api/v1/episodes")
        logs.event("episode resolved", id=episode_id, user=user, reason=reason)
        return jsonify(id=episode_id, resolved_at=ended.isoformat())

    return blueprint


def _said(name: str) -> str:
    body = request.get_json(silent=True)
    text = body.get(name) if isinstance(body, dict) else None
    if not isinstance(text, str) or not text.strip():
        abort(400, f'{name}: is missing; send {{"user": NAME, "reason": TEXT}} as JSON')
    return text.strip()


def _result(status: int) -> str:
    ours = status >= 500  # noqa: PLR2004  # the delivery may be as good as any
    return _RESULTS.get(status, "failed" if ours else "invalid")


def _number(name: str, *, default: int, highest: int) -> int:
    text = request.args.get(name, str(default))
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0  # noqa: PLR2004
    if not 1 <= number <= highest:
        abort(400, f"{name}: is not a whole number from 1 to {highest}; write ?{name}={default}")
    return number
