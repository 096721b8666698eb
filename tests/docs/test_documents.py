"""What the documents say is so."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from prometheus_client import REGISTRY

from featurewatch_kit import generate
from featurewatch_kit.project import load_config


def _block(text: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found, f"README has no {language} block"
    return found[1]


@pytest.fixture
def readme(root: Path) -> str:
    return (root / "README.md").read_text()


def _alerts(root: Path) -> set[str]:
    groups = yaml.safe_load((root / generate.ALERTS).read_text())["groups"]
    generated = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    # Generated for each window of `maintenance`; the defaults have none.
    return generated | {"FeaturewatchMaintenance"}


def test_the_readme_instruments_a_service(readme: str) -> None:
    """The block runs as it stands, but for the port; the cache misses and the model hangs."""

    def hang(_: object) -> None:
        raise TimeoutError

    code = _block(readme, "python").replace("(9101)", "(0, host='127.0.0.1')")
    names = {
        "cache": {},
        "model": hang,
        "cheap_features": lambda _: "cheap",
    }
    before = set(REGISTRY._collector_to_names)
    exec(code.replace("start_metrics_server(0", "server = start_metrics_server(0"), names)  # noqa: S102
    try:
        extract = names["extract"]
        assert extract(SimpleNamespace(key="w1")) == "cheap"  # type: ignore[operator]
        labels = {"extractor": "feature_extractor"}
        fallback = {**labels, "reason": "model_timeout"}
        assert REGISTRY.get_sample_value("feature_extraction_requests_total", labels) == 1
        assert REGISTRY.get_sample_value("feature_extraction_fallbacks_total", fallback) == 1
    finally:
        names["server"].close()  # type: ignore[attr-defined]
        for collector in set(REGISTRY._collector_to_names) - before:
            REGISTRY.unregister(collector)


def test_the_readme_overlay_is_valid(readme: str, root: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "my.yaml"
    overlay.write_text(_block(readme, "yaml"))
    config = load_config(root, [overlay])
    assert config.alerts.FeatureExtractionCacheHitRateLow.threshold == 0.7
    assert config.responses.enabled is False


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/design.md"])
def test_every_link_within_the_project_leads_somewhere(root: Path, name: str) -> None:
    document = root / name
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    missing = [link for link in links if not (document.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("mark", ["@@", "TODO", "FIXME"])
def test_nothing_is_left_to_be_written(root: Path, mark: str) -> None:
    documents = [root / "README.md", *(root / "docs").glob("*.md")]
    assert [d.name for d in documents if mark in d.read_text()] == []


def test_the_readme_lists_every_alert(root: Path, readme: str) -> None:
    rows = re.findall(r"^\| ((?:Feature|Watch)\w+) \|", readme, re.MULTILINE)
    assert set(rows) == _alerts(root)


def test_the_runbook_has_one_section_for_each_alert(root: Path) -> None:
    headings = re.findall(r"^## (.+)$", (root / "docs/runbook.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(_alerts(root))


def test_each_runbook_section_answers_the_same_questions(root: Path) -> None:
    sections = (root / "docs/runbook.md").read_text().split("\n## ")[1:]
    for section in sections:
        asked = re.findall(r"^\*\*(.+?)[.*]", section, re.MULTILINE)
        assert asked == [
            "Meaning",
            "What users notice",
            "Look first",
            "What the automation does",
            "What to do by hand",
            "False alarm when",
        ], section.splitlines()[0]


def test_every_metric_in_the_runbook_exists(root: Path) -> None:
    from featurewatch import METRICS

    text = (root / "docs/runbook.md").read_text()
    generated = (root / generate.RULES).read_text()
    known = {metric.name for metric in METRICS} | set(re.findall(r"record: (\S+)", generated))
    named = set(re.findall(r"(?<![\w:])(?:extractor:)?feature_extraction_[\w:]+", text))
    unknown = {n for n in named if n not in known and n.removesuffix("_bucket") not in known}
    assert unknown == set()


def test_make_help_lists_every_target(root: Path) -> None:
    text = (root / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))
    described = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    assert targets == described
