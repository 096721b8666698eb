"""The plugin of pytest, in a repository of a user's own, as docs/testing.md shows it."""

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from waiting import PATIENCE_SECONDS

from featurewatch_kit.cli import main

ALERTMANAGER = """
route: {receiver: team}
receivers: [{name: team, webhook_configs: [{url: "http://localhost"}]}]
"""
FOREIGN_TEST = """
def test_it(chain):
    chain.at("1m").firing("Slow")
    assert [(one.at, one.channel, one.people) for one in chain.told("team")] == [
        ("1m30s", "webhook", ("team",))
    ]
"""


@pytest.fixture(scope="module")
def document(root: Path) -> str:
    return (root / "docs/testing.md").read_text(encoding="utf-8")


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", document, re.DOTALL)


def run(folder: Path, root: Path) -> subprocess.CompletedProcess[str]:
    """Run pytest there, in a checkout's environment."""
    # The checkout's sources are found from the working folder.
    (folder / "pytest.ini").touch()
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_the_repository_of_the_document_passes(document: str, root: Path, tmp_path: Path) -> None:
    for text in [*blocks(document, "ini"), *blocks(document, "python")[:2]]:
        name = text.splitlines()[0].removeprefix("# ")
        (tmp_path / name).write_text(text, encoding="utf-8")
    settings = "alerts: {FeatureExtractionLatencyHigh: {enabled: false}}\n"
    (tmp_path / "featurewatch.yaml").write_text(settings, encoding="utf-8")
    extra = """
def test_the_settings_are_those_of_the_option(chain):
    assert "FeatureExtractionLatencyHigh" not in str(chain.setting.catalogue.forms)
"""
    with (tmp_path / "test_alerting.py").open("a", encoding="utf-8") as file:
        file.write(extra)
    done = run(tmp_path, root)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_any_alertmanager_yml_is_tested_by_option_or_by_fixture(
    document: str, root: Path, tmp_path: Path
) -> None:
    by_fixture, by_option = tmp_path / "fixture", tmp_path / "option"
    for folder in (by_fixture, by_option):
        folder.mkdir()
        (folder / "alertmanager.yml").write_text(ALERTMANAGER, encoding="utf-8")
        (folder / "test_it.py").write_text(FOREIGN_TEST, encoding="utf-8")
    conftests = blocks(document, "python")
    (by_fixture / "conftest.py").write_text(conftests[-1], encoding="utf-8")
    (by_option / "conftest.py").write_text(conftests[0], encoding="utf-8")
    options = "[pytest]\nfeaturewatch_alertmanager = alertmanager.yml\n"
    (by_option / "pytest.ini").write_text(options, encoding="utf-8")
    for folder in (by_fixture, by_option):
        done = run(folder, root)
        assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_nothing_of_the_kit_loads_pytest_and_pytest_nothing_of_the_kit() -> None:
    loaded = "import sys, featurewatch_kit.cli, featurewatch_kit.alerttests.command"
    check = f"{loaded}; sys.exit('pytest' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, timeout=PATIENCE_SECONDS)
    plugins = [one.value for one in entry_points(group="pytest11")]
    assert not [one for one in plugins if one.startswith("featurewatch")]


def test_the_first_answer_of_the_document_is_what_the_command_says(
    document: str,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/alert_tests.yaml").write_text(blocks(document, "yaml")[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["test", "mine/alert_tests.yaml", "--root", str(root)]) == 1
    command, _, answer = blocks(document, "console")[0].partition("\n")
    assert command == "$ featurewatch test mine/alert_tests.yaml"
    assert capsys.readouterr().out.startswith(answer)
