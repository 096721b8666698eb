"""The typed model of config.yaml. Its comments there say what each key is for."""

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, create_model

from featurewatch_kit.config.alerts import (
    Alerts,
    Correlation,
    LabelName,
    RatioAlert,
    Seconds,
    Severity,
    Switch,
)
from featurewatch_kit.config.operator import Operator
from featurewatch_kit.config.scrape import Scrape
from featurewatch_receiver.config.access_rules import Access
from featurewatch_receiver.config.backends import BackendConfig
from featurewatch_receiver.config.receiver import (
    History,
    Maintenance,
    Receiver,
    Responses,
    ServerLinks,
    Target,
)
from featurewatch_receiver.config.timeintervals import TimeInterval
from featurewatch_receiver.config.values import (
    CONTROLS,
    Duration,
    Entries,
    File,
    Name,
    PositiveDuration,
    Regex,
    Strict,
    Text,
    Url,
    has_port,
)

Channel = Annotated[
    Literal["dashboard", "email", "slack", "pagerduty"], Field(examples=["dashboard"])
]
Bounds = Annotated[list[Seconds], Field(min_length=1, examples=[[0.1, 0.15, 0.5]])]
# Ids as Slack forms them: U or W for a member, S for a user group.
_MENTION = r"<(!(here|channel|everyone)|@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+)>"
# Matchers as in PromQL, with the escapes that it knows; empty for none.
_VALUE = rf'"([^"\\{CONTROLS}]|\\[abfnrtv\\"])*"'
_MATCHER = rf"[a-zA-Z_][a-zA-Z0-9_]* *(=|!=|=~|!~) *{_VALUE}"
SELECTOR = rf"^({_MATCHER}( *, *{_MATCHER})*)?$"


class Flapping(Strict):
    """From how many beginnings within a window on an alert is one that flaps."""

    beginnings: Annotated[int, Field(ge=2, le=100, examples=[3])]
    window: PositiveDuration


class Storm(Strict):
    """For how many extractors an alert must begin within a window to be told as one storm."""

    extractors: Annotated[int, Field(ge=2, le=100_000, examples=[10])]
    window: PositiveDuration


class Alerting(Strict):
    """Master switch, pace of evaluation, and what is one alert."""

    enabled: Switch
    evaluation_interval: PositiveDuration
    flapping: Flapping | None
    storm: Storm | None


class Rules(Strict):
    """What evaluates the rules."""

    engine: Annotated[Literal["prometheus", "vmalert"], Field(examples=["prometheus"])]


class Metrics(Strict):
    """What the rules read."""

    source: Annotated[Literal["featurewatch", "otel"], Field(examples=["featurewatch"])]
    selector: Annotated[str, Field(pattern=SELECTOR, examples=['namespace="prod"'])]
    identity: Annotated[list[LabelName], Field(min_length=1, examples=[["extractor"]])]
    job: Regex
    receiver_job: Regex
    duration_buckets: Bounds


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
    policies: Entries[Name, Policy]


class Recipient(Strict):
    """Addresses of a person or team; a channel without address can't be used for them."""

    email: Annotated[
        str | None, Field(pattern=r"^[^@\s,]+@[^@\s,]+$", examples=["team@example.com"])
    ] = None
    slack: Annotated[str | None, Field(pattern=r"^[#@]\S+$", examples=["#team"])] = None
    slack_mention: Annotated[
        str | None, Field(pattern=rf"^{_MENTION}( {_MENTION})*$", examples=["<!here>"])
    ] = None
    slack_api_url_file: File | None = None
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


class SeverityTiming(Strict):
    """What differs for one severity; what is left out does not."""

    group_wait: Duration | None = None
    group_interval: PositiveDuration | None = None
    repeat_interval: PositiveDuration | None = None
    mute_time_intervals: list[Name] | None = None


class Routing(Strict):
    """Pace of notifications to people and to the receiver."""

    people: Timing
    severities: Entries[Severity, SeverityTiming]
    time_intervals: Entries[Name, list[TimeInterval]]
    receiver: Timing


class WatchdogTell(Strict):
    """The ways by which the receiver itself tells of a missing Watchdog."""

    webhook_url_file: File | None
    slack_api_url_file: File | None
    pagerduty_routing_key_file: File | None
    email: Annotated[
        str | None, Field(pattern=r"^[^@\s,]+@[^@\s,]+$", examples=["team@example.com"])
    ]


class Watchdog(Strict):
    """The alert that always fires, and what the receiver does when it does not come."""

    enabled: Switch
    timeout: PositiveDuration | None
    repeat: PositiveDuration
    tell: WatchdogTell


class Links(ServerLinks):
    """Where the links of messages, dashboards and the console lead."""

    grafana: Url | None
    runbook: Url
    console: Url | None


class Grafana(Strict):
    """What Grafana's provisioning files say."""

    prometheus_url: Url
    dashboards_path: File


class Config(Strict):
    """All of config.yaml."""

    alerting: Alerting
    rules: Rules
    metrics: Metrics
    alerts: Alerts
    watchdog: Watchdog
    maintenance: list[Maintenance]
    correlation: Correlation
    escalation: Escalation
    recipients: Entries[Name, Recipient]
    channels: Channels
    routing: Routing
    links: Links
    templates_path: Annotated[
        str, Field(pattern=r"\.tmpl$", examples=["/etc/alertmanager/templates/*.tmpl"])
    ]
    receiver: Receiver
    access: Access
    responses: Responses
    targets: Entries[Text, Target]
    backends: Entries[Name, BackendConfig]
    history: History
    scrape: Scrape
    grafana: Grafana
    operator: Operator


@cache
def config_model(alert_names: tuple[str, ...]) -> type[Config]:
    """The model of a config.yaml with these alerts; an alert without a kind is about a ratio."""
    ratios: dict[str, Any] = {
        name: (RatioAlert, ...) for name in alert_names if name not in Alerts.model_fields
    }
    alerts = create_model("Alerts", __base__=Alerts, __doc__=Alerts.__doc__, **ratios)
    return create_model("Config", __base__=Config, __doc__=Config.__doc__, alerts=(alerts, ...))
