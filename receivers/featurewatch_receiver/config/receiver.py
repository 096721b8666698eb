"""What the receiver is told: the sections of config.yaml that it reads, and its own file.

`featurewatch generate` writes a `ReceiverConfig` to receivers/generated/receiver.yaml.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, field_serializer

from featurewatch_receiver.config.access_rules import Access
from featurewatch_receiver.config.backends import BackendConfig
from featurewatch_receiver.config.notification_settings import Notifications, Watch
from featurewatch_receiver.config.values import (
    Count,
    Duration,
    File,
    Line,
    Name,
    PositiveDuration,
    Quantity,
    Strict,
    Text,
    Url,
    WorkloadName,
    has_port,
)

#: The name of an action of ours, or of a plugin; see actions/__init__.py.
ActionName = Name
EXAMPLE_TIME = "2026-12-01T20:00:00Z"

#: How often an action is verified once it has reached its target.
VERIFY_AGAIN_SECONDS = 2.0
#: One good reading between two bad ones is no cure.
GOOD_READINGS = 2


class Tls(Strict):
    """Certificate and key of the receiver; with `client_ca_file` clients must show theirs."""

    cert_file: File
    key_file: File
    client_ca_file: File | None = None


class ClientTls(Strict):
    """How Alertmanager and Prometheus check the receiver and show who they are; on their hosts."""

    ca_file: File | None = None
    cert_file: File | None = None
    key_file: File | None = None


class Receiver(Strict):
    """Where the receiver listens, who may talk to it, whom it asks, and where it remembers."""

    listen: Annotated[
        str,
        Field(
            pattern=r"^(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):\d{1,5}$",
            examples=["127.0.0.1:9099", "[::1]:9099"],
        ),
        AfterValidator(lambda address: has_port(address, lowest=0)),  # 0: any free port
    ]
    url: Url
    token_file: File
    old_token_file: File | None = None
    tls: Tls | None = None
    client_tls: ClientTls | None = None
    record_file: Annotated[str, Field(min_length=1, examples=["deliveries.jsonl"])] | None = None
    database: Annotated[
        str,
        Field(
            pattern=r"^(sqlite:///|postgresql\+psycopg://)",
            examples=["sqlite:////var/lib/featurewatch/receiver.db"],
        ),
    ]
    runbook_file: (
        Annotated[str, Field(min_length=1, examples=["/etc/featurewatch/runbook.md"])] | None
    ) = None
    alertmanager_url: Url | None
    prometheus_url: Url | None


class ServerLinks(Strict):
    """Where browsers reach the servers that the console links to; None: no link."""

    prometheus: Url | None
    alertmanager: Url | None


Mode = Annotated[Literal["auto", "approve", "dry-run", "off"], Field(examples=["off"])]


class Attempts(Strict):
    """How often an action may run on one target."""

    episode: Count
    hour: Count
    day: Count


class ActionSettings(Strict):
    """How one action is used."""

    mode: Mode
    cooldown: Duration
    attempts: Annotated[Attempts, Field(examples=[{"episode": 1, "hour": 2, "day": 6}])]
    timeout: PositiveDuration | None
    verify: Duration


class ScaleAction(ActionSettings):
    """An action that changes the number of replicas."""

    scale_amount: Count


class ScaleUpAction(ScaleAction):
    """One that is taken back when it is needed no more."""

    lease: PositiveDuration | None


class OptimizeAction(ActionSettings):
    """An action that gives replicas more of what they are short of."""

    factor: Annotated[float, Field(gt=1, le=4, examples=[1.25])]
    lease: PositiveDuration | None


class RetrainAction(ActionSettings):
    """An action that starts a training run."""

    wait: Annotated[bool, Field(examples=[False])]


class PluginAction(ActionSettings):
    """An action that an installed package brings; it reads `options` by itself.

    What is left out is careful: off, and once in a while.
    """

    mode: Mode = "off"
    cooldown: Duration = "1h"
    attempts: Attempts = Attempts(episode=1, hour=1, day=4)
    timeout: PositiveDuration | None = None
    verify: Duration = "0s"
    options: Annotated[dict[str, Any], Field(default_factory=dict, examples=[{}])]


class Actions(Strict):
    """Every action of the project by name, and those of plugins."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, PluginAction]

    scale_up_deployment: ScaleUpAction
    scale_down_deployment: ScaleAction
    restart_deployment: ActionSettings
    clear_cache: ActionSettings
    trigger_retraining: RetrainAction
    optimize_resources: OptimizeAction

    def get(self, name: ActionName) -> ActionSettings:
        """Return the settings of the action `name`."""
        action: ActionSettings = getattr(self, name)
        return action

    def names(self) -> list[ActionName]:
        """Every action that has settings."""
        return [*type(self).model_fields, *(self.__pydantic_extra__ or {})]


