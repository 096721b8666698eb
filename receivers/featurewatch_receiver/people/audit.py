"""What people did: one row and one log line for each act."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, insert, update

from featurewatch_receiver import logs
from featurewatch_receiver.core import Core
from featurewatch_receiver.store.schema import audit


class Act(StrEnum):
    """What a person can do."""

    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    RESOLVE = "resolve"
    SILENCE = "silence"
    UNSILENCE = "unsilence"
    RUN = "run"
    APPROVE = "approve"
    DENY = "deny"
    CANCEL = "cancel"
    END_LEASE = "end_lease"
    ENGAGE_KILL_SWITCH = "engage_kill_switch"
    RELEASE_KILL_SWITCH = "release_kill_switch"


@dataclass(frozen=True, kw_only=True)
class Deed:
    """One act: who did what to what, and why."""

    actor: str
    act: Act
    #: The id of the episode, remediation or lease, or the name of the switch.
    subject: str
    reason: str
    detail: dict[str, Any] | None = None


def record(connection: Connection, core: Core, deed: Deed) -> int:
    """Store what is done, in the transaction that does it, and return the row's id."""
    row = insert(audit).values({"at": core.now(), **vars(deed)}).returning(audit.c.id)
    return int(connection.execute(row).scalar_one())


def complete(connection: Connection, row_id: int, detail: dict[str, Any]) -> None:
    """Say of a stored act what it has changed."""
    connection.execute(update(audit).where(audit.c.id == row_id).values(detail=detail))


def withdraw(connection: Connection, row_id: int) -> None:
    """Forget an act that was refused."""
    connection.execute(delete(audit).where(audit.c.id == row_id))


def tell(deed: Deed) -> None:
    """Log what was done, once it is stored."""
    logs.event("act", **vars(deed))
