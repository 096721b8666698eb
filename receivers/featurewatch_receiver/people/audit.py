"""What people did: one row and one log line for each act."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert

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


def record(connection: Connection, core: Core, deed: Deed) -> None:
    """Store what was done, in the transaction that does it."""
    connection.execute(insert(audit), {"at": core.now(), **vars(deed)})


def tell(deed: Deed) -> None:
    """Log what was done, once it is stored."""
    logs.event("act", **vars(deed))
