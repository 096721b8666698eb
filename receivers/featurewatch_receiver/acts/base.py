"""One act: its name, who may do it, what it is told, what it will do, and what does it.

Routes and description of the API, forms of the console, and the sentences that say beforehand what
will happen all derive from the table of these (see __init__.py).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from featurewatch_receiver.acts.bodies import Why, WhyAndHowLong
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.core import Core
from featurewatch_receiver.history.audit import Deed
from featurewatch_receiver.states import Role
from featurewatch_receiver.store.queue import WorkQueue

Json = dict[str, Any]


class SubjectKind(StrEnum):
    """What an act is done to."""

    EPISODE = "episode"
    REMEDIATION = "remediation"
    LEASE = "lease"
    #: An action of a target; the target is told in the body.
    ACTION = "action"
    KILL_SWITCH = "kill_switch"


@dataclass(frozen=True, kw_only=True)
class Said:
    """Who does it, and why."""

    user: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Made:
    """A silence of Alertmanager's, and until when it lasts at most."""

    id: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Doing:
    """One act under way."""

    core: Core
    queue: WorkQueue
    #: The id of the episode, remediation or lease; "" where there is only one, or none yet.
    subject: str
    said: Said
    body: Any = None

    @property
    def duration(self) -> timedelta:
        """For how long it holds at most, of an act that is told so."""
        return timedelta(seconds=seconds(self.body.duration))

    def deed(self, act: str, **more: Any) -> Deed:
        """What the audit keeps of it."""
        values = {"actor": self.said.user, "subject": self.subject, "reason": self.said.reason}
        return Deed(act=act, **values | more)


#: Says what an act will do, a sentence each, from the row of its subject and what its form holds.
Foretell = Callable[[Core, Json, Mapping[str, str]], Iterator[str]]


@dataclass(frozen=True, kw_only=True)
class Act:
    """A row of the table."""

    name: str
    on: SubjectKind
    #: Its last word in the API's path; "": it makes something new.
    verb: str
    summary: str
    #: What the console calls it, and what it says once it is done.
    title: str
    done: str
    #: Raises MissingError for a subject that is not there, ConflictError where it can't be done.
    run: Callable[[Doing], Any]
    foretell: Foretell
    body: type[Why] = Why
    role: Role = Role.RESPONDER
    #: It can make things worse, or is hard to take back.
    grave: bool = False
    #: It returns the `Made` silence of Alertmanager.
    makes_silence: bool = False
    #: What the API can refuse it with, besides what every call can.
    refusals: tuple[int, ...] = field(default=(409,))

    @property
    def lasts(self) -> bool:
        """Whether it is told for how long."""
        return issubclass(self.body, WhyAndHowLong)

    def values(self, form: Mapping[str, str]) -> dict[str, str]:
        """What a form holds of the body."""
        return {n: form[n] for n in self.body.model_fields if form.get(n, "").strip()}
