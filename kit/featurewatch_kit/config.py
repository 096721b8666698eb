"""The typed model of config.yaml. Its comments there say what each key is for."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from featurewatch_receiver.config import (
    ActionName,
    History,
    HttpBackend,
    Receiver,
    Responses,
    Target,
)
from featurewatch_receiver.values import (
    Duration,
    File,
    Name,
    PositiveDuration,
    Strict,
    Text,
    Url,
    has_port,
)

Severity = Annotated[Literal["low", "medium", "high", "critical"], Field(examples=["high"])]
Channel = Annotated[
    Literal["dashboard", "email", "slack", "pagerduty"], Field(examples=["dashboard"])
]
Switch = Annotated[bool, Field(examples=[True])]
Ratio = Annotated[float, Field(gt=0, lt=1, examples=[0.85])]
Seconds = Annotated[float, Field(gt=0, examples=[0.15])]
Bounds = Annotated[list[Seconds], Field(min_length=1, examples=[[0.1, 0.15, 0.5]])]
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", examples=["extractor"])]
# Matchers as in PromQL, with the escapes that it knows; empty for none.
_MATCHER = r'[a-zA-Z_][a-zA-Z0-9_]* *(=|!=|=~|!~) *"([^"\\\n]|\\[abfnrtv\\"])*"'
SELECTOR = rf"^({_MATCHER}( *, *{_MATCHER})*)?$"


class Alerting(Strict):
    """Master switch and pace of evaluation."""

    enabled: Switch
    evaluation_interval: PositiveDuration


class Metrics(Strict):
    """What the rules read."""

    selector: Annotated[str, Field(pattern=SELECTOR, examples=['namespace="prod"'])]
    identity: Annotated[list[LabelName], Field(min_length=1, examples=[["extractor"]])]
    duration_buckets: Bounds


class Labels(Strict):
    """Labels of an alert: category and type, and any others."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[LabelName, Text]

    category: Text
    type: Text


class Alert(Strict):
    """What all alerts have in common."""

    enabled: Switch
    severity: Severity
    window: PositiveDuration
    for_: Annotated[Duration, Field(alias="for", examples=["0s"])]
    cooldown: Duration
    escalation: Name
    max_escalation_levels: Annotated[int, Field(ge=1, examples=[3])]
    response: ActionName | None
    labels: Annotated[Labels, Field(examples=[{"category": "performance", "type": "latency"}])]
    message: Text


class TrafficAlert(Alert):
    """An alert about requests, which says nothing when there are few."""

    min_requests: Annotated[int, Field(ge=0, examples=[20])]


class SecondsOverride(Strict):
    """Another latency threshold for one extractor."""

    threshold: Seconds


class RatioOverride(Strict):
    """Another ratio threshold for one extractor."""

    threshold: Ratio


class LatencyAlert(TrafficAlert):
    """p95 above the threshold, in seconds."""

    threshold: Seconds
    overrides: dict[Text, SecondsOverride]


class RatioAlert(TrafficAlert):
    """A share of the requests beyond the threshold."""

    threshold: Ratio
    overrides: dict[Text, RatioOverride]


class ResourceThreshold(Strict):
    """Shares of the container's limits."""

    cpu: Ratio
    memory: Ratio


class ResourceOverride(Strict):
    """Other resource thresholds for one extractor."""

    threshold: ResourceThreshold


class ResourceAlert(Alert):
    """CPU or memory beyond its threshold."""

    threshold: Annotated[ResourceThreshold, Field(examples=[{"cpu": 0.9, "memory": 0.95}])]
    overrides: dict[Text, ResourceOverride]


class Alerts(Strict):
    """Every alert about one kind of measurement."""

    FeatureExtractionLatencyCritical: LatencyAlert
    FeatureExtractionLatencyHigh: LatencyAlert
    FeatureExtractionCacheHitRateLow: RatioAlert
    FeatureExtractionResourcesCritical: ResourceAlert
    FeatureExtractionErrorRateHigh: RatioAlert
    FeatureExtractionFallbackUsageHigh: RatioAlert

    def items(self) -> list[tuple[str, Alert]]:
        """Name and settings of each alert, in the order of the file."""
        return [(name, getattr(self, name)) for name in type(self).model_fields]