class Storm(Strict):
    """So many episodes that begin within a window that nothing is touched any more."""

    episodes: Count
    window: PositiveDuration


class Responses(Strict):
    """Switches, limits and settings of automated responses."""

    enabled: Annotated[bool, Field(examples=[True])]
    dry_run: Annotated[bool, Field(examples=[False])]
    timeout: PositiveDuration
    hold: Duration
    approval_timeout: PositiveDuration
    metrics_max_age: PositiveDuration
    storm: Annotated[Storm, Field(examples=[{"episodes": 20, "window": "5m"}])]
    actions: Actions


class Target(Strict):
    """What may be touched for one extractor, and within which bounds."""

    backend: Name
    cache_backend: Name | None = None
    model_backend: Name | None = None
    deployment: WorkloadName
    cache: Name
    model: Name
    min_replicas: Annotated[int, Field(ge=0, examples=[1])]
    max_replicas: Count
    max_cpu: Annotated[float | None, Field(gt=0, examples=[4])] = None
    max_memory: Quantity | None = None

    def backend_of(self, where: str) -> Name:
        """Name of the backend under the key `where`; without one it is that of the deployment."""
        name: Name = getattr(self, where) or self.backend
        return name


class History(Strict):
    """How long episodes are kept."""

    max_days: Annotated[int, Field(ge=1, examples=[30])]


class Maintenance(Strict):
    """Planned work, during which nobody is told of the extractors' alerts; none named: of all."""

    name: Name
    from_: Annotated[AwareDatetime, Field(alias="from", strict=False, examples=[EXAMPLE_TIME])]
    to: Annotated[AwareDatetime, Field(strict=False, examples=[EXAMPLE_TIME])]
    extractors: Annotated[list[Line], Field(default_factory=list)]

    @field_serializer("from_", "to")
    def utc(self, time: datetime) -> str:
        """Text of a time as the rules read it."""
        return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def holds(self, extractor: str | None, now: datetime) -> bool:
        """Whether the extractor is being worked on."""
        meant = not self.extractors or extractor in self.extractors
        return meant and self.from_ <= now < self.to


class Check(Strict):
    """How to see at once whether a value is beyond its threshold.

    Both are PromQL with $extractor in place of the extractor, quoted, $labels.NAME in place of a
    regular expression for that label of the alert, and $window in place of the time to look back.
    """

    value: Text
    threshold: Text
    breach: Literal["above", "below"]

    def is_beyond(self, value: float, threshold: float) -> bool:
        """Whether this value breaches that threshold."""
        return value > threshold if self.breach == "above" else value < threshold


class AlertResponse(Strict):
    """What is done about one alert."""

    #: Tried in this order, the next one when the one before did not help.
    responses: list[ActionName]
    #: By the name of the value; empty for an alert that can't be verified.
    checks: Annotated[dict[Name, Check], Field(default_factory=dict)]
    #: The least time that a check can look back.
    min_window: PositiveDuration = "1m"
    #: How far the alert itself looks back.
    window: PositiveDuration = "5m"
    #: How long the alert goes on firing after its value is well again.
    decay: Duration = "0s"
    #: How long after its beginning each level is due, the first one included; none: nobody knows.
    levels: Annotated[list[Duration], Field(default_factory=list)]
    #: Of a correlated alert: those whose trouble it answers for while it fires.
    members: Annotated[list[Name], Field(default_factory=list)]


class ReceiverConfig(Strict):
    """Everything the receiver reads."""

    receiver: Receiver
    access: Access = Access()
    links: ServerLinks = ServerLinks(prometheus=None, alertmanager=None)
    responses: Responses
    targets: dict[Text, Target]
    backends: dict[Name, BackendConfig]
    history: History
    maintenance: Annotated[list[Maintenance], Field(default_factory=list)]
    #: PromQL of the seconds since an extractor was last measured, with $extractor and $labels.NAME.
    metrics_age: Text
    #: An alert that is not listed is recorded and no more.
    alerts: dict[Name, AlertResponse]
    notifications: Notifications = Notifications()
    watchdog: Watch = Watch()
