"""What mutes what: never itself, never each other, and only by labels that both sides have."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from featurewatch_kit.alertmanager import inhibition
from featurewatch_kit.alertmanager.labels import Labels
from featurewatch_kit.checks.finding import Finding, listed
from featurewatch_kit.checks.tree import SIGNALS, Alert, Instance, Tree
from featurewatch_kit.generate import ALERTMANAGER


@dataclass
class InhibitRule:
    """One rule of `inhibit_rules`, with the alerts of the tree that are on its sides."""

    rule: inhibition.InhibitRule
    instances: list[Instance]

    def __str__(self) -> str:
        return str(self.rule)

    @property
    def number(self) -> int:
        """Its place in the list."""
        return self.rule.number

    @property
    def equal(self) -> tuple[str, ...]:
        """Labels that must be equal on both sides."""
        return self.rule.equal

    @cached_property
    def sources(self) -> list[Instance]:
        """Alerts that can mute."""
        return [one for one in self.instances if self.rule.mutes_from(one.labels)]

    @cached_property
    def targets(self) -> list[Instance]:
        """Alerts that can be muted."""
        return [one for one in self.instances if self.rule.mutes(one.labels)]

    def both(self, labels: Labels) -> bool:
        """Whether an alert is on both sides; Alertmanager lets no two such mute each other."""
        return self.rule.both(labels)

    def pairs(self) -> Iterator[tuple[Instance, Instance]]:
        """Every pair of different alerts of which the first mutes the second."""
        for source in self.sources:
            for target in self.targets:
                twice = self.both(source.labels) and self.both(target.labels)
                if not twice and agree(self.equal, source.labels, target.labels):
                    yield source, target


def agree(labels: Iterable[str], one: Labels, other: Labels) -> bool:
    """Whether the labels are equal; to Alertmanager a missing one is empty."""
    return all(one.get(label, "") == other.get(label, "") for label in labels)


def inhibit_rules(tree: Tree) -> list[InhibitRule]:
    """Every rule, in the order of the file."""
    nodes = tree.alertmanager.get("inhibit_rules", [])
    rules = [inhibition.read_rule(number, node) for number, node in enumerate(nodes)]
    return [InhibitRule(rule, tree.instances) for rule in rules]


def check_inhibition(tree: Tree) -> Iterator[Finding]:
    """Findings about each rule, then about all of them together."""
    rules = inhibit_rules(tree)
    for rule in rules:
        yield from _itself(rule)
        yield from _lacking(rule)
        yield from _across(rule)
        yield from _always(rule)
    yield from _each_other(rules)


def _finding(rule: InhibitRule, message: str) -> Finding:
    return Finding(ALERTMANAGER, f"{rule}: {message}")


def _itself(rule: InhibitRule) -> Iterator[Finding]:
    twice = [str(one.alert) for one in rule.sources if rule.both(one.labels)]
    if twice:
        yield _finding(
            rule,
            f"{listed(twice)} is on both sides and would mute itself; narrow the target_matchers",
        )


def _lacking(rule: InhibitRule) -> Iterator[Finding]:
    """Labels under `equal` that one side never has: the rule then mutes nothing, or too much."""
    for label in rule.equal:
        rest = [other for other in rule.equal if other != label]
        pairs = [
            (source.alert, target.alert)
            for source in rule.sources
            for target in rule.targets
            if source is not target and agree(rest, source.labels, target.labels)
        ]
        lacking = [a for pair in pairs for a in pair if label not in {*a.labels, *a.dynamic}]
        if lacking:
            who = listed([str(alert) for alert in lacking])
            yield _finding(
                rule,
                f"equal names {label}, which {who} does not have; name labels that both sides"
                " have, or narrow the matchers",
            )


def _across(rule: InhibitRule) -> Iterator[Finding]:
    """Labels that tell both alerts apart and are not under `equal`."""
    wide: dict[str, list[str]] = {}
    for source, target in rule.pairs():
        for label in set(source.alert.dynamic) & set(target.alert.dynamic) - set(rule.equal):
            wide.setdefault(label, []).append(f"{source.alert} mutes {target.alert}")
    for label, pairs in sorted(wide.items()):
        yield _finding(
            rule,
            f"{listed(pairs, 1)} of every {label}, not of its own alone; add {label} to equal",
        )


def _always(rule: InhibitRule) -> Iterator[Finding]:
    pairs = list(rule.pairs())
    for source in dict.fromkeys(source.alert for source, _ in pairs if source.alert.always_fires):
        muted = [str(target.alert) for one, target in pairs if one.alert is source]
        yield _finding(
            rule, f"{source} always fires, so {listed(muted)} is never told; take it out"
        )
    signals = [str(target.alert) for _, target in pairs if target.alert.name in SIGNALS]
    if signals:
        yield _finding(
            rule,
            f"mutes {listed(signals)}, which the receiver must always hear; leave it out of the"
            " target_matchers",
        )


def _each_other(rules: list[InhibitRule]) -> Iterator[Finding]:
    muters: dict[Instance, dict[Instance, InhibitRule]] = {}
    for rule in rules:
        for source, target in rule.pairs():
            muters.setdefault(target, {}).setdefault(source, rule)
    told: set[frozenset[Alert]] = set()
    for circle in _circles(muters):
        alerts = frozenset(one.alert for one in circle)
        if alerts not in told:
            told.add(alerts)
            yield _circle(circle, muters)


def _circles(muters: dict[Instance, dict[Instance, InhibitRule]]) -> Iterator[list[Instance]]:
    """Each circle of alerts that mute one another; an edge of it is cut to find the next."""
    graph = {one: list(by) for one, by in muters.items()}
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle: list[Instance] = error.args[1]
            yield circle[:-1]
            graph[circle[1]].remove(circle[0])
        else:
            return


def _circle(circle: list[Instance], muters: dict[Instance, dict[Instance, InhibitRule]]) -> Finding:
    pairs = zip(circle, [*circle[1:], circle[0]], strict=True)
    rules = sorted({muters[muted][by].number for by, muted in pairs})
    names = " and ".join(sorted(str(one.alert) for one in circle))
    where = " and ".join(f"inhibit_rules[{number}]" for number in rules)
    return Finding(
        ALERTMANAGER,
        f"{where}: {names} mute each other, so nobody hears of either; let only one mute the other",
    )
