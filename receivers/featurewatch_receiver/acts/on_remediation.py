"""What acts on remediations share: one transaction that does it and writes down who did."""

from collections.abc import Callable

from sqlalchemy import Connection

from featurewatch_receiver.acts.base import Doing
from featurewatch_receiver.automation import remediations
from featurewatch_receiver.automation.remediations import Remediation, Step, report_step
from featurewatch_receiver.errors import ConflictError, MissingError
from featurewatch_receiver.history import audit


def change(
    doing: Doing, act: str, refused: str, do: Callable[[Connection, Remediation], Step | None]
) -> None:
    """Do it and write down who did; `refused` says why it can't be done in another state.

    Raises:
        MissingError: there is no such remediation.
        ConflictError: it is not in the state for that.

    """
    core = doing.core
    with core.writer.begin() as connection:
        row = remediations.load(connection, doing.subject)
        if row is None:
            missing = "remediation: there is none with this id; see /api/v1/remediations"
            raise MissingError(missing)
        step = do(connection, row)
        if step is None:
            now = f"it is {row.state}; see /api/v1/remediations"
            raise ConflictError(f"remediation: {refused}, {now}")
        deed = doing.deed(act, detail=row.plan)
        audit.record(connection, core, deed)
    report_step(core, row, step)
    audit.tell(deed)
