"""When Alertmanager and Prometheus last answered; whoever shows history says how old it is."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from featurewatch_receiver.core import Core
from featurewatch_receiver.store.database import without_nul
from featurewatch_receiver.store.schema import servers

ALERTMANAGER, PROMETHEUS = "alertmanager", "prometheus"


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What one server last did."""

    name: str
    asked_at: datetime
    #: None: it never answered.
    heard_at: datetime | None
    #: Why it did not answer when it was last asked; None: it did.
    problem: str | None


def note(core: Core, name: str, problem: str | None) -> None:
    """Remember that a server was asked just now, and whether it answered.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: it can't be stored.

    """
    now = core.now()
    values = {"asked_at": now, "problem": without_nul(problem) if problem else None}
    if problem is None:
        values["heard_at"] = now
    with core.writer.begin() as connection:
        known = update(servers).where(servers.c.name == name)
        if connection.execute(known.values(values)).rowcount == 0:
            connection.execute(insert(servers), {"name": name, **values})


def read(connection: Connection) -> dict[str, Heard]:
    """What is known of each server that was asked."""
    return {row.name: Heard(**row._mapping) for row in connection.execute(select(servers))}
