"""The admin API: what the `http` remediation backend speaks, and the fault switches.

Changes are absolute, or carry an Idempotency-Key, so that a caller may repeat any of them.
"""

from __future__ import annotations

import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from feature_server.errors import ReplicaConflict
from feature_server.faults import FAULTS, fault_state, set_fault
from feature_server.service import FeatureService
from feature_server.training import Trainer

DEPLOYMENT = "feature_extractor"
CACHE = "feature_cache"
MODEL = "cnn_lstm_model"

Reply = tuple[Response, int]


class Once:
    """Remembers the answer to each key, so that the same request acts once."""

    def __init__(self, max_keys: int = 10_000) -> None:
        self._max_keys = max_keys
        self._answers: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, path: str, key: str, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `act` returns, or returned when this path and key came first."""
        with self._lock:  # held while acting: the same key at the same time acts once, too
            if (path, key) not in self._answers:
                self._answers[path, key] = act()
                if len(self._answers) > self._max_keys:
                    self._answers.popitem(last=False)
            return self._answers[path, key]


def admin_api(service: FeatureService, trainer: Trainer, token: str | None) -> Blueprint:
    """The blueprint; with a token, each request must bear it."""
    api = Blueprint("admin", __name__)
    once = Once()

    @api.before_request
    def authenticate() -> None:
        given = request.headers.get("Authorization", "")
        if token and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            abort(401, "send the admin token: Authorization: Bearer TOKEN")

    _deployment_routes(api, service, once)
    _cache_routes(api, service, once)
    _model_routes(api, trainer, once)
    _fault_routes(api, service)
    return api


def _deployment_routes(api: Blueprint, service: FeatureService, once: Once) -> None:
    @api.get("/deployments/<name>")
    def show_deployment(name: str) -> Response:
        _known(name, DEPLOYMENT, "deployment")
        return _deployment(service)

    @api.put("/deployments/<name>")
    def scale(name: str) -> Response:
        _known(name, DEPLOYMENT, "deployment")
        body = _body()
        expected = _whole(body, "expected_replicas") if "expected_replicas" in body else None
        try:
            service.pool.scale(_whole(body, "replicas"), expected)
        except ReplicaConflict as error:
            abort(409, str(error))
        except ValueError as error:
            abort(422, str(error))
        return _deployment(service)

    @api.post("/deployments/<name>/restart")
    def restart(name: str) -> Reply:
        _known(name, DEPLOYMENT, "deployment")
        key = _key()

        def act() -> dict[str, Any]:
            service.error_share = 0.0  # a bad state that a fresh start cures
            return {"generation": service.pool.restart(key)}

        return jsonify(once.answer(request.path, key, act)), 202


def _cache_routes(api: Blueprint, service: FeatureService, once: Once) -> None:
    @api.post("/caches/<name>/clear")
    def clear(name: str) -> Response:
        _known(name, CACHE, "cache")
        return jsonify(
            once.answer(request.path, _key(), lambda: {"cleared": service.cache.clear()})
        )


def _model_routes(api: Blueprint, trainer: Trainer, once: Once) -> None:
    @api.post("/models/<name>/retrain")
    def retrain(name: str) -> Reply:
        _known(name, MODEL, "model")
        answer = once.answer(request.path, _key(), lambda: {"run_id": trainer.start()})
        return jsonify(answer), 202

    @api.get("/models/<name>/retrain/<run_id>")
    def show_training(name: str, run_id: str) -> Response:
        _known(name, MODEL, "model")
        try:
            return jsonify(state=trainer.state(run_id))
        except KeyError:
            abort(404, f"no retraining {run_id!r}")


def _fault_routes(api: Blueprint, service: FeatureService) -> None:
    @api.get("/faults")
    def show_faults() -> Response:
        return jsonify(faults=[fault_state(service, name) for name in FAULTS])

    @api.put("/faults/<name>")
    def switch_fault(name: str) -> Response:
        if name not in FAULTS:
            abort(404, f"no fault {name!r}: there are {', '.join(FAULTS)}")
        try:
            return jsonify(set_fault(service, name, _body()))
        except ValueError as error:
            abort(422, str(error))


def _deployment(service: FeatureService) -> Response:
    return jsonify(name=DEPLOYMENT, **asdict(service.pool.status()))


def _known(name: str, only: str, kind: str) -> None:
    if name != only:
        abort(404, f"no {kind} {name!r}: there is {only!r}")


def _body() -> dict[str, Any]:
    body = request.get_json()
    if not isinstance(body, dict):
        abort(400, "the body must be a JSON object")
    return body


def _whole(body: dict[str, Any], field: str) -> int:
    value = body.get(field)
    if isinstance(value, bool) or not isinstance(value, int):
        abort(422, f"{field} must be a whole number")
    return value


def _key() -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not key or len(key) > 200:  # noqa: PLR2004
        abort(400, "send an Idempotency-Key header of 1 to 200 characters")
    return key
