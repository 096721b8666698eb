"""What the forms of people's acts are about; the acts themselves are the table's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from featurewatch_receiver.acts.base import Act, SubjectKind
from featurewatch_receiver.errors import MissingError
from featurewatch_receiver.history.queries import Part, list_leases
from featurewatch_receiver.store.schema import leases
from featurewatch_receiver.web import reads
from featurewatch_receiver.web.calls import Asked

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class About:
    """The subject of a form: its name, its row, and the page to which the form leads back."""

    name: str
    row: Json
    page: str
    at: dict[str, str]


def _episode(asked: Asked) -> About:
    found = reads.get_episode(asked)
    name = found["alertname"] + (f" of {found['extractor']}" if found["extractor"] else "")
    return About(name=name, row=found, page="details", at={"episode_id": found["id"]})


def _remediation(asked: Asked) -> About:
    found = reads.get_remediation(asked)
    name = f"{found['action']} for {found['target'] or 'no target'}"
    return About(name=name, row=found, page="remediation", at={"remediation_id": found["id"]})


def _lease(asked: Asked) -> About:
    one = Part(where=[leases.c.id == asked.path["lease_id"]], hours=None, limit=1)
    rows = list_leases(asked.core, one).rows
    if not rows:
        raise MissingError("lease: there is none with this id")
    name = f"{rows[0]['action']} of {rows[0]['target']}"
    return About(name=name, row=rows[0], page="controls", at={})


def _action(asked: Asked) -> About:
    row = reads.get_guards_of_target(asked)
    return About(name=asked.path["extractor"], row=row, page="controls", at={})


def _kill_switch(asked: Asked) -> About:
    return About(
        name="every action", row=vars(reads.get_kill_switch(asked)), page="controls", at={}
    )


#: How the address names a subject, if it does, and how it is read.
_SUBJECTS: Mapping[SubjectKind, tuple[str | None, Callable[[Asked], About]]] = {
    SubjectKind.EPISODE: ("episode_id", _episode),
    SubjectKind.REMEDIATION: ("remediation_id", _remediation),
    SubjectKind.LEASE: ("lease_id", _lease),
    SubjectKind.ACTION: ("extractor", _action),
    SubjectKind.KILL_SWITCH: (None, _kill_switch),
}


def key_of(act: Act) -> str | None:
    """What the address calls the act's subject; None: there is only one."""
    return _SUBJECTS[act.on][0]


def about(act: Act, asked: Asked) -> About:
    """Read what an act is about.

    Raises:
        MissingError: there is no such thing.

    """
    return _SUBJECTS[act.on][1](asked)
