"""Denying a plan that waits for a person."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from featurewatch_receiver.acts.base import Act, Doing, Json, SubjectKind
from featurewatch_receiver.acts.on_remediation import change
from featurewatch_receiver.automation import approvals
from featurewatch_receiver.automation.remediations import Remediation, Step
from featurewatch_receiver.core import Core
from featurewatch_receiver.phrases import plan

NAME = "deny"


def deny(doing: Doing) -> None:
    """Drop a plan. Raises as `cancel` does."""

    def do(connection: Connection, row: Remediation) -> Step | None:
        return approvals.deny(doing.core, connection, row, **vars(doing.said))

    change(doing, NAME, "waits for no approval", do)


def foretell(_: Core, row: Json, __: Mapping[str, str]) -> Iterator[str]:
    """The plan that is dropped."""
    yield f"This plan is dropped, and its target is not touched: {plan(row['plan'])}"


ACTS = (
    Act(
        name=NAME,
        on=SubjectKind.REMEDIATION,
        verb="deny",
        summary="Drop a plan.",
        title="Deny",
        done="Denied. The plan is dropped.",
        run=deny,
        foretell=foretell,
    ),
)
