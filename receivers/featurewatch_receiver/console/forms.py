"""What people do: each act is one form that says beforehand what it does, and asks why.

An act is the API's own: the same function, the same checks, the same row in the audit.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from featurewatch_receiver.console.preview import preview
from featurewatch_receiver.console.words import plan, span, spoken
from featurewatch_receiver.errors import MissingError
from featurewatch_receiver.people.audit import Act
from featurewatch_receiver.records.history import Part, list_leases
from featurewatch_receiver.records.told import reach_of_level
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


def _acknowledge(asked: Asked, row: Json) -> Iterator[str]:
    level = row["escalation_level"]
    yield f"Level {level} has been told. The levels above it are held back until the alert ends."
    if row["next_level_at"]:
        left = max(row["next_level_at"] - asked.core.now(), timedelta())
        whom = reach_of_level(asked.core.config, row["labels"], level + 1)["recipients"]
        people = f" ({', '.join(spoken(name) for name in whom)})" if whom else ""
        yield f"Level {level + 1}, due in {span(left)}, will not be told{people}."
    yield "A worse severity of this alert is told all the same, and so is its end."
    if row["acknowledged_by"]:
        yield f"It replaces what {row['acknowledged_by']} said: {row['acknowledged_reason']}"


def _unacknowledge(_: Asked, row: Json) -> Iterator[str]:
    yield f"{row['acknowledged_by'] or 'Nobody'} has this alert. It will escalate again."
    yield "Levels whose time has passed are told at once."


def _resolve(_: Asked, row: Json) -> Iterator[str]:
    if any(alert["ends_at"] is None for alert in row["alerts"]):
        yield "It still fires: it escalates no further, and ends when its alert has ended."
    else:
        yield "It fires no more and waits only for a person: it ends now."


def _silence(_: Asked, row: Json) -> Iterator[str]:
    yield "Nobody is told of this alert on any level, nor of its end, however bad it gets."
    yield "To stop only the escalation, acknowledge it instead."
    labels = ", ".join(f"{name}={value}" for name, value in row["labels"].items())
    yield f"It means this alert alone: {labels}"


def _run(asked: Asked, row: Json) -> Iterator[str]:
    name = asked.body.get("action", "") if isinstance(asked.body, dict) else ""
    guard = row["actions"].get(name)
    if guard is None:
        return
    yield f"{name} runs on {row['extractor']} once, within the bounds of its target."
    yield preview(asked.core, name, row["extractor"])
    if blocked := guard["blocked_by_for_person"]:
        yield f"It would not run now: {spoken(blocked)} holds it back."
    else:
        yield "Nothing holds it back now. The target is looked at once more before it is touched."
    runs = f"{guard['runs_of_hour']} within the hour, {guard['runs_of_day']} within the day"
    yield f"It ran {runs}."


def _approve(_: Asked, row: Json) -> Iterator[str]:
    yield f"This plan runs: {plan(row['plan']) or 'nothing is planned'}"
    yield "All guards are asked again. If another plan would be made by now, that one waits."


def _deny(_: Asked, row: Json) -> Iterator[str]:
    yield f"This plan is dropped, and its target is not touched: {plan(row['plan'])}"


def _cancel(_: Asked, row: Json) -> Iterator[str]:
    yield f"It is {spoken(row['state'])}, and stops there."
    yield (
        "What its target was told already stays until its lease ends, if it has one;"
        " else look whether it has to be undone."
    )


def _end_lease(_: Asked, row: Json) -> Iterator[str]:
    yield f"{plan(row['changed_to'])} stays for good."
    yield f"It will not be taken back to {plan(row['back_to'])}."


def _engage(_: Asked, row: Json) -> Iterator[str]:
    if row["engaged"]:
        yield "It is engaged already; nothing will change."
    yield "No action begins any more: no planned one, none that waits for approval, none by hand."
    yield "What runs already goes on; cancel it by itself."


def _release(_: Asked, row: Json) -> Iterator[str]:
    if not row["engaged"]:
        yield "It is released already; nothing will change."
    yield "Actions begin again, also for alerts that have fired meanwhile."


FORMS: dict[str, Form] = {
    form.act.value: form
    for form in (
        Form(
            act=Act.ACKNOWLEDGE,
            title="Acknowledge",
            done="Acknowledged. It escalates no further.",
            run=does.acknowledge,
            says=_acknowledge,
            key=_EPISODE,
            body=questions.WhyAndHowLong,
        ),
        Form(
            act=Act.UNACKNOWLEDGE,
            title="Take the acknowledgement back",
            done="It escalates again.",
            run=does.unacknowledge,
            says=_unacknowledge,
            key=_EPISODE,
        ),
        Form(
            act=Act.RESOLVE,
            title="Resolve",
            done="Called resolved.",
            run=does.resolve,
            says=_resolve,
            key=_EPISODE,
            body=questions.WhyAndHowLong,
        ),
        Form(
            act=Act.SILENCE,
            title="Silence",
            done="Silenced. Nobody is told of it.",
            run=does.silence,
            says=_silence,
            key=_EPISODE,
            body=questions.WhyAndHowLong,
            grave=True,
        ),
        Form(
            act=Act.RUN,
            title="Run an action",
            done="Asked for. What became of it stands below.",
            run=does.run,
            says=_run,
            key="extractor",
            body=questions.Wish,
            grave=True,
        ),
        Form(
            act=Act.APPROVE,
            title="Approve",
            done="Approved. It runs as soon as the guards let it.",
            run=does.approve,
            says=_approve,
            key=_REMEDIATION,
        ),
        Form(
            act=Act.DENY,
            title="Deny",
            done="Denied. The plan is dropped.",
            run=does.deny,
            says=_deny,
            key=_REMEDIATION,
        ),
        Form(
            act=Act.CANCEL,
            title="Cancel",
            done="Cancelled.",
            run=does.cancel,
            says=_cancel,
            key=_REMEDIATION,
            grave=True,
        ),
        Form(
            act=Act.END_LEASE,
            title="Keep the change",
            done="The lease has ended; the change stays.",
            run=does.end_lease,
            says=_end_lease,
            key=_LEASE,
        ),
        Form(
            act=Act.ENGAGE_KILL_SWITCH,
            title="Engage the kill switch",
            done="The kill switch is engaged. No action begins.",
            run=does.engage_kill_switch,
            says=_engage,
            grave=True,
        ),
        Form(
            act=Act.RELEASE_KILL_SWITCH,
            title="Release the kill switch",
            done="The kill switch is released.",
            run=does.release_kill_switch,
            says=_release,
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
