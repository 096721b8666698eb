"""Turning the kill switch: no action begins any more, until it is released."""

from collections.abc import Iterator, Mapping

from featurewatch_receiver.acts.base import Act, Doing, Json, SubjectKind
from featurewatch_receiver.core import Core
from featurewatch_receiver.history import audit
from featurewatch_receiver.store import switches
from featurewatch_receiver.store.switches import KILL_SWITCH, Switch

ENGAGE, RELEASE = "engage_kill_switch", "release_kill_switch"


def engage(doing: Doing) -> Switch:
    """Let no action begin any more, and return how the switch stands."""
    return _turn(doing, ENGAGE, engaged=True)


def release(doing: Doing) -> Switch:
    """Let actions begin again, and return how the switch stands."""
    return _turn(doing, RELEASE, engaged=False)


def _turn(doing: Doing, act: str, *, engaged: bool) -> Switch:
    """If it stands so already, nothing changes."""
    core, said = doing.core, doing.said
    switch = Switch(
        engaged=engaged, changed_at=core.now(), changed_by=said.user, reason=said.reason
    )
    deed = doing.deed(act, subject=KILL_SWITCH)
    with core.writer.begin() as connection:
        if not switches.turn(connection, switch):
            return switches.read(connection)
        audit.record(connection, core, deed)
    audit.tell(deed)
    return switch


def foretell_engaging(_: Core, row: Json, __: Mapping[str, str]) -> Iterator[str]:
    """What does not begin any more."""
    if row["engaged"]:
        yield "It is engaged already; nothing will change."
    yield "No action begins any more: no planned one, none that waits for approval, none by hand."
    yield "What runs already goes on; cancel it by itself."


def foretell_releasing(_: Core, row: Json, __: Mapping[str, str]) -> Iterator[str]:
    """What begins again."""
    if not row["engaged"]:
        yield "It is released already; nothing will change."
    yield "Actions begin again, also for alerts that have fired meanwhile."


ACTS = (
    Act(
        name=ENGAGE,
        on=SubjectKind.KILL_SWITCH,
        verb="engage",
        summary="Let no action begin any more.",
        title="Engage the kill switch",
        done="The kill switch is engaged. No action begins.",
        run=engage,
        foretell=foretell_engaging,
        grave=True,
        refusals=(),
    ),
    Act(
        name=RELEASE,
        on=SubjectKind.KILL_SWITCH,
        verb="release",
        summary="Let actions begin again.",
        title="Release the kill switch",
        done="The kill switch is released.",
        run=release,
        foretell=foretell_releasing,
        refusals=(),
    ),
)
