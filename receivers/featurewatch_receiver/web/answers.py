"""What /api/v1 answers, as models: they make the JSON, and they describe it."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field, PlainSerializer, WithJsonSchema

from featurewatch_receiver.accessconfig import Role
from featurewatch_receiver.audit import Act
from featurewatch_receiver.errors import SkipReason
from featurewatch_receiver.leases import LeaseEnd
from featurewatch_receiver.remediations import Origin, State
from featurewatch_receiver.statuses import Status


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
    acknowledged_reason: str | None
    silenced_at: Time | None
    silenced_by: str | None
    inhibited_at: Time | None
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


class Deed(Answer):
    """What a person did."""

    id: int
    at: Time
    actor: str
    act: Act
    subject: str
    reason: str
    detail: Json | None


class EpisodeDetails(Episode):
    """An episode, whom it was told to, and what people did about it."""

    notifications: list[Notification]
    deeds: list[Deed]


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


Counts = dict[str, int]


class Summary(Answer):
    """How things stand, and what the last hours were like; no severity is "none"."""

    at: Time
    open: Annotated[int, Field(description="Episodes that are open now.")]
    open_by_severity: Counts
    open_by_status: Counts
    awaiting_approval: int
    open_leases: int
    kill_switch: bool
    hours: int
    episodes: Annotated[
        dict[str, Counts],
        Field(description="Open within the hours: by severity, then by status."),
    ]
    remediations: Annotated[Counts, Field(description="Decided within the hours, by state.")]
    notifications: Annotated[
        dict[str, Counts],
        Field(description="Within the hours: by Alertmanager's receiver, then by status."),
    ]
    mtta_seconds: Annotated[
        float | None, Field(description="Mean time until first acknowledged within the hours.")
    ]
    mttr_seconds: Annotated[float | None, Field(description="Mean time of what ended within them.")]


class Attempts(Answer):
    """How often an action may run."""

    episode: int
    hour: int
    day: int


class ActionSettings(Answer):
    """How an action is used at all."""

    mode: str
    cooldown: str
    attempts: Attempts


class Storm(Answer):
    """So many episodes that begin within the window stop every action."""

    episodes: int
    window: str
    begun: Annotated[int, Field(description="How many have begun within the window.")]


class Bounds(Answer):
    """Within which an extractor's resources may be changed."""

    backend: str
    min_replicas: int
    max_replicas: int
    max_cpu: float | None
    max_memory: str | None


class Guards(Answer):
    """What may run at all."""

    enabled: bool
    dry_run: bool
    kill_switch: bool
    storm: Storm
    maintenance: Annotated[list[str], Field(description="Windows that are open now.")]
    actions: dict[str, ActionSettings]
    responses: Annotated[dict[str, list[str]], Field(description="Actions of each alert.")]
    targets: dict[str, Bounds]


class ActionGuard(ActionSettings):
    """Whether an action may run for an extractor now."""

    blocked_by: Annotated[
        SkipReason | None, Field(description="What would hold it back for an alert now.")
    ]
    blocked_by_for_person: Annotated[
        SkipReason | None, Field(description="What would hold it back if a person asked.")
    ]
    last_run: Time | None
    runs_of_hour: int
    runs_of_day: int


class TargetGuards(Answer):
    """What may run for one extractor now."""

    extractor: str
    bounds: Bounds
    actions: dict[str, ActionGuard]
