"""/api/v1 for people and the console: the table of calls, and the blueprint that serves it."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request
from pydantic import RootModel, TypeAdapter
from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver import logs
from featurewatch_receiver.core import Core
from featurewatch_receiver.engine import WorkQueue
from featurewatch_receiver.errors import MissingError, ReceiverError
from featurewatch_receiver.web import answers, control, does, questions, reads, standings
from featurewatch_receiver.web.access import Gate
from featurewatch_receiver.web.calls import (
    CODES,
    DESCRIPTION,
    PREFIX,
    Asked,
    Call,
    QuestionError,
    Tag,
    code_of,
)
from featurewatch_receiver.web.openapi import describe

Document = RootModel[dict[str, Any]]
RETRY_AFTER_SECONDS = "5"
_AWAY = "database: is not available; nothing was stored, repeat it"


def get_description(_: Asked) -> dict[str, Any]:
    """This description."""
    return describe(CALLS)


def _get(path: str, run: Callable[[Asked], Any], answer: Any, tag: Tag, **more: Any) -> Call:
    return _call("GET", path, run, answer, tag, **more)


def _post(path: str, run: Callable[[Asked], Any], answer: Any, tag: Tag, **more: Any) -> Call:
    options = {"body": questions.Why, "refusals": (409,)} | more
    return _call("POST", path, run, answer, tag, **options)


def _call(  # a row of the table below
    method: Any, path: str, run: Callable[[Asked], Any], answer: Any, tag: Tag, **more: Any
) -> Call:
    summary = (run.__doc__ or "").partition("\n")[0]
    return Call(method=method, path=path, run=run, answer=answer, tag=tag, summary=summary, **more)


_AT_ALERTMANAGER = {"body": questions.WhyAndHowLong, "refusals": (409, 502)}
_EPISODE = "/episodes/<episode_id>"
_REMEDIATION = "/remediations/<path:remediation_id>"

CALLS: tuple[Call, ...] = (
    _get("/openapi.json", get_description, Document, Tag.ABOUT),
    _get("/me", reads.get_me, answers.Me, Tag.ABOUT),
    _get("/summary", control.get_summary, standings.Summary, Tag.ABOUT, query=questions.Hindsight),
    # Alerts
    _get("/alerts", reads.get_alerts, answers.Alerts, Tag.ALERTS, query=questions.EpisodeFilter),
    _get("/alerts/<fingerprint>", reads.get_alert, answers.EpisodeDetails, Tag.ALERTS),
    _get(
        "/episodes",
        reads.get_episodes,
        answers.Episodes,
        Tag.ALERTS,
        query=questions.EpisodesWithin,
    ),
    _get(_EPISODE, reads.get_episode, answers.EpisodeDetails, Tag.ALERTS),
    _post(
        f"{_EPISODE}/acknowledge",
        does.acknowledge,
        answers.Acknowledged,
        Tag.ALERTS,
        **_AT_ALERTMANAGER,
    ),
    _post(
        f"{_EPISODE}/unacknowledge",
        does.unacknowledge,
        answers.EpisodeDetails,
        Tag.ALERTS,
        refusals=(409, 502),
    ),
    _post(
        f"{_EPISODE}/resolve", does.resolve, answers.EpisodeDetails, Tag.ALERTS, **_AT_ALERTMANAGER
    ),
    _post(
        f"{_EPISODE}/silence", does.silence, answers.Acknowledged, Tag.ALERTS, **_AT_ALERTMANAGER
    ),
    _post(
        f"{_EPISODE}/unsilence",
        does.unsilence,
        answers.EpisodeDetails,
        Tag.ALERTS,
        refusals=(409, 502),
    ),
    # Remediations
    _get(
        "/remediations",
        reads.get_remediations,
        answers.Remediations,
        Tag.REMEDIATIONS,
        query=questions.RemediationsWithin,
    ),
    _post(
        "/remediations",
        does.run,
        answers.Remediation,
        Tag.REMEDIATIONS,
        body=questions.Wish,
        code=201,
        refusals=(404, 409),
    ),
    _get(_REMEDIATION, reads.get_remediation, answers.Remediation, Tag.REMEDIATIONS),
    _post(f"{_REMEDIATION}/approve", does.approve, answers.Remediation, Tag.REMEDIATIONS),
    _post(f"{_REMEDIATION}/deny", does.deny, answers.Remediation, Tag.REMEDIATIONS),
    _post(f"{_REMEDIATION}/cancel", does.cancel, answers.Remediation, Tag.REMEDIATIONS),
    # Control
    _get("/guards", control.get_guards, standings.Guards, Tag.CONTROL),
    _get(
        "/guards/<path:extractor>",
        control.get_guards_of_target,
        standings.TargetGuards,
        Tag.CONTROL,
    ),
    _get("/kill-switch", reads.get_kill_switch, answers.Switch, Tag.CONTROL),
    _post("/kill-switch/engage", does.engage_kill_switch, answers.Switch, Tag.CONTROL, refusals=()),
    _post(
        "/kill-switch/release", does.release_kill_switch, answers.Switch, Tag.CONTROL, refusals=()
    ),
    _get("/leases", reads.get_leases, answers.Leases, Tag.CONTROL, query=questions.LeasesWithin),
    _post("/leases/<path:lease_id>/end", does.end_lease, answers.Lease, Tag.CONTROL),
    # History
    _get(
        "/notifications",
        reads.get_notifications,
        answers.Notifications,
        Tag.HISTORY,
        query=questions.NotificationsWithin,
    ),
    _get("/audit", reads.get_audit, answers.Deeds, Tag.HISTORY, query=questions.DeedsWithin),
)


def people(core: Core, queue: WorkQueue) -> Blueprint:
    """Return the blueprint; each of its requests must come from a person."""
    blueprint = Blueprint("people", __name__, url_prefix=PREFIX)
    gate = Gate(core)
    for call in CALLS:
        blueprint.add_url_rule(
            call.path,
            endpoint=call.name,
            view_func=_view(call, gate, core, queue),
            methods=[call.method],
            merge_slashes=False,
        )
    blueprint.after_request(_keep_nowhere)
    for error in CODES:
        blueprint.register_error_handler(error, _refuse)
    blueprint.register_error_handler(SQLAlchemyError, _unavailable)
    return blueprint


def _view(call: Call, gate: Gate, core: Core, queue: WorkQueue) -> Callable[..., Response]:
    shape = TypeAdapter(call.answer)

    def view(**path: str) -> Response:
        person = gate.let_in(request, call)
        if "\0" in "".join(path.values()):  # no database has it
            raise MissingError(f"path: there is nothing here; see {DESCRIPTION}")
        query, body = call.ask(request)
        asked = Asked(core=core, queue=queue, person=person, path=path, query=query, body=body)
        answer = shape.validate_python(call.run(asked), from_attributes=True)
        return Response(shape.dump_json(answer), call.code, mimetype="application/json")

    return view


def _keep_nowhere(response: Response) -> Response:
    response.cache_control.no_store = True
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _refuse(error: ReceiverError | QuestionError) -> tuple[Response, int]:
    return jsonify(error=str(error)), code_of(error)


def _unavailable(error: SQLAlchemyError) -> tuple[Response, int, dict[str, str]]:
    logs.trouble("database unavailable", error)
    return jsonify(error=_AWAY), 503, {"Retry-After": RETRY_AFTER_SECONDS}
