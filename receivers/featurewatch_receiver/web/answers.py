"""What /api/v1 answers, as models: they make the JSON, and they describe it."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field, PlainSerializer, WithJsonSchema

from featurewatch_receiver.automation.leases import LeaseEnd
from featurewatch_receiver.automation.remediations import Origin, State
from featurewatch_receiver.config.access import Role
from featurewatch_receiver.errors import SkipReason
from featurewatch_receiver.people.audit import Act
from featurewatch_receiver.records.changes import What
from featurewatch_receiver.records.statuses import Status


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Time = Annotated[
    datetime,
    PlainSerializer(_text, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Json = dict[str, Any]
Next = Annotated[str | None, Field(description="Send it as `cursor` for the next page.")]


class Answer(pydantic.BaseModel):
    """Part of an answer; columns that are not told are left out."""

    model_config = pydantic.ConfigDict(extra="ignore", from_attributes=True)


class Error(Answer):
    """What every refusal looks like: one line with the place and the mend."""

    error: str


class Me(Answer):
    """Who asks."""

    name: str
    role: Role


class Step(Answer):
    """A change of state."""

    at: Time
    actor: Annotated[str, Field(description="policy, worker, lease, or a person's name.")]
    state: State
    reason: str | None
    detail: str | None


class Remediation(Answer):
    """One action, decided for one episode or asked for by a person."""

    id: str
    episode_id: str | None
    action: str
    target: str | None
    origin: Origin
    requested_by: str | None
    approved_by: str | None
    state: State
    reason: Annotated[str | None, Field(description="Why it was skipped or did not succeed.")]
    plan: Json | None
    values_before: dict[str, float] | None
    values_after: dict[str, float] | None
    created_at: Time
    started_at: Time | None
    waiting_since: Time | None
    acted_at: Time | None
    done_at: Time | None
    finished_at: Time | None
    steps: list[Step]


class AlertLevel(Answer):
    """One alert of Alertmanager's in an episode: a level of it."""

    fingerprint: str
    level: int
    starts_at: Time
    ends_at: Time | None


class Episode(Answer):
    """One alert from firing to resolved, with what was done about it."""

    id: str
    alertname: str
    extractor: str | None
    severity: str | None
    status: Status
    labels: dict[str, str]
    annotations: dict[str, str]
    escalation_level: int
    next_level_at: Annotated[
        Time | None,
        Field(description="When the next level is due, if the alert still holds; else null."),
    ]
    started_at: Time
    resolved_at: Time | None
    acknowledged_at: Time | None
    acknowledged_by: str | None
    acknowledged_until: Time | None
    acknowledged_reason: str | None
    silenced_at: Time | None
    silenced_by: str | None
    silenced_until: Time | None
    silenced_reason: str | None
    inhibited_at: Time | None
    inhibited_by: Annotated[
        list[dict[str, str]] | None,
        Field(description="Name and extractor of each alert that mutes it."),
    ]
    resolved_by: str | None
    resolved_reason: str | None
    alerts: list[AlertLevel]
    remediations: list[Remediation]


class Notification(Answer):
    """What Alertmanager told its people."""

    id: int
    episode_id: str
    level: int
    at: Time
    receiver: str
    status: Literal["firing", "resolved"]
    channels: Annotated[
        list[str] | None, Field(description="Null: the receiver is not of this configuration.")
    ]
    recipients: list[str] | None


class Deed(Answer):
    """What a person did."""

    id: int
    at: Time
    actor: str
    act: Act
    subject: str
    reason: str
    detail: Json | None


class Change(Answer):
    """What Alertmanager said anew: who has the alert, what mutes it, and the end of that."""

    id: int
    at: Time
    what: What
    person: Annotated[
        str | None, Field(description="Whose acknowledgement or silence began or ended.")
    ]
    until: Annotated[Time | None, Field(description="When it ends, or would have, at the latest.")]
    reason: str | None
    inhibited_by: Annotated[
        list[dict[str, str]] | None,
        Field(description="Name and extractor of each alert that mutes it, or did."),
    ]
    silence: Annotated[
        str | None, Field(description="Alertmanager's id of the silence; null for an end.")
    ]


class EpisodeDetails(Episode):
    """An episode, whom it was told to, what people did about it, and what was found changed."""

    notifications: list[Notification]
    deeds: list[Deed]
    changes: Annotated[
        list[Change],
        Field(description="Newest first; of what is no deed, but came about elsewhere."),
    ]


class Alerts(Answer):
    """What fires, newest first."""

    alerts: list[Episode]
    next: Next


class Episodes(Answer):
    """Episodes, newest first."""

    episodes: list[Episode]
    next: Next


class Remediations(Answer):
    """Remediations, newest first."""

    remediations: list[Remediation]
    next: Next


class Notifications(Answer):
    """Notifications, newest first."""

    notifications: list[Notification]
    next: Next


class Deeds(Answer):
    """What people did, newest first."""

    deeds: list[Deed]
    next: Next


class Lease(Answer):
    """A change that is taken back once it is needed no more."""

    id: str
    episode_id: str | None
    alertname: str | None
    target: str
    action: str
    changed_to: Json
    back_to: Json
    created_at: Time
    quiet_since: Time | None
    waits_for: SkipReason | None
    steps: int
    ended_at: Time | None
    end_reason: LeaseEnd | None
    ended_by: str | None


class Leases(Answer):
    """Leases, newest first."""

    leases: list[Lease]
    next: Next


class Switch(Answer):
    """How the kill switch stands."""

    engaged: bool
    changed_at: Time | None
    changed_by: str | None
    reason: str | None


class Acknowledged(Answer):
    """Until when an acknowledgement or a silence lasts, if the alert does not end before."""

    id: Annotated[str, Field(description="Alertmanager's id of the silence.")]
    until: Time
