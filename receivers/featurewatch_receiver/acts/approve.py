"""Approving a plan that waits for a person."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from featurewatch_receiver.acts.base import Act, Doing, Json, SubjectKind
from featurewatch_receiver.acts.on_remediation import change
from featurewatch_receiver.automation import approvals
from featurewatch_receiver.automation.remediations import Remediation, Step
from featurewatch_receiver.core import Core
from featurewatch_receiver.phrases import plan

NAME = "approve"


def approve(doing: Doing) -> None:
    """Let a plan run. Raises as `cancel` does."""

    def do(connection: Connection, row: Remediation) -> Step | None:
        return approvals.approve(doing.core, connection, doing.queue, row, **vars(doing.said))

    change(doing, NAME, "waits for no approval", do)


def foretell(_: Core, row: Json, __: Mapping[str, str]) -> Iterator[str]:
    """The plan that runs."""
    yield f"This plan runs: {plan(row['plan']) or 'nothing is planned'}"
    yield "All guards are asked again. If another plan would be made by now, that one waits."


ACTS = (
    Act(
        name=NAME,
        on=SubjectKind.REMEDIATION,
        verb="approve",
        summary="Let a plan run.",
        title="Approve",
        done="Approved. It runs as soon as the guards let it.",
        run=approve,
        foretell=foretell,
    ),
)
