"""The rules of the generated files, in the order in which they are evaluated."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import yaml
from promql_parser import parse_duration

from simulator.expressions import Node, Selector, parse, selectors
from simulator.vectors import NAME, Labels, Unsupported, labels_of

ALERTS = "ALERTS"
PENDING, FIRING = "pending", "firing"
#: A label of an alert that only its series know.
_TEMPLATE = re.compile(r"\{\{\s*\$labels\.(\w+)\s*\}\}")


@dataclass(frozen=True, eq=False)
class Rule:
    """One rule; an alert is what records ALERTS."""

    name: str
    alert: bool
    tree: Node
    labels: dict[str, str]
    hold: float = 0.0
    keep: float = 0.0

    @property
    def title(self) -> str:
        """As it is named to people."""
        level = self.labels.get("escalation_level")
        words = [f"{name}={value}" for name, value in sorted(self.labels.items())]
        return (
            f"{self.name} level {level}" if self.alert and level else " ".join([self.name, *words])
        )

    def made(self, labels: Labels, state: str = FIRING) -> Labels:
        """The labels of what it records for one series of its expression."""
        source = dict(labels)
        own = {
            name: _TEMPLATE.sub(lambda match: source.get(match[1], ""), value)
            for name, value in self.labels.items()
        }
        if not self.alert:
            return labels_of({**source, **own, NAME: self.name})
        identity = {NAME: ALERTS, "alertname": self.name, "alertstate": state}
        return labels_of({**source, **own, **identity})

    def may_be_read(self, selector: Selector) -> bool:
        """Whether a selector could find what it records."""
        fixed = {name: value for name, value in self.labels.items() if "{{" not in value}
        if not self.alert:
            return selector.may_match({**fixed, NAME: self.name})
        identity = {NAME: ALERTS, "alertname": self.name}
        return any(
            selector.may_match({**fixed, **identity, "alertstate": state})
            for state in (FIRING, PENDING)
        )


@dataclass(frozen=True, eq=False)
class Rules:
    """What can be evaluated, and what can't: its names with the reasons."""

    evaluated: list[Rule]
    left_out: dict[str, str]
    step: float


def read_rules(texts: Iterable[str]) -> Rules:
    """The rules of files that are evaluated one after the other."""
    groups = [
        group for text in texts for group in yaml.load(text, Loader=yaml.CSafeLoader)["groups"]
    ]
    evaluated, left_out = [], {}
    for entry in (rule for group in groups for rule in group["rules"]):
        try:
            evaluated.append(_rule(entry))
        except Unsupported as reason:
            left_out[_title(entry)] = str(reason)
    return Rules(evaluated, left_out, _step(groups))


def _step(groups: list[dict]) -> float:
    steps = {_seconds(group["interval"]) for group in groups}
    if len(steps) != 1:
        raise Unsupported(f"groups of different intervals: {steps}")
    return steps.pop()


def _title(entry: dict) -> str:
    labels = " ".join(f"{name}={value}" for name, value in sorted(entry.get("labels", {}).items()))
    return f"{entry.get('alert') or entry['record']} {labels}".strip()


def _seconds(text: str) -> float:
    return 0.0 if text.strip("0") in ("", "s") else parse_duration(text).total_seconds()


def _rule(entry: dict) -> Rule:
    labels = {name: str(value) for name, value in entry.get("labels", {}).items()}
    for value in labels.values():
        if "{{" in _TEMPLATE.sub("", value):
            raise Unsupported(f"the template {value}")
    tree = parse(entry["expr"])
    if any(each.equal.get(NAME) == "ALERTS_FOR_STATE" for each in selectors(tree)):
        raise Unsupported("ALERTS_FOR_STATE")
    return Rule(
        name=entry.get("alert") or entry["record"],
        alert="alert" in entry,
        tree=tree,
        labels=labels,
        hold=_seconds(entry.get("for", "0s")),
        keep=_seconds(entry.get("keep_firing_for", "0s")),
    )


@cache
def readers(of: Rules) -> list[set[int]]:
    """Of each rule, the rules that it may read."""
    rules = of.evaluated
    found = [list(selectors(rule.tree)) for rule in rules]
    return [
        {
            number
            for number, source in enumerate(rules)
            if any(source.may_be_read(selector) for selector in found[reader])
        }
        for reader in range(len(rules))
    ]


def components(reads: list[set[int]]) -> list[list[int]]:
    """Rules that read each other, in circles or not: what is read comes first (Tarjan)."""
    order: list[list[int]] = []
    seen: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []

    def visit(node: int) -> None:
        seen[node] = low[node] = len(seen)
        stack.append(node)
        for other in sorted(reads[node]):
            if other not in seen:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == seen[node]:
            place = stack.index(node)
            order.append(sorted(stack[place:]))
            del stack[place:]

    for node in range(len(reads)):
        if node not in seen:
            visit(node)
    return order
