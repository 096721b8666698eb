"""The sections `alerts`, `correlation` and `maintenance` of config.yaml."""

from typing import Annotated

from pydantic import ConfigDict, Field

from featurewatch_receiver import labels
from featurewatch_receiver.config.receiver import ActionName
from featurewatch_receiver.config.values import (
    Duration,
    Entries,
    Line,
    Name,
    PositiveDuration,
    Strict,
    Text,
)

#: One action, several in the order in which they are tried, or none.
Response = Annotated[
    ActionName | list[ActionName] | None,
    Field(examples=["clear_cache"], union_mode="left_to_right"),
]
Severity = Annotated[labels.Severity, Field(examples=["high"])]
Switch = Annotated[bool, Field(examples=[True])]
Ratio = Annotated[float, Field(gt=0, lt=1, examples=[0.85])]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False, examples=[0.15])]
Items = Annotated[float, Field(gt=0, allow_inf_nan=False, examples=[1000])]
MinRequests = Annotated[int, Field(ge=0, examples=[20])]
#: From 0.5 on: below that the bound would be above the share.
Confidence = Annotated[float, Field(ge=0.5, le=0.999999, examples=[0.999])]
Dispersion = Annotated[float, Field(ge=1, le=1000, examples=[5])]
#: In standard deviations.
Margin = Annotated[float, Field(ge=0, le=100, examples=[0.08])]
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", examples=["extractor"])]


def as_list(response: Response) -> list[ActionName]:
    """Return the actions of a response in their order."""
    if response is None:
        return []
    return [response] if isinstance(response, str) else response


class Labels(Strict):
    """Labels of an alert: category and type, and any others."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[LabelName, Line]

    category: Line
    type: Line


class Alert(Strict):
    """What all alerts have in common."""

    enabled: Switch
    severity: Severity
    for_: Annotated[Duration, Field(alias="for", examples=["0s"])]
    cooldown: Duration
    auto_resolve: Switch
    escalation: Name
    escalation_required: Switch
    max_escalation_levels: Annotated[int, Field(ge=1, examples=[3])]
    response: Response
    labels: Annotated[Labels, Field(examples=[{"category": "performance", "type": "latency"}])]
    message: Text


class WindowAlert(Alert):
    """An alert about what happened within a window."""

    window: PositiveDuration


class Override(Strict):
    """What differs for one extractor; what is left out does not."""

    enabled: Switch | None = None


class TrafficOverride(Override):
    """What differs for one extractor, for an alert about requests."""

    min_requests: MinRequests | None = None


class TrafficAlert(WindowAlert):
    """An alert about a share of requests, which says nothing when there are few."""

    confidence: Confidence | None
    dispersion: Dispersion
    min_requests: MinRequests


class SecondsOverride(TrafficOverride):
    """What differs for one extractor; threshold in seconds."""

    threshold: Seconds | None = None


class RatioOverride(TrafficOverride):
    """What differs for one extractor; threshold as a ratio."""

    threshold: Ratio | None = None


class LatencyAlert(TrafficAlert):
    """p95 above the threshold, in seconds."""

    threshold: Seconds
    overrides: Entries[Line, SecondsOverride]


class RatioAlert(TrafficAlert):
    """A share of the requests beyond the threshold."""

    threshold: Ratio
    overrides: Entries[Line, RatioOverride]


class ResourceThreshold(Strict):
    """Shares of the container's limits."""

    cpu: Ratio
    memory: Ratio


class ResourceOverride(Override):
    """What differs for one extractor; both thresholds or none."""

    threshold: ResourceThreshold | None = None


class ResourceAlert(WindowAlert):
    """CPU or memory beyond its threshold."""

    threshold: Annotated[ResourceThreshold, Field(examples=[{"cpu": 0.9, "memory": 0.95}])]
    overrides: Entries[Line, ResourceOverride]


class BacklogOverride(Override):
    """What differs for one extractor; threshold in items."""

    threshold: Items | None = None


class BacklogAlert(WindowAlert):
    """More items waiting than the threshold."""

    threshold: Items
    overrides: Entries[Line, BacklogOverride]


class UnusualAlert(WindowAlert):
    """A value beyond all that it was within the window."""

    step: PositiveDuration
    margin: Margin


class Alerts(Strict):
    """Every alert but the correlated ones."""

    # config_model adds those that have a file below rules/alerts and no kind here: about ratios.

    FeatureExtractionLatencyCritical: LatencyAlert
    FeatureExtractionLatencyHigh: LatencyAlert
    FeatureExtractionResourcesCritical: ResourceAlert
    FeatureExtractionBatchBacklog: BacklogAlert
    FeatureExtractionTrafficStopped: WindowAlert
    FeatureExtractionUnusual: UnusualAlert
    FeatureExtractionMetricsAbsent: WindowAlert
    FeatureExtractionExporterDown: WindowAlert
    FeatureExtractionLatencyUnknown: Alert
    FeatureExtractionThresholdNotBucket: Alert
    FeaturewatchRemediationFailed: WindowAlert
    FeaturewatchReceiverDown: Alert
    FeaturewatchDeliveriesSetAside: Alert
    FeaturewatchDeliveriesLost: WindowAlert

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
    auto_resolve: Switch
    response: Response
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
