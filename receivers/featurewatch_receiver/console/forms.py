"""What people do: each act is one form that says beforehand what it does, and asks why.

An act is the API's own: the same function, the same checks, the same row in the audit.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from featurewatch_receiver.console import beforehand
from featurewatch_receiver.errors import MissingError
from featurewatch_receiver.people.audit import Act
from featurewatch_receiver.records.history import Part, list_leases
from featurewatch_receiver.store.schema import leases
from featurewatch_receiver.web import control, does, questions, reads
from featurewatch_receiver.web.calls import Asked

Json = dict[str, Any]
Says = Callable[[Asked, Json], Iterator[str]]
_EPISODE, _REMEDIATION, _LEASE = "episode_id", "remediation_id", "lease_id"


@dataclass(frozen=True, kw_only=True)
class Form:
    """One act."""

    act: Act
    title: str
    #: What the page that follows says.
    done: str
    run: Callable[[Asked], Any]
    says: Says
    #: What the API calls its subject; None: there is only one.
    key: str | None = None
    body: type[questions.Why] = questions.Why
    #: It can make things worse, or is hard to take back.
    grave: bool = False

    @property
    def lasts(self) -> bool:
        """Whether it asks for how long."""
        return "duration" in self.body.model_fields

    def subject(self, asked: Asked) -> Json:
        """Read what it is about.

        Raises:
            MissingError: there is no such thing.

        """
        return _SUBJECTS[self.key](asked)

    def values(self, form: Mapping[str, str]) -> dict[str, str]:
        """What the form holds of the body."""
        return {n: form[n] for n in self.body.model_fields if form.get(n, "").strip()}


def _of_episode(asked: Asked) -> Json:
    found = reads.get_episode(asked)
    name = found["alertname"] + (f" of {found['extractor']}" if found["extractor"] else "")
    return {"name": name, "row": found, "page": "details", "at": {"episode_id": found["id"]}}


def _of_remediation(asked: Asked) -> Json:
    found = reads.get_remediation(asked)
    name = f"{found['action']} for {found['target'] or 'no target'}"
    at = {"remediation_id": found["id"]}
    return {"name": name, "row": found, "page": "remediation", "at": at}


def _of_lease(asked: Asked) -> Json:
    one = Part(where=[leases.c.id == asked.path[_LEASE]], hours=None, limit=1)
    rows = list_leases(asked.core, one).rows
    if not rows:
        raise MissingError("lease: there is none with this id")
    name = f"{rows[0]['action']} of {rows[0]['target']}"
    return {"name": name, "row": rows[0], "page": "controls", "at": {}}


def _of_wish(asked: Asked) -> Json:
    extractor = asked.path["extractor"]
    about = control.get_guards_of_target(asked)
    return {"name": extractor, "row": about, "page": "controls", "at": {}}


def _of_switch(asked: Asked) -> Json:
    row = vars(reads.get_kill_switch(asked))
    return {"name": "every action", "row": row, "page": "controls", "at": {}}


_SUBJECTS: dict[str | None, Callable[[Asked], Json]] = {
    _EPISODE: _of_episode,
    _REMEDIATION: _of_remediation,
    _LEASE: _of_lease,
    "extractor": _of_wish,
    None: _of_switch,
}


FORMS: dict[str, Form] = {
    form.act.value: form
    for form in (
        Form(
            act=Act.ACKNOWLEDGE,
            title="Acknowledge",
            done="Acknowledged. It escalates no further.",
            run=does.acknowledge,
            says=beforehand.acknowledge,
            key=_EPISODE,
            body=questions.WhyAndHowLong,
        ),
        Form(
            act=Act.UNACKNOWLEDGE,
            title="Take the acknowledgement back",
            done="It escalates again.",
            run=does.unacknowledge,
            says=beforehand.unacknowledge,
            key=_EPISODE,
        ),
        Form(
            act=Act.RESOLVE,
            title="Resolve",
            done="Called resolved.",
            run=does.resolve,
            says=beforehand.resolve,
            key=_EPISODE,
            body=questions.WhyAndHowLong,
        ),
        Form(
            act=Act.SILENCE,
            title="Silence",
            done="Silenced. Nobody is told of it.",
            run=does.silence,
            says=beforehand.silence,
            key=_EPISODE,
            body=questions.WhyAndHowLong,
            grave=True,
        ),
        Form(
            act=Act.UNSILENCE,
            title="End the silence",
            done="The silence has ended. People are told of it again.",
            run=does.unsilence,
            says=beforehand.unsilence,
            key=_EPISODE,
        ),
        Form(
            act=Act.RUN,
            title="Run an action",
            done="Asked for. What became of it stands below.",
            run=does.run,
            says=beforehand.run,
            key="extractor",
            body=questions.Wish,
            grave=True,
        ),
        Form(
            act=Act.APPROVE,
            title="Approve",
            done="Approved. It runs as soon as the guards let it.",
            run=does.approve,
            says=beforehand.approve,
            key=_REMEDIATION,
        ),
        Form(
            act=Act.DENY,
            title="Deny",
            done="Denied. The plan is dropped.",
            run=does.deny,
            says=beforehand.deny,
            key=_REMEDIATION,
        ),
        Form(
            act=Act.CANCEL,
            title="Cancel",
            done="Cancelled.",
            run=does.cancel,
            says=beforehand.cancel,
            key=_REMEDIATION,
            grave=True,
        ),
        Form(
            act=Act.END_LEASE,
            title="Keep the change",
            done="The lease has ended; the change stays.",
            run=does.end_lease,
            says=beforehand.end_lease,
            key=_LEASE,
        ),
        Form(
            act=Act.ENGAGE_KILL_SWITCH,
            title="Engage the kill switch",
            done="The kill switch is engaged. No action begins.",
            run=does.engage_kill_switch,
            says=beforehand.engage,
            grave=True,
        ),
        Form(
            act=Act.RELEASE_KILL_SWITCH,
            title="Release the kill switch",
            done="The kill switch is released.",
            run=does.release_kill_switch,
            says=beforehand.release,
        ),
    )
}


def about(asked: Asked, form: Form, values: dict[str, str]) -> tuple[Json, list[str]]:
    """What a form is about, and what it will do with these values.

    Raises:
        MissingError: there is no such thing.

    """
    subject = form.subject(asked)
    return subject, list(form.says(replace(asked, body=values), subject["row"]))
