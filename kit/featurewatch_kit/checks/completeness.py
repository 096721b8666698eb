"""Every alert is explained, drawn, tested and decided on."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from featurewatch_kit.checks.finding import Finding
from featurewatch_kit.checks.tree import SIGNALS, Alert, Tree
from featurewatch_kit.config.model import Config
from featurewatch_kit.generate import ALERTS, RECEIVER
from featurewatch_kit.usage import without_comments
from featurewatch_receiver import runbook

RULE_TESTS = Path("tests/rules")
DASHBOARD_SOURCES = "dashboards/"
BREACH = "featurewatch:breach"
SIGNAL_ANNOTATIONS = ("summary", "runbook_url")
# An incident, and what is about featurewatch itself.
WITHOUT_THRESHOLD = ("correlation", "featurewatch")
ANNOTATIONS = (
    *SIGNAL_ANNOTATIONS,
    "description",
    "value",
    "response_time",
    "since",
    "duration",
)


def check_completeness(config: Config, tree: Tree, root: Path) -> Iterator[Finding]:
    """One finding for each thing that an alert lacks."""
    yield from _runbook(config, tree, root)
    yield from _tests(tree, root)
    yield from _panels(tree)
    yield from _responses(tree)
    links = _links(config)
    for alert in tree.alerts:
        yield from _annotations(alert, links)


def _runbook(config: Config, tree: Tree, root: Path) -> Iterator[Finding]:
    place = config.receiver.runbook_file or runbook.IN_CHECKOUT
    try:
        text = (root / place).read_text(encoding="utf-8")
    except OSError as error:
        yield Finding(place, f"can't be read ({error.strerror}); fix receiver.runbook_file")
        return
    headings = re.findall(r"^## (\S+)\s*$", text, re.MULTILINE)
    for name in tree.names:
        if name not in headings:
            yield Finding(place, f"no section on {name}, which its runbook_url opens; write one")


def _tests(tree: Tree, root: Path) -> Iterator[Finding]:
    """Only in a checkout that has tests at all."""
    if not (root / RULE_TESTS).is_dir():
        return
    for name in tree.names:
        file = RULE_TESTS / f"{name}.yaml"
        if not (root / file).is_file():
            yield Finding(str(file), f"is missing, so nothing tests {name}; write promtool tests")


def _panels(tree: Tree) -> Iterator[Finding]:
    """A panel shows an alert when it queries its name, or the recorded value that it judges."""
    drawn = "\n".join(_expressions(tree.dashboards))
    records = [
        rule for group in tree.rules["groups"] for rule in group["rules"] if "record" in rule
    ]
    for alert in {alert.name: alert for alert in tree.alerts}.values():
        shown = [rf'\balert(name)?=~?"[^"]*\b{alert.name}\b', *_value(alert, records)]
        if alert.name not in SIGNALS and not any(re.search(word, drawn) for word in shown):
            yield Finding(
                DASHBOARD_SOURCES,
                f"no panel shows {alert.name}; add one that draws its value, or alert="
                f'"{alert.name}"',
            )


def _expressions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("expr"), str):
            yield node["expr"]
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _expressions(item)


def _value(alert: Alert, rules: list[dict[str, Any]]) -> list[str]:
    """Pattern of the recorded series that it judges: the first of its breach, or of itself."""
    own = {"alert": alert.name}
    judged = [r["expr"] for r in rules if r["record"] == BREACH and r["labels"] == own]
    code = without_comments(judged[0]) if judged else alert.code
    first = re.match(r"[\s(]*([a-zA-Z_:][\w:]*)", code)
    known = first and first[1] in {rule["record"] for rule in rules}
    return [rf"(?<![\w:]){first[1]}(?![\w:])"] if first and known else []


def _responses(tree: Tree) -> Iterator[Finding]:
    decided = tree.receiver.get("alerts", {})
    for name in tree.names:
        if name not in decided and name not in SIGNALS:
            yield Finding(
                RECEIVER,
                f"alerts: nothing is decided for {name}; write its response, null for none",
            )


def _links(config: Config) -> list[str]:
    """Annotations that hold the links which are configured."""
    given = {"dashboard_url": config.links.grafana, "console_url": config.links.console}
    return [name for name, address in given.items() if address is not None]


def _annotations(alert: Alert, links: list[str]) -> Iterator[Finding]:
    wanted = [*SIGNAL_ANNOTATIONS] if alert.name in SIGNALS else [*ANNOTATIONS, *links]
    if alert.labels.get("category") not in WITHOUT_THRESHOLD:
        wanted.append("threshold")
    lacking = [name for name in wanted if not alert.annotations.get(name)]
    if lacking:
        yield Finding(
            ALERTS,
            f"{alert} lacks the annotation {', '.join(lacking)}; add it to its rule",
        )