class CorrelationRule(Strict):
    """One incident made of alerts that begin together."""

    enabled: Switch
    window: PositiveDuration | None = None
    members: Annotated[
        list[Name], Field(min_length=2, examples=[["FeatureExtractionCacheHitRateLow"]])
    ]
    cooldown: Duration
    response: ActionName | None
    message: Text


class CorrelationRules(Strict):
    """Every correlated alert."""

    FeatureExtractionLatencyCascade: CorrelationRule
    FeatureExtractionErrorStorm: CorrelationRule

    def items(self) -> list[tuple[str, CorrelationRule]]:
        """Name and settings of each rule, in the order of the file."""
        return [(name, getattr(self, name)) for name in type(self).model_fields]


class Correlation(Strict):
    """Switch, default window and rules of correlation."""

    enabled: Switch
    window: PositiveDuration
    rules: CorrelationRules


class Level(Strict):
    """Who is told, how, how long after the level before, and how soon they must react."""

    delay: Duration | None = None
    channels: Annotated[list[Channel], Field(min_length=1, examples=[["dashboard", "email"]])]
    recipients: Annotated[list[Name], Field(min_length=1, examples=[["monitoring_team"]])]
    response_time: Annotated[str, Field(pattern=r"^[a-z0-9_]+$", examples=["within_15_minutes"])]


class Policy(Strict):
    """The levels of one escalation policy, first to last."""

    levels: Annotated[list[Level], Field(min_length=1)]


class Escalation(Strict):
    """Switch, default delay and policies of escalation."""

    enabled: Switch
    default_delay: PositiveDuration
    policies: dict[Name, Policy]


class Recipient(Strict):
    """Addresses of a person or team; a channel without address can't be used for them."""

    email: Annotated[
        str | None, Field(pattern=r"^[^@\s,]+@[^@\s,]+$", examples=["team@example.com"])
    ] = None
    slack: Annotated[str | None, Field(pattern=r"^[#@]\S+$", examples=["#team"])] = None
    pagerduty_routing_key_file: File | None = None


class Dashboard(Strict):
    """The receiver's history."""

    enabled: Switch


class Email(Strict):
    """The mail server, as in Alertmanager's global section."""

    enabled: Switch
    smarthost: Annotated[
        str,
        Field(pattern=r"^\S+:\d{1,5}$", examples=["localhost:587"]),
        AfterValidator(has_port),
    ]
    from_: Annotated[
        str, Field(alias="from", pattern=r"^\S+@\S+$", examples=["monitoring@example.com"])
    ]
    require_tls: Switch
    username: Text | None
    password_file: File | None


class Slack(Strict):
    """Slack's incoming webhook."""

    enabled: Switch
    api_url_file: File


class PagerDuty(Strict):
    """PagerDuty's Events API v2."""

    enabled: Switch
    url: Url


class Channels(Strict):
    """The ways to reach people."""

    dashboard: Dashboard
    email: Email
    slack: Slack
    pagerduty: PagerDuty


class Timing(Strict):
    """Alertmanager's pace for one branch of the routing tree."""

    group_wait: Duration
    group_interval: PositiveDuration
    repeat_interval: PositiveDuration


class Routing(Strict):
    """Pace of notifications to people and to the receiver."""

    people: Timing
    receiver: Timing


class Links(Strict):
    """Where the links of a message lead."""

    grafana: Url
    runbook: Url


class Config(Strict):
    """All of config.yaml."""

    alerting: Alerting
    metrics: Metrics
    alerts: Alerts
    correlation: Correlation
    escalation: Escalation
    recipients: dict[Name, Recipient]
    channels: Channels
    routing: Routing
    links: Links
    templates_path: Annotated[
        str, Field(pattern=r"\.tmpl$", examples=["/etc/alertmanager/templates/*.tmpl"])
    ]
    receiver: Receiver
    responses: Responses
    targets: dict[Text, Target]
    backends: dict[Name, HttpBackend]
    history: History
