"""Sources of inhibit rules: no alert is muted by two of them through one rule.

Alertmanager 0.30.0 to 0.34.0 remembers one source for each set of values under `equal`. When that
one ends, what another still mutes is told, until that is sent again.
"""

from collections.abc import Iterator

from featurewatch_kit.checks.finding import Finding
from featurewatch_kit.checks.inhibition import InhibitRule, inhibit_rules
from featurewatch_kit.checks.tree import Alert, Instance, Tree
from featurewatch_kit.generate import ALERTMANAGER

_TELLS = "when one ends, Alertmanager 0.30.0 to 0.34.0 tells what the other still mutes"


def check_sources(tree: Tree) -> Iterator[Finding]:
    """Findings about rules through which one alert can be muted twice."""
    for rule in inhibit_rules(tree):
        yield from _two_alerts(rule)
        yield from _two_series(rule)


def _two_alerts(rule: InhibitRule) -> Iterator[Finding]:
    """What an incident had been told (the label `told`) it keeps, so that is no second one."""
    by: dict[Instance, set[Alert]] = {}
    for source, target in rule.pairs():
        by.setdefault(target, set()).add(source.alert)
    for target, sources in by.items():
        if len(sources) > 1:
            who = " and ".join(sorted(map(str, sources)))
            message = f"{who} mute {target.alert}: {_TELLS}; write a rule for each of them"
            yield Finding(ALERTMANAGER, f"{rule}: {message}")
            return


def _two_series(rule: InhibitRule) -> Iterator[Finding]:
    pairs = ((source.alert, target.alert) for source, target in rule.pairs())
    for source, target in dict.fromkeys(pairs):
        # What both have is told of as an alert that mutes others than its own.
        wide = sorted(set(source.dynamic) - set(target.dynamic) - set(rule.equal))
        if wide:
            message = f"{source} of each {', '.join(wide)} mutes {target}: {_TELLS}"
            yield Finding(ALERTMANAGER, f"{rule}: {message}; take a source that has no such label")
            return
