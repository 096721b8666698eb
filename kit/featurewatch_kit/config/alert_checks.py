"""Faults within the section `alerts`: what would never fire, or be taken for something else."""

import re
from collections.abc import Iterator

from featurewatch_kit.config.alerts import Alert, LatencyAlert, ResourceAlert, TrafficAlert
from featurewatch_kit.config.model import Config
from featurewatch_receiver.config.file import Problem
from featurewatch_receiver.config.values import seconds

# What the messages of alerts that are not about one extractor may name, see rules/alerts.
PLACEHOLDERS = {
    "FeatureExtractionExporterDown": ("instance", "job"),
    "FeatureExtractionThresholdNotBucket": ("alert", "extractor", "le"),
    "FeatureExtractionUnusual": ("extractor", "measured"),
    "FeaturewatchReceiverDown": ("instance", "job"),
    "FeaturewatchDeliveriesSetAside": ("job",),
    "FeaturewatchDeliveriesLost": ("job",),
}
# Labels of an alert by which Alertmanager routes.
RULE_LABELS = frozenset(
    {"alertname", "auto_resolve", "escalation_level", "escalation_policy", "severity"}
)
CRITICAL, HIGH = "FeatureExtractionLatencyCritical", "FeatureExtractionLatencyHigh"
# A rate needs two samples, and still has them when a scrape or two fail.
_EVALUATIONS_PER_RATE = 4
# How much longer than its `for` a vanished extractor is remembered at least.
_MEMORY_SECONDS = 300
# What is usual is said from the second day on.
_DAY_SECONDS = 86400

Path = tuple[str, ...]


def check_alerts(config: Config) -> Iterator[Problem]:
    """Every fault of single alerts, and of the two about latency together."""
    yield from _buckets(config)
    yield from _latency_order(config)
    yield from _labels(config)
    yield from _rate_windows(config)
    yield from _memory(config)
    yield from _usual(config)
    yield from _messages(config)


def _buckets(config: Config) -> Iterator[Problem]:
    bounds = config.metrics.duration_buckets
    if bounds != sorted(set(bounds)):
        message = f"must rise; write {sorted(set(bounds))}"
        yield Problem(path=("metrics", "duration_buckets"), message=message)
    for name, alert in config.alerts.items():
        if not isinstance(alert, LatencyAlert):
            continue
        path: Path = ("alerts", name, "threshold")
        yield from _bound(path, alert.threshold, bounds)
        for extractor, override in alert.overrides.items():
            path = ("alerts", name, "overrides", extractor, "threshold")
            if override.threshold is not None:
                yield from _bound(path, override.threshold, bounds)


def _bound(path: Path, threshold: float, bounds: list[float]) -> Iterator[Problem]:
    library = "metrics.duration_buckets and to the library's duration_buckets"
    if threshold >= max(bounds):
        missing = "a higher bound" if threshold in bounds else "it and a higher bound"
        message = (
            f"p95 is never found above the highest bucket bound, {max(bounds)}, so this would"
            f" never fire; add {missing} to {library}"
        )
        yield Problem(path=path, message=message)
    elif threshold not in bounds:
        message = (
            f"p95 is not exact at {threshold}, which is no bucket bound; add it to {library}, or"
            f" write one of {bounds}"
        )
        yield Problem(path=path, message=message)


def _latency_order(config: Config) -> Iterator[Problem]:
    """The high alert warns before the critical one, for every extractor that has both."""
    alerts = config.alerts
    high, critical = alerts.FeatureExtractionLatencyHigh, alerts.FeatureExtractionLatencyCritical
    if not (high.enabled and critical.enabled):
        return
    for extractor in dict.fromkeys((None, *high.overrides, *critical.overrides)):
        warns, fires = _threshold(HIGH, high, extractor), _threshold(CRITICAL, critical, extractor)
        if not warns or not fires or warns[1] < fires[1]:
            continue
        if "overrides" in fires[0] and "overrides" not in warns[0]:
            message = f"is not above the {warns[1]} of {HIGH}; write more"
            yield Problem(path=fires[0], message=message)
        else:
            message = f"is not below the {fires[1]} of {CRITICAL}; write less"
            yield Problem(path=warns[0], message=message)


