"""What the documents say is so."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from prometheus_client import REGISTRY

from featurewatch_kit import cli, generate
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
    settings = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))["alerts"]
    off = {name for name, alert in settings.items() if not alert["enabled"]}
    # Generated for each window of `maintenance`; the defaults have none.
    return generated | off | {"FeaturewatchMaintenance"}


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


@pytest.fixture
def documents(root: Path) -> list[Path]:
    return [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").glob("*.md"))]


def _anchors(document: Path) -> set[str]:
    """Its headings as GitHub makes them addresses."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def _leads_nowhere(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = document.parent / path if path else document
    return not target.exists() or bool(anchor and anchor not in _anchors(target))


def test_every_link_within_the_project_leads_somewhere(documents: list[Path]) -> None:
    links = [
        (document, link)
        for document in documents
        for link in re.findall(r"\]\((?!https?:)([^)]+)\)", document.read_text())
    ]
    assert len({document for document, _ in links}) > 1
    assert [f"{d.name}: {link}" for d, link in links if _leads_nowhere(d, link)] == []


def test_the_readme_leads_to_every_document(root: Path, readme: str) -> None:
    missing = [d.name for d in (root / "docs").glob("*.md") if f"(docs/{d.name})" not in readme]
    assert missing == []


def test_the_sample_of_featurewatch_check_is_what_it_prints(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay = tmp_path / "my.yaml"
    overlay.write_text("routing: {people: {repeat_interval: 7d}}\n")
    assert cli.main(["check", "--root", str(root), "--config", str(overlay)]) == 1
    _, *sample = _block((root / "docs/check.md").read_text(), "console").splitlines()
    assert capsys.readouterr().out.splitlines() == sample


@pytest.mark.parametrize("mark", ["@@", "TODO", "FIXME"])
def test_nothing_is_left_to_be_written(documents: list[Path], mark: str) -> None:
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
