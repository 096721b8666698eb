"""Runs every check and reports."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from featurewatch_kit import generate
from featurewatch_kit.checks.completeness import check_completeness
from featurewatch_kit.checks.finding import Finding
from featurewatch_kit.checks.incidents import check_incidents
from featurewatch_kit.checks.inhibition import check_inhibition
from featurewatch_kit.checks.live import check_live
from featurewatch_kit.checks.numbers import check_numbers
from featurewatch_kit.checks.people import check_people
from featurewatch_kit.checks.prometheus import Prometheus
from featurewatch_kit.checks.secretfiles import check_secrets
from featurewatch_kit.checks.shadows import check_shadows
from featurewatch_kit.checks.sources import check_sources
from featurewatch_kit.checks.timing import check_timing
from featurewatch_kit.checks.tools import check_with_tools
from featurewatch_kit.checks.tree import Tree, read_tree
from featurewatch_kit.config.model import Config


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What is looked at beyond the generated files."""

    prometheus: str | None = None
    secrets: bool = False


def run_checks(config: Config, root: Path, extras: Extras) -> int:
    """Print a line per finding and a summary; 1 if there is any but notes, else 0.

    Raises:
        GenerationError: jsonnet refused the sources.
        ServerError: Prometheus does not answer.

    """
    mixin = generate.evaluate(config, root)
    files = generate.render(config, mixin)
    tree = read_tree(files, mixin["identities"])
    findings = [*check_tree(config, tree, root), *check_with_tools(files, root)]
    findings += _beyond(config, tree, extras)
    for finding in findings:
        print(finding)
    problems = sum(not finding.note for finding in findings)
    print(f"featurewatch check: {_size(tree)}: {_verdict(problems)}")
    return 1 if problems else 0


def check_tree(config: Config, tree: Tree, root: Path) -> Iterator[Finding]:
    """Everything that the generated files alone can show."""
    yield from check_people(config, tree)
    yield from check_shadows(tree)
    yield from check_timing(tree)
    yield from check_numbers(config, tree)
    yield from check_inhibition(tree)
    yield from check_incidents(tree)
    yield from check_sources(tree)
    yield from check_completeness(config, tree, root)


def _beyond(config: Config, tree: Tree, extras: Extras) -> Iterator[Finding]:
    if extras.secrets:
        yield from check_secrets(config)
    if extras.prometheus:
        yield from check_live(config, tree, Prometheus(extras.prometheus))


def _size(tree: Tree) -> str:
    counts = {
        "alerts": len(tree.names),
        "routes": sum(1 for _ in tree.root.walk()),
        "inhibit rules": len(tree.alertmanager.get("inhibit_rules", [])),
        "receivers": len(tree.alertmanager["receivers"]),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items())


def _verdict(problems: int) -> str:
    return f"{problems} problem{'s' if problems > 1 else ''}" if problems else "fine"
