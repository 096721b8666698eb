"""The generated files as plain data, and the alerts that their rules can raise."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import yaml

from featurewatch_kit import generate
from featurewatch_kit.alertmanager.matchers import Matcher, parse_all
from featurewatch_kit.alertmanager.routes import Route, read_routes
from featurewatch_kit.usage import without_comments
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.labels import LEVEL, TOLD

# Tell the receiver of the chain and of planned work, and Alertmanager of what to mute; they are no
# trouble, and nobody is told.
SIGNALS = frozenset({"Watchdog", "FeaturewatchMaintenance", "FeaturewatchCooldown"})
CORRELATION = "correlation"


@dataclass(frozen=True, eq=False)
class Alert:
    """One alerting rule: its labels, and those that its series bring (`dynamic`)."""

    name: str
    labels: dict[str, str]
    dynamic: tuple[str, ...]
    annotations: dict[str, str]
    expr: str
    # Seconds.
    for_: float
    keep_firing_for: float

    def __str__(self) -> str:
        """As `FeatureExtractionLatencyCritical level 2`; a correlation has several of a level."""
        level = self.labels.get("escalation_level")
        if level is None:
            return self.name
        return f"{self.name} level {level}" + (self._case() if self._correlates else "")

    @property
    def _correlates(self) -> bool:
        return self.labels.get("category") == CORRELATION

    def _case(self) -> str:
        return f" ({self.labels.get('severity')}, {self.labels.get('escalation_policy')})"

    @property
    def code(self) -> str:
        """Its expression without comments."""
        return without_comments(self.expr)

    @property
    def always_fires(self) -> bool:
        """Whether nothing that is measured decides it."""
        return self.code == "vector(1)"


@dataclass(frozen=True, eq=False)
class Instance:
    """One label set that an alert can have."""

    alert: Alert
    labels: dict[str, str]


@dataclass
class Tree:
    """Every generated file, parsed, and the labels that tell alerts of a name apart."""

    alertmanager: dict[str, Any]
    rules: dict[str, Any]
    alert_rules: dict[str, Any]
    receiver: dict[str, Any]
    dashboards: dict[str, dict[str, Any]]
    identities: dict[str, list[str]]

    @cached_property
    def root(self) -> Route:
        """The routing tree."""
        return read_routes(self.alertmanager["route"])

    @cached_property
    def alerts(self) -> list[Alert]:
        """Every alerting rule."""
        return [
            self._alert(rule)
            for rules in (self.rules, self.alert_rules)
            for group in rules["groups"]
            for rule in group["rules"]
            if "alert" in rule
        ]

    def _alert(self, rule: dict[str, Any]) -> Alert:
        name = rule["alert"]
        return Alert(
            name=name,
            labels={"alertname": name, **rule.get("labels", {})},
            dynamic=tuple(self._dynamic(rule)),
            annotations=rule.get("annotations", {}),
            expr=rule["expr"],
            for_=float(seconds(rule.get("for", "0s"))),
            keep_firing_for=float(seconds(rule.get("keep_firing_for", "0s"))),
        )

    def _dynamic(self, rule: dict[str, Any]) -> list[str]:
        """Those of the alert's identity; of a signal, those that it is grouped by."""
        grouped = re.match(r"group by \(([^)]*)\)", without_comments(rule["expr"]))
        of_signal = re.findall(r"\w+", grouped[1]) if grouped else []
        return self.identities.get(rule["alert"], of_signal)

    @cached_property
    def names(self) -> list[str]:
        """Names of the alerts, each once."""
        return list(dict.fromkeys(alert.name for alert in self.alerts))

    @cached_property
    def instances(self) -> list[Instance]:
        """Label sets of every alert: a value of no matcher's, and each that a matcher names.

        An incident also with each that its rule gives it of what people had been told before.
        """
        named = self._named_values()
        return [
            Instance(alert, alert.labels | told | dict(zip(alert.dynamic, values, strict=True)))
            for alert in self.alerts
            for told in [{}, *({TOLD: state} for state in self._told(alert))]
            for values in product(*([f"some_{n}", *named.get(n, [])] for n in alert.dynamic))
        ]

    def _told(self, alert: Alert) -> list[str]:
        """What an incident may say of what people had been told: its first level finds it out."""
        if alert.labels.get("category") != CORRELATION:
            return []
        form = alert.labels | {LEVEL: "1"}
        first = next((one for one in self.alerts if one.labels == form), alert)
        return [
            state
            for states in re.findall(rf'{TOLD}=~?"([^"]+)"', first.code)
            for state in states.split("|")
        ]

    def _named_values(self) -> dict[str, list[str]]:
        values: dict[str, list[str]] = {}
        for matcher in self._matchers():
            known = values.setdefault(matcher.label, [])
            known += [value for value in matcher.values() if value and value not in known]
        return values

    def _matchers(self) -> Iterator[Matcher]:
        for route in self.root.walk():
            yield from route.matchers
        for rule in self.alertmanager.get("inhibit_rules", []):
            for side in ("source_matchers", "target_matchers"):
                yield from parse_all(rule.get(side, []))


def read_tree(files: dict[str, str], identities: dict[str, list[str]]) -> Tree:
    """Parse the generated files."""
    return Tree(
        alertmanager=yaml.safe_load(files[generate.ALERTMANAGER]),
        rules=yaml.safe_load(files[generate.RULES]),
        alert_rules=yaml.safe_load(files[generate.ALERTS]),
        receiver=yaml.safe_load(files[generate.RECEIVER]),
        dashboards={
            name: json.loads(text)
            for name, text in files.items()
            if name.startswith(generate.DASHBOARDS) and name.endswith(".json")
        },
        identities=identities,
    )
