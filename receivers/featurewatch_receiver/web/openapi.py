"""Describes /api/v1 as OpenAPI 3.1, from the table of calls and the models that serve."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Literal

import pydantic
from pydantic.json_schema import models_json_schema

from featurewatch_receiver.version import VERSION
from featurewatch_receiver.web.calls import PREFIX, Call
from featurewatch_receiver.web.responses import ErrorResponse

Json = dict[str, Any]
Mode = Literal["validation", "serialization"]
Model = type[pydantic.BaseModel]
#: Every call can refuse with these.
_REFUSALS = (400, 401, 403, 500, 503)
_IN_PATH = re.compile(r"<(?:path:)?(\w+)>")


def describe(calls: Iterable[Call]) -> Json:
    """Return the document."""
    table = list(calls)
    wanted: list[tuple[Model, Mode]] = [(ErrorResponse, "serialization")]
    wanted += [(call.answer, "serialization") for call in table]
    wanted += [(call.query, "validation") for call in table]
    wanted += [(call.body, "validation") for call in table if call.body]
    models, shared = models_json_schema(
        list(dict.fromkeys(wanted)), ref_template="#/components/schemas/{model}"
    )
    document: Json = {
        "openapi": "3.1.0",
        "info": {"title": "featurewatch-receiver", "version": VERSION},
        "servers": [{"url": PREFIX}],
        "security": [{"bearer": []}],
        "paths": {},
        "components": {
            "schemas": shared["$defs"],
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }
    for call in table:
        path = document["paths"].setdefault(path_of(call), {})
        path[call.method.lower()] = _operation(call, models, shared["$defs"])
    return document


def path_of(call: Call) -> str:
    """The path of a call in the words of OpenAPI."""
    return _IN_PATH.sub(r"{\1}", call.path)


def _operation(call: Call, models: Any, schemas: Json) -> Json:
    operation: Json = {
        "operationId": call.name,
        "summary": call.summary,
        "description": f"For a {call.role}.",
        "tags": [call.tag],
        "parameters": [*_path_parameters(call), *_query_parameters(call, models, schemas)],
        "responses": {
            str(call.code): _response(call.code, models[call.answer, "serialization"]),
            **{
                str(code): _response(code, models[ErrorResponse, "serialization"])
                for code in sorted(
                    {*_REFUSALS, *call.refusals, *([404] if "<" in call.path else [])}
                )
            },
        },
    }
    if call.body:
        schema = models[call.body, "validation"]
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
        for code in (413, 415):
            operation["responses"][str(code)] = _response(
                code, models[ErrorResponse, "serialization"]
            )
    return operation


def _response(code: int, schema: Json) -> Json:
    return {
        "description": HTTPStatus(code).phrase,
        "content": {"application/json": {"schema": schema}},
    }


def _path_parameters(call: Call) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _IN_PATH.findall(call.path)
    ]


def _query_parameters(call: Call, models: Any, schemas: Json) -> list[Json]:
    name = models[call.query, "validation"]["$ref"].rpartition("/")[2]
    properties = schemas[name].get("properties", {})
    return [
        {"name": key, "in": "query", "required": False, "schema": _bare(schema)}
        for key, schema in properties.items()
    ]


def _bare(schema: Json) -> Json:
    """A parameter that is not given has no value; there is no null in a query."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    rest = {k: v for k, v in schema.items() if k not in ("anyOf", "default") or not kinds}
    return rest | kinds[0] if kinds else rest
