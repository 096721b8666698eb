"""Running an action by hand."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection, exists, select

from featurewatch_receiver.acts.base import Act, Doing, Json, Said, SubjectKind
from featurewatch_receiver.acts.bodies import Why, Word
from featurewatch_receiver.automation import remediations
from featurewatch_receiver.automation.planner import Planner
from featurewatch_receiver.automation.preview import preview
from featurewatch_receiver.automation.remediations import Remediation, report_decision
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import ConflictError, MissingError
from featurewatch_receiver.history import audit
from featurewatch_receiver.phrases import spoken
from featurewatch_receiver.store.schema import episodes

NAME = "run"
# Makes the same id of the same person's same key; any fixed one does.
_NAMESPACE = uuid.UUID("6d6f9a52-2f0e-4c0a-8a54-1c1d2c6b7f10")


class Wish(Why):
    """An action that a person wants."""

    action: Annotated[Word, Field(description="One of responses.actions.")]
    extractor: Annotated[Word, Field(description="One of targets.")]
    episode_id: Annotated[Word | None, Field(description="The episode it is for.")] = None
    key: Annotated[
        Word | None, Field(description="The same key of the same person is one wish.")
    ] = None


def run(doing: Doing) -> str:
    """Decide about an action that a person asks for, and return its id.

    The same key of the same person is the same wish, which is decided once.

    Raises:
        MissingError: there is no such action or episode.
        ConflictError: the key was used for another wish.

    """
    core, said, wish = doing.core, doing.said, doing.body
    if wish.action not in core.config.responses.actions.names():
        raise MissingError("action: none is named so; see /api/v1/guards")
    row_id = _row_id(said, wish.key)
    detail = wish.model_dump(include={"action", "extractor", "episode_id"})
    deed = doing.deed(NAME, subject=row_id, detail=detail)
    with core.writer.begin() as connection:
        if earlier := remediations.load(connection, row_id):
            _refuse_another(wish, earlier)
            return row_id
        _check_episode(connection, wish)
        decision = Planner(core, connection, doing.queue).ask(
            wish.action,
            wish.extractor,
            row_id=row_id,
            episode_id=wish.episode_id,
            user=said.user,
            reason=said.reason,
        )
        audit.record(connection, core, deed)
    audit.tell(deed)
    report_decision(core, decision)
    return row_id


def _row_id(said: Said, key: str | None) -> str:
    return f"manual:{uuid.uuid5(_NAMESPACE, f'{said.user},{key}') if key else uuid.uuid4()}"


def _check_episode(connection: Connection, wish: Wish) -> None:
    if wish.episode_id is None:
        return
    known = exists().where(episodes.c.id == wish.episode_id)
    if not connection.scalar(select(known)):
        raise MissingError("episode_id: there is none with this id; see /api/v1/episodes")


def _refuse_another(wish: Wish, earlier: Remediation) -> None:
    asked = wish.action, wish.episode_id
    # What is no target is stored without one.
    same_target = earlier.target in (wish.extractor, None)
    if asked != (earlier.action, earlier.episode_id) or not same_target:
        raise ConflictError("key: was used for another wish; send a new one")


def foretell(core: Core, row: Json, form: Mapping[str, str]) -> Iterator[str]:
    """The plan, what holds it back, and how often it ran."""
    name = form.get("action", "")
    guard = row["actions"].get(name)
    if guard is None:
        return
    yield f"{name} runs on {row['extractor']} once, within the bounds of its target."
    yield preview(core, name, row["extractor"])
    if blocked := guard["blocked_by_for_person"]:
        yield f"It would not run now: {spoken(blocked)} holds it back."
    else:
        yield "Nothing holds it back now. The target is looked at once more before it is touched."
    runs = f"{guard['runs_of_hour']} within the hour, {guard['runs_of_day']} within the day"
    yield f"It ran {runs}."


ACTS = (
    Act(
        name=NAME,
        on=SubjectKind.ACTION,
        verb="",
        summary="Run an action by hand.",
        title="Run an action",
        done="Asked for. What became of it stands below.",
        run=run,
        foretell=foretell,
        body=Wish,
        grave=True,
        refusals=(404, 409),
    ),
)