def _threshold(name: str, alert: LatencyAlert, extractor: str | None) -> tuple[Path, float] | None:
    """Return where the extractor's threshold stands, and the threshold; None if it is off."""
    override = alert.overrides.get(extractor) if extractor is not None else None
    if override is not None and override.enabled is False:
        return None
    if extractor is not None and override is not None and override.threshold is not None:
        return ("alerts", name, "overrides", extractor, "threshold"), override.threshold
    return ("alerts", name, "threshold"), alert.threshold


def _labels(config: Config) -> Iterator[Problem]:
    """No label takes the place of one that the rules set, or of the alert's identity."""
    for name, alert in config.alerts.items():
        reserved = {*RULE_LABELS, *config.metrics.identity, *PLACEHOLDERS.get(name, ())}
        for label, value in alert.labels.model_dump().items():
            fault = _label_fault(label, value, reserved - {"category", "type"})
            if fault:
                yield Problem(path=("alerts", name, "labels", label), message=fault)


def _label_fault(label: str, value: str, reserved: set[str]) -> str | None:
    if label in reserved:
        return "is set by the rules; name yours otherwise"
    if label.startswith("__"):
        return "is reserved by Prometheus; begin it with a letter"
    if (label, value) == ("category", "correlation"):
        return "is that of the correlated alerts, which others are muted by; write another one"
    if "{{" in value:
        return "'{{' would begin a template of Prometheus; write plain text"
    return None


def _rate_windows(config: Config) -> Iterator[Problem]:
    needed = _EVALUATIONS_PER_RATE * seconds(config.alerting.evaluation_interval)
    alerts = dict[str, Alert](config.alerts.items())
    windows = {name: a.window for name, a in alerts.items() if isinstance(a, TrafficAlert)}
    for name in ("FeaturewatchRemediationFailed", "FeaturewatchDeliveriesLost"):
        windows[name] = getattr(config.alerts, name).window
    for name, window in windows.items():
        if seconds(window) < needed:
            message = (
                "is less than four evaluation intervals, so a rate would often be of too few"
                f" samples; write {needed}s or more"
            )
            yield Problem(path=("alerts", name, "window"), message=message)


def _memory(config: Config) -> Iterator[Problem]:
    """A vanished extractor must be remembered until its alert fires."""
    absent = config.alerts.FeatureExtractionMetricsAbsent
    needed = seconds(absent.for_) + _MEMORY_SECONDS
    if seconds(absent.window) < needed:
        message = (
            "is less than 'for' and five minutes, so a vanished extractor would be forgotten"
            f" before anyone hears of it; write {needed}s or more"
        )
        path = ("alerts", "FeatureExtractionMetricsAbsent", "window")
        yield Problem(path=path, message=message)


def _usual(config: Config) -> Iterator[Problem]:
    """A day must fit into the window, and be looked at more than once."""
    alert = config.alerts.FeatureExtractionUnusual
    path = ("alerts", "FeatureExtractionUnusual")
    if seconds(alert.window) <= _DAY_SECONDS:
        message = "is no more than the day that the alert waits for; write 2d or more"
        yield Problem(path=(*path, "window"), message=message)
    if seconds(alert.step) > _DAY_SECONDS // 24:
        yield Problem(path=(*path, "step"), message="misses most of a day; write 1h or less")


def _messages(config: Config) -> Iterator[Problem]:
    for name, alert in config.alerts.items():
        identity = dict.fromkeys((*config.metrics.identity, "extractor"))
        known = [*PLACEHOLDERS.get(name, identity), "threshold", "value"]
        known += ["cpu", "memory"] if isinstance(alert, ResourceAlert) else []
        yield from check_message(("alerts", name, "message"), alert.message, known)


def check_message(path: Path, message: str, known: list[str]) -> Iterator[Problem]:
    """A message names only what is filled in, and holds no template."""
    there_are = ", ".join(f"{{{name}}}" for name in known)
    if "{{" in message:
        fault = f"'{{{{' would begin a template of Prometheus; use {there_are}"
        yield Problem(path=path, message=fault)
        return
    for word in re.findall(r"\{(\w+)\}", message):
        if word not in known:
            fault = f"{{{word}}} is not filled in; write one of {there_are}"
            yield Problem(path=path, message=fault)
