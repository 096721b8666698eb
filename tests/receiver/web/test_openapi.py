"""The description of the API is of what is served, and what is served keeps to it."""

import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from featurewatch_receiver.web.api import CALLS
from featurewatch_receiver.web.calls import PREFIX
from featurewatch_receiver.web.openapi import path_of
from receiver.api import Api
from receiver.in_process import Receiver
from receiver.payloads import Json, alert, at
from receiver.people import RESPONDER

WEBHOOK = "/webhook/alertmanager"
DOCUMENT = "openapi.json"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def described(receiver: Receiver) -> Json:
    document: Json = Api(receiver, "vic").read("/openapi.json")
    return document


def test_the_description_is_openapi_3_1(described: Json) -> None:
    assert described["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(described).validate()


def test_every_route_is_described_and_nothing_else(receiver: Receiver, described: Json) -> None:
    served = {
        (method, re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule).removeprefix(PREFIX))
        for rule in receiver.client.application.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith(PREFIX + "/")
    }
    written = {
        (method.upper(), path) for path, item in described["paths"].items() for method in item
    }
    assert written == served - {("POST", WEBHOOK)}
    assert len(written) == len(CALLS)


def test_each_call_says_who_may_and_how_it_refuses(described: Json) -> None:
    for path, item in described["paths"].items():
        for method, operation in item.items():
            role = "viewer" if method == "get" else "responder"
            assert operation["description"] == f"For a {role}.", path
            assert {"400", "401", "403"} <= operation["responses"].keys(), path
            assert operation["summary"].endswith("."), path


def test_each_parameter_and_each_key_of_a_body_is_described(described: Json) -> None:
    by_name = {call.name: call for call in CALLS}
    for item in described["paths"].values():
        for operation in item.values():
            call = by_name[operation["operationId"]]
            inquery = {p["name"] for p in operation["parameters"] if p["in"] == "query"}
            assert inquery == call.query.model_fields.keys()
            if call.body:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                name = schema["$ref"].rpartition("/")[2]
                properties = described["components"]["schemas"][name]["properties"]
                assert properties.keys() == call.body.model_fields.keys()


def test_the_manual_has_each_call_once() -> None:
    text = (Path(__file__).parents[3] / "docs/api.md").read_text()
    rows = re.findall(r"^\| `((?:GET|POST) /[^`]*)` \|", text, re.MULTILINE)
    assert sorted(rows) == sorted(f"{call.method} {path_of(call)}" for call in CALLS)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mode", GenerationMode)
def test_whatever_is_sent_is_answered_as_described(
    make_receiver: Callable[[], Receiver], mode: GenerationMode
) -> None:
    receiver = make_receiver()
    receiver.deliver(alert(), alert("Other", end=at(5)))
    app = receiver.client.application
    schema = schemathesis.openapi.from_wsgi(f"{PREFIX}/{DOCUMENT}", app, headers=RESPONDER)
    episode = receiver.episodes()[-1]
    known = {
        "episode_id": episode["id"],
        "fingerprint": episode["alerts"][0]["fingerprint"],
        "remediation_id": episode["remediations"][0]["id"],
        "extractor": "feature_extractor",
    }
    answered, succeeded = set(), set()
    for result in schema.get_all_operations():
        operation = result.ok()
        for case in examples(operation, mode):
            case.path_parameters = {n: known.get(n, v) for n, v in case.path_parameters.items()}
            response = case.call(headers=RESPONDER)
            case.validate_response(response, checks=CHECKS)
            answered.add(operation.label)
            succeeded |= {operation.label} if response.status_code == HTTPStatus.OK else set()
    every = {f"{call.method} {path_of(call)}" for call in CALLS}
    # It does not ask for the description itself; and nothing can be wrong with a bare GET.
    assert answered == every - {f"GET /{DOCUMENT}"} or mode is GenerationMode.NEGATIVE
    assert {label for label in every if label.startswith("POST")} <= answered
    # Whatever is read is found; what is done is in test_api_valid_acts.py.
    reads = {label for label in answered if label.startswith("GET")}
    assert reads <= succeeded or mode is GenerationMode.NEGATIVE


def examples(operation: Any, mode: GenerationMode) -> list[Any]:
    """Some requests that the description allows, or that it does not allow."""
    found: list[Any] = []

    @EXAMPLES
    @given(operation.as_strategy(generation_mode=mode))
    def keep(case: Any) -> None:
        found.append(case)

    try:
        keep()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing is wrong where nothing is asked for
    return found
