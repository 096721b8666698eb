"""/api/v1 for people and the console: the table of calls, and the blueprint that serves it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pydantic
from flask import Blueprint, Response, jsonify, request
from pydantic import RootModel, TypeAdapter
from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver import logs
from featurewatch_receiver.acts import ACTS
from featurewatch_receiver.acts.base import Act, Doing, Said, SubjectKind
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import MissingError, ReceiverError
from featurewatch_receiver.store.queue import WorkQueue
from featurewatch_receiver.web import parameters, reads, responses
from featurewatch_receiver.web.calls import (
    CODES,
    DESCRIPTION,
    PREFIX,
    RETRY_AFTER_SECONDS,
    Asked,
    Call,
    QuestionError,
    Tag,
    code_of,
)
from featurewatch_receiver.web.gate import Gate
from featurewatch_receiver.web.openapi import describe

Document = RootModel[dict[str, Any]]
_AWAY = "database: is not available; nothing was stored, repeat it"


def get_description(_: Asked) -> dict[str, Any]:
    """This description."""
    return describe(CALLS)


def _get(path: str, run: Callable[[Asked], Any], answer: Any, tag: Tag, **more: Any) -> Call:
    summary = (run.__doc__ or "").partition("\n")[0]
    return Call(
        name=run.__name__,
        method="GET",
        path=path,
        run=run,
        answer=answer,
        tag=tag,
        summary=summary,
        **more,
    )


_EPISODE = "/episodes/<episode_id>"
_REMEDIATION = "/remediations/<path:remediation_id>"

READS: tuple[Call, ...] = (
    _get("/openapi.json", get_description, Document, Tag.ABOUT),
    _get("/me", reads.get_me, responses.MeResponse, Tag.ABOUT),
    _get(
        "/summary",
        reads.get_summary,
        responses.SummaryResponse,
        Tag.ABOUT,
        query=parameters.Hindsight,
    ),
    # Alerts
    _get(
        "/alerts",
        reads.get_alerts,
        responses.AlertsResponse,
        Tag.ALERTS,
        query=parameters.EpisodeFilter,
    ),
    _get("/alerts/<fingerprint>", reads.get_alert, responses.EpisodeDetailsResponse, Tag.ALERTS),
    _get(
        "/episodes",
        reads.get_episodes,
        responses.EpisodesResponse,
        Tag.ALERTS,
        query=parameters.EpisodesWithin,
    ),
    _get(_EPISODE, reads.get_episode, responses.EpisodeDetailsResponse, Tag.ALERTS),
    # Remediations
    _get(
        "/remediations",
        reads.get_remediations,
        responses.RemediationsResponse,
        Tag.REMEDIATIONS,
        query=parameters.RemediationsWithin,
    ),
    _get(_REMEDIATION, reads.get_remediation, responses.RemediationResponse, Tag.REMEDIATIONS),
    # Control
    _get("/guards", reads.get_guards, responses.GuardsResponse, Tag.CONTROL),
    _get(
        "/guards/<path:extractor>",
        reads.get_guards_of_target,
        responses.TargetGuardsResponse,
        Tag.CONTROL,
    ),
    _get("/kill-switch", reads.get_kill_switch, responses.SwitchResponse, Tag.CONTROL),
    _get(
        "/leases",
        reads.get_leases,
        responses.LeasesResponse,
        Tag.CONTROL,
        query=parameters.LeasesWithin,
    ),
    # History
    _get(
        "/notifications",
        reads.get_notifications,
        responses.NotificationsResponse,
        Tag.HISTORY,
        query=parameters.NotificationsWithin,
    ),
    _get(
        "/audit",
        reads.get_audit,
        responses.DeedsResponse,
        Tag.HISTORY,
        query=parameters.DeedsWithin,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Noun:
    """Where acts on one kind of subject are, and what they answer."""

    path: str
    tag: Tag
    answer: type[pydantic.BaseModel]
    #: What the answer is made of, from what the act returned.
    after: Callable[[Asked, Any], Any]
    code: int = 200


NOUNS: Mapping[SubjectKind, Noun] = {
    SubjectKind.EPISODE: Noun(
        path=_EPISODE,
        tag=Tag.ALERTS,
        answer=responses.EpisodeDetailsResponse,
        after=lambda asked, _: reads.get_episode(asked),
    ),
    SubjectKind.REMEDIATION: Noun(
        path=_REMEDIATION,
        tag=Tag.REMEDIATIONS,
        answer=responses.RemediationResponse,
        after=lambda asked, _: reads.get_remediation(asked),
    ),
    SubjectKind.LEASE: Noun(
        path="/leases/<path:lease_id>",
        tag=Tag.CONTROL,
        answer=responses.LeaseResponse,
        after=lambda _, lease: lease,
    ),
    SubjectKind.ACTION: Noun(
        path="/remediations",
        tag=Tag.REMEDIATIONS,
        answer=responses.RemediationResponse,
        after=reads.remediation,
        code=201,
    ),
    SubjectKind.KILL_SWITCH: Noun(
        path="/kill-switch",
        tag=Tag.CONTROL,
        answer=responses.SwitchResponse,
        after=lambda _, switch: switch,
    ),
}


def _act(act: Act) -> Call:
    """The call of a row of the table of acts."""
    noun = NOUNS[act.on]

    def run(asked: Asked) -> Any:
        said = Said(user=asked.person.name, reason=asked.body.reason)
        subject = next(iter(asked.path.values()), "")
        doing = Doing(
            core=asked.core, queue=asked.queue, subject=subject, said=said, body=asked.body
        )
        result = act.run(doing)
        return result if act.makes_silence else noun.after(asked, result)

    return Call(
        name=act.name,
        method="POST",
        path="/".join(filter(None, (noun.path, act.verb))),
        run=run,
        answer=responses.AcknowledgedResponse if act.makes_silence else noun.answer,
        tag=noun.tag,
        summary=act.summary,
        body=act.body,
        role=act.role,
        code=noun.code,
        refusals=act.refusals,
    )


CALLS: tuple[Call, ...] = (*READS, *(_act(act) for act in ACTS.values()))


def api(core: Core, queue: WorkQueue) -> Blueprint:
    """Return the blueprint; each of its requests must come from a person."""
    blueprint = Blueprint("api", __name__, url_prefix=PREFIX)
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
