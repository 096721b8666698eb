"""One call of /api/v1: how it is asked, who may, and what it answers.

The table of calls is both what is served and what is described.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeVar

import pydantic
from flask import Request
from pydantic_core import ErrorDetails

from featurewatch_receiver import pydantic_errors
from featurewatch_receiver.access.users import Person
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import (
    AlertmanagerError,
    ConflictError,
    CursorError,
    MissingError,
    NoteError,
    UsersFileError,
)
from featurewatch_receiver.logs import one_line
from featurewatch_receiver.states import Role
from featurewatch_receiver.store.queue import WorkQueue
from featurewatch_receiver.web.parameters import Nothing, Query

Model = TypeVar("Model", bound=pydantic.BaseModel)

PREFIX = "/api/v1"
DESCRIPTION = f"{PREFIX}/openapi.json"
#: When to come back after a 503.
RETRY_AFTER_SECONDS = "5"


class Tag(StrEnum):
    """What calls are about; the sections of the description."""

    ALERTS = "alerts"
    REMEDIATIONS = "remediations"
    CONTROL = "control"
    HISTORY = "history"
    ABOUT = "about"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request, checked."""

    core: Core
    queue: WorkQueue
    person: Person
    #: The names in the path.
    path: Mapping[str, str]
    query: Any
    body: Any


@dataclass(frozen=True, kw_only=True)
class Call:
    """One row of the table."""

    #: No two calls have the same.
    name: str
    method: Literal["GET", "POST"]
    #: Below /api/v1, in the words of Flask.
    path: str
    summary: str
    tag: Tag
    run: Callable[[Asked], Any]
    answer: type[pydantic.BaseModel]
    query: type[Query] = Nothing
    body: type[pydantic.BaseModel] | None = None
    #: Who may call it, at least.
    role: Role = Role.VIEWER
    code: int = 200
    #: What it can refuse with, besides what every call can.
    refusals: tuple[int, ...] = ()

    def ask(self, request: Request) -> tuple[Query, pydantic.BaseModel | None]:
        """Read parameters and body.

        Raises:
            QuestionError: they are not what the call takes.

        """
        try:
            query = self.query.model_validate(_parameters(request, self.query))
            body = self.body.model_validate_json(request.get_data()) if self.body else None
        except pydantic.ValidationError as error:
            ours = error.title == getattr(self.body, "__name__", None)
            raise _refusal(error, (self.body if ours else None) or self.query) from error
        return query, body


class QuestionError(Exception):
    """Parameters or body are not what the call takes. The text names the place and the fix."""


#: What API and console answer when one of these is raised.
CODES: dict[type[Exception], int] = {
    QuestionError: 400,
    CursorError: 400,
    NoteError: 400,
    MissingError: 404,
    ConflictError: 409,
    AlertmanagerError: 502,
    UsersFileError: 503,
}


def code_of(error: Exception) -> int:
    """Return the code of an error that is one of them."""
    return next(code for kind, code in CODES.items() if isinstance(error, kind))


def check(model: type[Model], values: Mapping[str, Any]) -> Model:
    """Read what a form holds.

    Raises:
        QuestionError: it is not what the model takes.

    """
    try:
        return model.model_validate(values)
    except pydantic.ValidationError as error:
        raise _refusal(error, model) from error


def _refusal(error: pydantic.ValidationError, model: type[pydantic.BaseModel]) -> QuestionError:
    details, more = pydantic_errors.first(error)
    return QuestionError(_line(details, model) + more)


def _parameters(request: Request, model: type[Query]) -> dict[str, Any]:
    """Each parameter as a list where the model takes one, and else by itself."""
    lists = {n for n, info in model.model_fields.items() if info.default == []}
    values = request.args.lists()
    return {n: found if n in lists or len(found) > 1 else found[0] for n, found in values}


def _line(problem: ErrorDetails, model: type[pydantic.BaseModel]) -> str:
    place = ".".join(str(step) for step in problem["loc"]) or "body"
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        known = ", ".join(model.model_fields) or "none"
        return f"{one_line(place)}: is unknown; known here: {known}"
    name = str(problem["loc"][0]) if problem["loc"] else ""
    if kind.startswith(("int", "greater", "less")):
        bounds = {k: v for m in model.model_fields[name].metadata for k, v in _bounds(m).items()}
        text = f"is not a whole number from {bounds['ge']} to {bounds['le']}"
        return f"{place}: {text}; write ?{name}={model.model_fields[name].default}"
    if kind in ("enum", "literal_error"):
        return f"{place}: is none of {context['expected']}; write one of them"
    return f"{place}: {pydantic_errors.plain(problem, pydantic_errors.OF_JSON)}; see {DESCRIPTION}"


def _bounds(metadata: Any) -> dict[str, int]:
    return {n: getattr(metadata, n) for n in ("ge", "le") if hasattr(metadata, n)}
