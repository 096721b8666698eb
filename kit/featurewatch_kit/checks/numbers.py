"""Every number in the generated rules is the configured one, read back as Prometheus reads it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, zip_longest
from typing import Any

from featurewatch_kit.alertmanager.matchers import Matcher
from featurewatch_kit.checks.confidence import confidences
from featurewatch_kit.checks.finding import Finding
from featurewatch_kit.checks.repetition import repetition
from featurewatch_kit.checks.tree import CORRELATION, Alert, Tree
from featurewatch_kit.config.alerts import Alert as AlertSettings
from featurewatch_kit.config.alerts import CorrelationRule
from featurewatch_kit.config.model import Config
from featurewatch_kit.generate import ALERTS, RULES
from featurewatch_receiver.config.receiver import Maintenance
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.phrases import exact

# As in `0.25 * group by (extractor) (instances{extractor="big_model"})`.
_BRANCH = re.compile(
    r"(?P<number>\S+) \* group by \([^)]*\) \([\w:]+"
    r'(?:\{(?P<label>\w+)(?P<operator>=~|!~|!=|=)(?P<value>".*")\})?\)'
)
_SETTINGS = ("threshold", "min_requests")
_SINCE = re.compile(r"time\(\) - featurewatch:alert_start_timestamp_seconds\{[^}]*\} >= (\S+)")
_REMEMBERED = re.compile(r"> time\(\) - (\S+)")
_TOGETHER = re.compile(r"^\s+(?:<=|>= -)\s?(\S+)$", re.MULTILINE)
_PLANNED = re.compile(
    r"vector\((?P<value>\S+)\) and vector\(time\(\)\) >= (?P<start>\S+) < (?P<end>\S+)"
)
_MARGIN = re.compile(r"^(\S+) \* stddev_over_time")
_HISTORY = "featurewatch.history"
_ABSENT = "FeatureExtractionMetricsAbsent"
_MAINTENANCE = "FeaturewatchMaintenance"


@dataclass(frozen=True)
class _Number:
    """A number of the configuration, and what is generated of it; None where there is none."""

    file: str
    rule: str
    key: str
    wanted: float | None
    found: float | None

    def differs(self) -> bool:
        return self.wanted != self.found

    def finding(self) -> Finding:
        wanted, found = (_said(number) for number in (self.wanted, self.found))
        return Finding(
            self.file,
            f"{self.rule}: says {found} where {self.key} is {wanted}; generate with the rjsonnet"
            " that requirements-dev.txt names, and report it if the number stays wrong",
        )


def _said(number: float | None) -> str:
    return "nothing" if number is None else exact(number)


def check_numbers(config: Config, tree: Tree) -> Iterator[Finding]:
    """One finding for each number of the rules that is not that of the configuration."""
    bounds = (
        _Number(RULES, "featurewatch:lower_bound", *each) for each in confidences(config, tree)
    )
    for number in (
        *(*_settings(config, tree), *bounds),
        *(*_of_alerts(config, tree), *_of_groups(config, tree)),
        *_margins(config, tree),
        *(_Number(ALERTS, *each) for each in repetition(config, tree)),
    ):
        if number.differs():
            yield number.finding()


def _settings(config: Config, tree: Tree) -> Iterator[_Number]:
    alerts = dict(config.alerts.items())
    for group in tree.rules["groups"]:
        for rule in group["rules"]:
            setting = rule.get("record", "").removeprefix("featurewatch:")
            if setting in _SETTINGS:
                labels = rule["labels"]
                pick = [setting, *([labels["resource"]] if "resource" in labels else [])]
                yield from _setting(labels["alert"], alerts[labels["alert"]], pick, rule["expr"])


def _setting(name: str, alert: AlertSettings, pick: list[str], expr: str) -> Iterator[_Number]:
    """The number of each extractor that has one of its own, and of all others."""
    branches = [_branch(text) for text in expr.split("\nor\n")]
    default = _pick(alert, pick)
    place = f"featurewatch:{pick[0]} of {name}"
    for extractor, own in getattr(alert, "overrides", {}).items():
        wanted = None if own.enabled is False else _pick(own, pick)
        if wanted is None and own.enabled is not False:
            wanted = default
        key = ".".join(["alerts", name, "overrides", extractor, *pick])
        yield _Number(RULES, place, key, wanted, _of(branches, extractor))
    # The last one is for whatever has none of its own.
    yield _Number(RULES, place, ".".join(["alerts", name, *pick]), default, branches[-1][0])


def _pick(settings: Any, path: list[str]) -> float | None:
    for key in path:
        settings = getattr(settings, key, None)
    return None if settings is None else float(settings)


def _branch(text: str) -> tuple[float | None, Matcher | None]:
    found = _BRANCH.fullmatch(text)
    if found is None:
        return None, None
    matcher = Matcher(found["label"], found["operator"], json.loads(found["value"] or '""'))
    return _read(found["number"]), matcher if found["label"] else None


def _of(branches: list[tuple[float | None, Matcher | None]], extractor: str) -> float | None:
    labels = {"extractor": extractor}
    each = (number for number, only in branches if only is None or only.matches(labels))
    return next(each, None)


def _of_alerts(config: Config, tree: Tree) -> Iterator[_Number]:
    single = dict(config.alerts.items())
    for alert in tree.alerts:
        if alert.name in single:
            yield from _of_alert(config, alert, single[alert.name])
        elif alert.labels.get("category") == CORRELATION:
            yield from _of_incident(config, alert)
    yield from _planned(config, tree)


def _of_alert(config: Config, alert: Alert, settings: AlertSettings) -> Iterator[_Number]:
    level = int(alert.labels["escalation_level"])
    key = f"alerts.{alert.name}"
    cooldown = float(seconds(settings.cooldown))
    yield _Number(ALERTS, str(alert), f"{key}.cooldown", cooldown, alert.keep_firing_for)
    waits = float(seconds(settings.for_)) if level == 1 else 0.0
    yield _Number(ALERTS, str(alert), f"{key}.for", waits, alert.for_)
    if level > 1:
        policy = settings.escalation
        place = f"escalation.policies.{policy}.levels: the delays up to level {level}"
        yield from _each(alert, place, due(config, policy)[level - 1], _SINCE)
    if alert.name == _ABSENT:
        window = seconds(config.alerts.FeatureExtractionMetricsAbsent.window)
        yield from _each(alert, f"{key}.window", window, _REMEMBERED)


def due(config: Config, policy: str) -> list[int]:
    """Seconds after the beginning of an alert at which each level of the policy is due."""
    own = [level.delay for level in config.escalation.policies[policy].levels]
    first = own[0] or "0s"
    rest = [delay or config.escalation.default_delay for delay in own[1:]]
    return list(accumulate(seconds(delay) for delay in [first, *rest]))


def _of_incident(config: Config, alert: Alert) -> Iterator[_Number]:
    settings: CorrelationRule = getattr(config.correlation.rules, alert.name)
    key = f"correlation.rules.{alert.name}"
    cooldown = float(seconds(settings.cooldown))
    yield _Number(ALERTS, str(alert), f"{key}.cooldown", cooldown, alert.keep_firing_for)
    if alert.labels["escalation_level"] == "1":
        window = seconds(settings.window or config.correlation.window)
        yield from _each(alert, f"{key}.window", window, _TOGETHER)


def _each(alert: Alert, key: str, wanted: float, pattern: re.Pattern[str]) -> Iterator[_Number]:
    """Every number that the pattern finds in an expression; at least one must be there."""
    for text in pattern.findall(alert.code) or [None]:
        yield _Number(ALERTS, str(alert), key, float(wanted), _read(text))


def _planned(config: Config, tree: Tree) -> Iterator[_Number]:
    """Of each window its beginning, its end, and the value that tells its end."""
    for signal in (alert for alert in tree.alerts if alert.name == _MAINTENANCE):
        windows = _windows(config, named=signal.labels["scope"] == "extractor")
        for (number, window), found in zip_longest(windows, _PLANNED.finditer(signal.code)):
            for key, part, time in (
                ("from", "start", window.from_),
                ("to", "end", window.to),
                ("to", "value", window.to),
            ):
                read = _read(found[part]) if found else None
                place = f"maintenance.{number}.{key}"
                yield _Number(ALERTS, _MAINTENANCE, place, _whole(time), read)


def _windows(config: Config, *, named: bool) -> list[tuple[int, Maintenance]]:
    """Windows of named extractors, or of all, as the rules have them: the last end first."""
    windows = [each for each in enumerate(config.maintenance) if bool(each[1].extractors) == named]
    return sorted(windows, key=lambda each: (_whole(each[1].to), each[1].name), reverse=True)


def _whole(time: datetime) -> float:
    """As the rules know it, in whole seconds."""
    return float(int(time.timestamp()))


def _margins(config: Config, tree: Tree) -> Iterator[_Number]:
    key = "alerts.FeatureExtractionUnusual.margin"
    wanted = config.alerts.FeatureExtractionUnusual.margin
    for group in tree.rules["groups"]:
        for rule in group["rules"]:
            if rule["record"] != "featurewatch:usual_margin":
                continue
            found = _MARGIN.search(rule["expr"])
            yield _Number(RULES, rule["record"], key, wanted, _read(found[1]) if found else None)


def _of_groups(config: Config, tree: Tree) -> Iterator[_Number]:
    usual = "alerting.evaluation_interval", config.alerting.evaluation_interval
    history = "alerts.FeatureExtractionUnusual.step", config.alerts.FeatureExtractionUnusual.step
    for file, rules in ((RULES, tree.rules), (ALERTS, tree.alert_rules)):
        for group in rules["groups"]:
            key, interval = history if group["name"] == _HISTORY else usual
            found = float(seconds(group["interval"]))
            yield _Number(file, f"group {group['name']}", key, float(seconds(interval)), found)


def _read(text: str | None) -> float | None:
    """The number as Prometheus reads it: the nearest that it can hold."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
