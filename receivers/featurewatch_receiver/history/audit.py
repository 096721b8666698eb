"""What people did: one row and one log line for each act."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update

from featurewatch_receiver import logs
from featurewatch_receiver.core import Core
from featurewatch_receiver.store.schema import audit

# An act that is not complete after that was interrupted, and never will be.
_LONGEST = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class Deed:
    """One act: who did what to what, and why."""

    actor: str
    #: Its name in the table of acts.
    act: str
    #: The id of the episode, remediation or lease, or the name of the switch.
    subject: str
    reason: str
    detail: dict[str, Any] | None = None


def record(connection: Connection, core: Core, deed: Deed) -> int:
    """Store what is done, in the transaction that does it, and return the row's id."""
    row = insert(audit).values({"at": core.now(), **vars(deed)}).returning(audit.c.id)
    return int(connection.execute(row).scalar_one())


def complete(connection: Connection, core: Core, row_id: int, detail: dict[str, Any]) -> None:
    """Say of a stored act that it is done, and what it has changed."""
    done = {"at": core.now(), "detail": detail}
    connection.execute(update(audit).where(audit.c.id == row_id).values(done))


def acted_on(connection: Connection, since: datetime) -> set[str]:
    """The subjects of what was done since then, or is being done."""
    under_way = audit.c.detail.is_(None) & (audit.c.at > since - _LONGEST)
    query = select(audit.c.subject).where(or_(audit.c.at > since, under_way))
    return set(connection.scalars(query))


def withdraw(connection: Connection, row_id: int) -> None:
    """Forget an act that was refused."""
    connection.execute(delete(audit).where(audit.c.id == row_id))


def tell(deed: Deed) -> None:
    """Log what was done, once it is stored."""
    logs.event("act", **vars(deed))
