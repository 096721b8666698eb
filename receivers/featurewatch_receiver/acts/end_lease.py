"""Ending a lease: a change stays for good."""

from collections.abc import Iterator, Mapping

from sqlalchemy import select

from featurewatch_receiver.acts.base import Act, Doing, Json, SubjectKind
from featurewatch_receiver.automation import leases
from featurewatch_receiver.automation.remediations import report_step
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import ConflictError, MissingError
from featurewatch_receiver.history import audit
from featurewatch_receiver.phrases import plan
from featurewatch_receiver.states import LeaseEnd
from featurewatch_receiver.store.schema import leases as table

NAME = "end_lease"


def end_lease(doing: Doing) -> Json:
    """Leave the target as it is for good, and return the lease; a way back that is planned stops.

    Raises:
        MissingError: there is no such lease.
        ConflictError: it has ended, or the target was told to go back.

    """
    core, lease_id, said = doing.core, doing.subject, doing.said
    one = select(table).where(table.c.id == lease_id)
    with core.writer.begin() as connection:
        if connection.execute(one).one_or_none() is None:
            raise MissingError("lease: there is none with this id; see /api/v1/leases")
        if not leases.end(connection, lease_id, core.now(), LeaseEnd.CANCELLED, said.user):
            raise ConflictError("lease: has ended; see /api/v1/leases")
        stopped = leases.keep(connection, core, lease_id, **vars(said))
        audit.record(connection, core, deed := doing.deed(NAME))
        ended = dict(connection.execute(one).one()._mapping)
    for row, step in stopped:
        report_step(core, row, step)
    audit.tell(deed)
    return ended


def foretell(_: Core, row: Json, __: Mapping[str, str]) -> Iterator[str]:
    """What stays, and what it will not be taken back to."""
    yield f"{plan(row['changed_to'])} stays for good."
    yield f"It will not be taken back to {plan(row['back_to'])}."


ACTS = (
    Act(
        name=NAME,
        on=SubjectKind.LEASE,
        verb="end",
        summary="Keep a change for good.",
        title="Keep the change",
        done="The lease has ended; the change stays.",
        run=end_lease,
        foretell=foretell,
    ),
)
