"""What /api/v1 answers about how things stand, and about what may run; see answers.py."""

from typing import Annotated

from pydantic import Field

from featurewatch_receiver.errors import SkipReason
from featurewatch_receiver.web.answers import Answer, Time

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
