"""What people want of actions: to run one, to approve its plan, to deny it, to cancel it."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, exists, select

from featurewatch_receiver.automation import approvals, remediations
from featurewatch_receiver.automation.planner import Planner
from featurewatch_receiver.automation.remediations import Remediation, Step
from featurewatch_receiver.automation.reports import report_decision, report_step
from featurewatch_receiver.core import Core
from featurewatch_receiver.engine import WorkQueue
from featurewatch_receiver.errors import ConflictError, MissingError
from featurewatch_receiver.people import audit
from featurewatch_receiver.people.acts import Said
from featurewatch_receiver.people.audit import Act, Deed
from featurewatch_receiver.store.schema import episodes

# Makes the same id of the same person's same key; any fixed one does.
_NAMESPACE = uuid.UUID("6d6f9a52-2f0e-4c0a-8a54-1c1d2c6b7f10")

_Do = Callable[[Connection, Remediation], Step | None]
_REFUSED = {
    Act.APPROVE: "waits for no approval",
    Act.DENY: "waits for no approval",
    Act.CANCEL: "has ended",
}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """An action that a person wants."""

    action: str
    extractor: str
    episode_id: str | None


def run(core: Core, queue: WorkQueue, wish: Wish, said: Said, key: str | None) -> str:
    """Decide about an action that a person asks for, and return its id.

    The same key of the same person is the same wish, which is decided once.

    Raises:
        MissingError: there is no such action or episode.
        ConflictError: the key was used for another wish.

    """
    if wish.action not in core.config.responses.actions.names():
        raise MissingError("action: none is named so; see /api/v1/guards")
    row_id = f"manual:{uuid.uuid5(_NAMESPACE, f'{said.user},{key}') if key else uuid.uuid4()}"
    detail = vars(wish)
    deed = Deed(actor=said.user, act=Act.RUN, subject=row_id, reason=said.reason, detail=detail)
    with core.writer.begin() as connection:
        if earlier := remediations.load(connection, row_id):
            _refuse_another(wish, earlier)
            return row_id
        _check_episode(connection, wish)
        decision = Planner(core, connection, queue).ask(
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


def approve(core: Core, queue: WorkQueue, row_id: str, said: Said) -> None:
    """Let a plan run. Raises as `cancel` does."""

    def do(connection: Connection, row: Remediation) -> Step | None:
        return approvals.approve(core, connection, queue, row, **vars(said))

    _act(core, Act.APPROVE, row_id, said, do)


def deny(core: Core, row_id: str, said: Said) -> None:
    """Drop a plan. Raises as `cancel` does."""

    def do(connection: Connection, row: Remediation) -> Step | None:
        return approvals.deny(core, connection, row, **vars(said))

    _act(core, Act.DENY, row_id, said, do)


def cancel(core: Core, row_id: str, said: Said) -> None:
    """Stop a remediation; what its target was told already stays, on its lease if it has one.

    Raises:
        MissingError: there is no such remediation.
        ConflictError: it is not in the state for that.

    """

    def do(connection: Connection, row: Remediation) -> Step | None:
        return approvals.cancel(core, connection, row, **vars(said))

    _act(core, Act.CANCEL, row_id, said, do)


def _act(core: Core, act: Act, row_id: str, said: Said, do: _Do) -> None:
    """Do it and write down who did, in one transaction."""
    with core.writer.begin() as connection:
        row = remediations.load(connection, row_id)
        if row is None:
            missing = "remediation: there is none with this id; see /api/v1/remediations"
            raise MissingError(missing)
        step = do(connection, row)
        if step is None:
            now = f"it is {row.state}; see /api/v1/remediations"
            raise ConflictError(f"remediation: {_REFUSED[act]}, {now}")
        deed = Deed(actor=said.user, act=act, subject=row_id, reason=said.reason, detail=row.plan)
        audit.record(connection, core, deed)
    report_step(core, row, step)
    audit.tell(deed)


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
