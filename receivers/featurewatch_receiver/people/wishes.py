"""What people want of actions: to run one, to approve its plan, to deny it, to cancel it."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, exists, select

from featurewatch_receiver.automation import approvals, remediations
from featurewatch_receiver.automation.planner import Planner
from featurewatch_receiver.automation.remediations import Remediation
from featurewatch_receiver.automation.reports import report_decision
from featurewatch_receiver.core import Core
from featurewatch_receiver.engine import WorkQueue
from featurewatch_receiver.errors import ConflictError, MissingError
from featurewatch_receiver.people import audit
from featurewatch_receiver.people.acts import Said
from featurewatch_receiver.people.audit import Act, Deed
from featurewatch_receiver.store.schema import episodes

# Makes the same id of the same person's same key; any fixed one does.
_NAMESPACE = uuid.UUID("6d6f9a52-2f0e-4c0a-8a54-1c1d2c6b7f10")


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
    row = _existing(core, row_id)
    _end(
        core,
        Deed(actor=said.user, act=Act.APPROVE, subject=row_id, reason=said.reason, detail=row.plan),
        lambda: approvals.approve(core, queue, row_id, said.user, said.reason),
        f"remediation: waits for no approval, it is {row.state}",
    )


def deny(core: Core, row_id: str, said: Said) -> None:
    """Drop a plan. Raises as `cancel` does."""
    row = _existing(core, row_id)
    _end(
        core,
        Deed(actor=said.user, act=Act.DENY, subject=row_id, reason=said.reason, detail=row.plan),
        lambda: approvals.deny(core, row_id, said.user, said.reason),
        f"remediation: waits for no approval, it is {row.state}",
    )


def cancel(core: Core, row_id: str, said: Said) -> None:
    """Stop a remediation; what its target was told already stays.

    Raises:
        MissingError: there is no such remediation.
        ConflictError: it is not in the state for that.

    """
    row = _existing(core, row_id)
    _end(
        core,
        Deed(actor=said.user, act=Act.CANCEL, subject=row_id, reason=said.reason),
        lambda: approvals.cancel(core, row_id, said.user, said.reason),
        f"remediation: has ended, it is {row.state}",
    )


def _end(core: Core, deed: Deed, do: Callable[[], Remediation | None], refusal: str) -> None:
    if do() is None:
        raise ConflictError(f"{refusal}; see /api/v1/remediations")
    audit.note(core, deed)


def _existing(core: Core, row_id: str) -> Remediation:
    with core.reader.begin() as connection:
        row = remediations.load(connection, row_id)
    if row is None:
        raise MissingError("remediation: there is none with this id; see /api/v1/remediations")
    return row


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
