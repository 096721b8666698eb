"""Switches that people turn, and that outlast the process."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from featurewatch_receiver.store.schema import switches

KILL_SWITCH = "kill_switch"


@dataclass(frozen=True, kw_only=True)
class Switch:
    """How a switch stands, and who turned it last; nobody yet: null."""

    engaged: bool = False
    changed_at: datetime | None = None
    changed_by: str | None = None
    reason: str | None = None


def read(connection: Connection, name: str = KILL_SWITCH) -> Switch:
    """Return how a switch stands."""
    columns = switches.c.engaged, switches.c.changed_at, switches.c.changed_by, switches.c.reason
    row = connection.execute(select(*columns).where(switches.c.name == name)).one_or_none()
    return Switch(**row._mapping) if row else Switch()


def turn(connection: Connection, switch: Switch, name: str = KILL_SWITCH) -> bool:
    """Turn a switch; False if it stands so already, and then nothing is written."""
    if read(connection, name).engaged == switch.engaged:
        return False
    connection.execute(delete(switches).where(switches.c.name == name))
    connection.execute(insert(switches), {"name": name, **vars(switch)})
    return True
