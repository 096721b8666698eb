"""Cancelling a remediation, wherever it stands."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from featurewatch_receiver.acts.base import Act, Doing, Json, SubjectKind
from featurewatch_receiver.acts.on_remediation import change
from featurewatch_receiver.automation import approvals
from featurewatch_receiver.automation.remediations import Remediation, Step
from featurewatch_receiver.core import Core
from featurewatch_receiver.phrases import spoken

NAME = "cancel"


def cancel(doing: Doing) -> None:
    """Stop a remediation; what its target was told already stays, on its lease if it has one.

    Raises:
        MissingError: there is no such remediation.
        ConflictError: it is not in the state for that.

    """

    def do(connection: Connection, row: Remediation) -> Step | None:
        return approvals.cancel(doing.core, connection, row, **vars(doing.said))

    change(doing, NAME, "has ended", do)


def foretell(_: Core, row: Json, __: Mapping[str, str]) -> Iterator[str]:
    """Where it stops, and what stays."""
    yield f"It is {spoken(row['state'])}, and stops there."
    yield (
        "What its target was told already stays until its lease ends, if it has one;"
        " else look whether it has to be undone."
    )


ACTS = (
    Act(
        name=NAME,
        on=SubjectKind.REMEDIATION,
        verb="cancel",
        summary="Stop a remediation.",
        title="Cancel",
        done="Cancelled.",
        run=cancel,
        foretell=foretell,
        grave=True,
    ),
)
