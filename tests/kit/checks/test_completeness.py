"""Every alert is explained, drawn, tested and decided on."""

from pathlib import Path
from typing import Any

import pytest

from featurewatch_kit.checks.completeness import check_completeness
from featurewatch_kit.checks.tree import Tree
from featurewatch_kit.config.model import Config

ALERT = "FeatureExtractionLatencyCascade"


@pytest.fixture
def documents(tree: Tree, tmp_path: Path) -> Path:
    """A project whose runbook and rule tests know every alert."""
    (tmp_path / "docs").mkdir()
    sections = "".join(f"## {name}\n\nWhat to do.\n" for name in tree.names)
    (tmp_path / "docs/runbook.md").write_text(f"# Runbook\n\n{sections}", encoding="utf-8")
    (tmp_path / "tests/rules").mkdir(parents=True)
    for name in tree.names:
        (tmp_path / f"tests/rules/{name}.yaml").touch()
    return tmp_path


def lines(config: Config, tree: Tree, root: Path) -> list[str]:
    return [str(finding) for finding in check_completeness(config, tree, root)]


def expressions(node: Any) -> list[dict[str, Any]]:
    """Everything of a dashboard that queries."""
    found = [node] if isinstance(node, dict) and "expr" in node else []
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return found + [item for child in children for item in expressions(child)]


def test_nothing_is_missing_when_all_is_there(config: Config, tree: Tree, documents: Path) -> None:
    assert lines(config, tree, documents) == []


def test_this_project_explains_and_tests_every_alert(
    config: Config, tree: Tree, root: Path
) -> None:
    assert lines(config, tree, root) == []


def test_an_alert_without_a_runbook_section(config: Config, tree: Tree, documents: Path) -> None:
    runbook = documents / "docs/runbook.md"
    runbook.write_text(runbook.read_text().replace(f"## {ALERT}\n", f"### {ALERT}\n"))
    assert lines(config, tree, documents) == [
        f"docs/runbook.md: no section on {ALERT}, which its runbook_url opens; write one"
    ]


def test_a_runbook_that_is_not_there(config: Config, tree: Tree, documents: Path) -> None:
    (documents / "docs/runbook.md").unlink()
    assert lines(config, tree, documents) == [
        "docs/runbook.md: can't be read (No such file or directory); fix receiver.runbook_file"
    ]


def test_an_alert_without_rule_tests(config: Config, tree: Tree, documents: Path) -> None:
    (documents / f"tests/rules/{ALERT}.yaml").unlink()
    assert lines(config, tree, documents) == [
        f"tests/rules/{ALERT}.yaml: is missing, so nothing tests {ALERT}; write promtool tests"
    ]


def test_an_installation_without_tests_is_not_asked_for_them(
    config: Config, tree: Tree, documents: Path
) -> None:
    for file in (documents / "tests/rules").iterdir():
        file.unlink()
    (documents / "tests/rules").rmdir()
    assert lines(config, tree, documents) == []


def test_an_alert_without_a_panel(config: Config, tree: Tree, documents: Path) -> None:
    for query in expressions(list(tree.dashboards.values())):
        query["expr"] = query["expr"].replace(ALERT, f"{ALERT}Elsewhere")
    assert lines(config, tree, documents) == [
        f'dashboards/: no panel shows {ALERT}; add one that draws its value, or alert="{ALERT}"'
    ]


def test_a_panel_of_its_value_shows_an_alert(config: Config, tree: Tree, documents: Path) -> None:
    """Without its threshold in any panel, latency high is still shown by p95."""
    for query in expressions(list(tree.dashboards.values())):
        query["expr"] = query["expr"].replace("FeatureExtractionLatencyHigh", "Other")
    assert lines(config, tree, documents) == []
    for query in expressions(list(tree.dashboards.values())):
        query["expr"] = query["expr"].replace(":p95_5m", ":p95_5minutes")
    (found,) = lines(config, tree, documents)
    assert "no panel shows FeatureExtractionLatencyHigh;" in found


def test_an_alert_without_a_decision(config: Config, tree: Tree, documents: Path) -> None:
    del tree.receiver["alerts"][ALERT]
    assert lines(config, tree, documents) == [
        "receivers/generated/receiver.yaml: alerts: nothing is decided for"
        f" {ALERT}; write its response, null for none"
    ]


def test_null_is_a_decision(config: Config, tree: Tree, documents: Path) -> None:
    tree.receiver["alerts"][ALERT] = None
    assert lines(config, tree, documents) == []


@pytest.mark.parametrize(
    ("alert", "annotation"),
    [
        ("FeatureExtractionLatencyCritical", "description"),
        ("FeatureExtractionLatencyCritical", "since"),
        ("Watchdog", "summary"),
    ],
)
def test_an_alert_without_an_annotation(
    alert: str, annotation: str, config: Config, tree: Tree, documents: Path
) -> None:
    rule = next(
        rule
        for group in tree.alert_rules["groups"]
        for rule in group["rules"]
        if rule.get("alert") == alert
    )
    rule["annotations"][annotation] = ""
    name = alert if alert == "Watchdog" else f"{alert} level 1"
    assert lines(config, tree, documents) == [
        f"rules/generated/featurewatch_alerts.yaml: {name} lacks the annotation {annotation}; add"
        " it to its rule"
    ]
