"""What mutes what, in words."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from featurewatch_kit.alertmanager.inhibition import InhibitRule
from featurewatch_kit.alertmanager.labels import Labels, LabelSet
from featurewatch_kit.diff.sides import Side
from featurewatch_receiver.labels import ALERTNAME, LEVEL

SEVERITY = "severity"


def in_words(side: Side) -> list[str]:
    """A line for each rule of a foreign file, of ours for each two alerts."""
    rules = side.configuration.inhibit_rules
    if side.alerts is None:
        return [_rule(rule) for rule in rules]
    mutes: dict[str, set[str]] = defaultdict(set)
    for source, target in _pairs(rules, [dict(alert) for alert in side.alerts]):
        mutes[source].add(target)
    return [f"{source} mutes {target}" for source, all_ in mutes.items() for target in all_]


def alert_name(alert: LabelSet) -> str:
    """One of our alerts: `FeatureExtractionLatencyHigh level 1 (high)`."""
    return _name(dict(alert))


def _name(labels: Labels) -> str:
    level = f" level {labels[LEVEL]}" if LEVEL in labels else ""
    severity = f" ({labels[SEVERITY]})" if SEVERITY in labels else ""
    return f"{labels[ALERTNAME]}{level}{severity}"


def _rule(rule: InhibitRule) -> str:
    source, target = (
        ", ".join(sorted(map(str, side))) or "every alert" for side in (rule.source, rule.target)
    )
    same = f" with the same {', '.join(sorted(rule.equal))}" if rule.equal else ""
    return f"{source} mutes {target}{same}"


def _pairs(rules: Iterable[InhibitRule], alerts: list[Labels]) -> Iterator[tuple[str, str]]:
    for rule in rules:
        sources = [alert for alert in alerts if rule.mutes_from(alert)]
        for target in filter(rule.mutes, alerts):
            for source in sources:
                if rule.shared(source) == rule.shared(target) and not (
                    rule.both(source) and rule.both(target)
                ):
                    yield _name(source), _name(target)
