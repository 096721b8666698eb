"""What /api/v1 answers, as models: they make the JSON, and they describe it."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field, PlainSerializer, WithJsonSchema

from featurewatch_receiver.acts import ACTS
from featurewatch_receiver.states import (
    LeaseEnd,
    Origin,
    Role,
    Sender,
    SkipReason,
    State,
    Status,
    What,
)


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Time = Annotated[
    datetime,
    PlainSerializer(_text, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Json = dict[str, Any]
Next = Annotated[str | None, Field(description="Send it as `cursor` for the next page.")]


class ResponseModel(pydantic.BaseModel):
    """Part of an answer; columns that are not told are left out."""

    model_config = pydantic.ConfigDict(extra="ignore", from_attributes=True)


class ErrorResponse(ResponseModel):
    """What every refusal looks like: one line with the place and the fix."""

    error: str


class MeResponse(ResponseModel):
    """Who asks."""

    name: str
    role: Role


class StepResponse(ResponseModel):
    """A change of state."""

    at: Time
    actor: Annotated[str, Field(description="policy, worker, lease, or a person's name.")]
    state: State
    reason: str | None
    detail: str | None


class RemediationResponse(ResponseModel):
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
    steps: list[StepResponse]


class AlertLevelResponse(ResponseModel):
    """One alert in an episode: a level of it."""

    fingerprint: str
    level: int
    starts_at: Time
    ends_at: Time | None
    sender: Annotated[Sender | None, Field(description="Who sent it; null: Alertmanager.")]


class EpisodeResponse(ResponseModel):
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
    alerts: list[AlertLevelResponse]
    remediations: list[RemediationResponse]


class NotificationResponse(ResponseModel):
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


class DeedResponse(ResponseModel):
    """What a person did."""

    id: int
    at: Time
    actor: str
    act: Literal[tuple(ACTS)]  # type: ignore[valid-type]  # the table is their home
    subject: str
    reason: str
    detail: Json | None


class ChangeResponse(ResponseModel):
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


class EpisodeDetailsResponse(EpisodeResponse):
    """An episode, whom it was told to, what people did about it, and what was found changed."""

    notifications: list[NotificationResponse]
    deeds: list[DeedResponse]
    changes: Annotated[
        list[ChangeResponse],
        Field(description="Newest first; of what is no deed, but came about elsewhere."),
    ]


class AlertsResponse(ResponseModel):
    """What fires, newest first."""

    alerts: list[EpisodeResponse]
    next: Next


class EpisodesResponse(ResponseModel):
    """Episodes, newest first."""

    episodes: list[EpisodeResponse]
    next: Next


class RemediationsResponse(ResponseModel):
    """Remediations, newest first."""

    remediations: list[RemediationResponse]
    next: Next


class NotificationsResponse(ResponseModel):
    """Notifications, newest first."""

    notifications: list[NotificationResponse]
    next: Next


class DeedsResponse(ResponseModel):
    """What people did, newest first."""

    deeds: list[DeedResponse]
    next: Next


class LeaseResponse(ResponseModel):
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


class LeasesResponse(ResponseModel):
    """Leases, newest first."""

    leases: list[LeaseResponse]
    next: Next


class SwitchResponse(ResponseModel):
    """How the kill switch stands."""

    engaged: bool
    changed_at: Time | None
    changed_by: str | None
    reason: str | None


class AcknowledgedResponse(ResponseModel):
    """Until when an acknowledgement or a silence lasts, if the alert does not end before."""

    id: Annotated[str, Field(description="Alertmanager's id of the silence.")]
    until: Time


Counts = dict[str, int]


class SummaryResponse(ResponseModel):
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


class AttemptsResponse(ResponseModel):
    """How often an action may run."""

    episode: int
    hour: int
    day: int


class ActionSettingsResponse(ResponseModel):
    """How an action is used at all."""

    mode: str
    cooldown: str
    attempts: AttemptsResponse


class StormResponse(ResponseModel):
    """So many episodes that begin within the window stop every action."""

    episodes: int
    window: str
    begun: Annotated[int, Field(description="How many have begun within the window.")]


class BoundsResponse(ResponseModel):
    """Within which an extractor's resources may be changed."""

    backend: str
    min_replicas: int
    max_replicas: int
    max_cpu: float | None
    max_memory: str | None


class GuardsResponse(ResponseModel):
    """What may run at all."""

    enabled: bool
    dry_run: bool
    kill_switch: bool
    storm: StormResponse
    maintenance: Annotated[list[str], Field(description="Windows that are open now.")]
    actions: dict[str, ActionSettingsResponse]
    responses: Annotated[dict[str, list[str]], Field(description="Actions of each alert.")]
    targets: dict[str, BoundsResponse]


class ActionGuardResponse(ActionSettingsResponse):
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


class TargetGuardsResponse(ResponseModel):
    """What may run for one extractor now."""

    extractor: str
    bounds: BoundsResponse
    actions: dict[str, ActionGuardResponse]
