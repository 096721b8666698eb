"""`featurewatch check`: its lines, its exit code, and what the tools and the host say."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from featurewatch_kit import generate, programs
from featurewatch_kit.checks.secretfiles import check_secrets
from featurewatch_kit.checks.tools import check_with_tools
from featurewatch_kit.checks.tree import Tree
from featurewatch_kit.cli import main
from featurewatch_kit.config import Config

Overlay = Callable[[str], Path]
Project = Callable[[str], tuple[Config, Tree]]


@pytest.fixture
def overlay(tmp_path: Path) -> Overlay:
    """Write an overlay."""

    def write(text: str) -> Path:
        file = tmp_path / "my.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.mark.parametrize("overlays", [[], ["examples/demo.yaml"]])
def test_the_defaults_and_the_demos_settings_are_fine(
    overlays: list[str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [word for name in overlays for word in ("--config", str(root / name))]
    code = main(["check", "--root", str(root), *options])
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said[:-1] if not line.startswith("note: ")] == []
    assert said[-1].startswith("featurewatch check: ")
    assert said[-1].endswith(" receivers: fine")
    assert code == 0


def test_a_problem_is_one_line_and_exit_code_1(
    overlay: Overlay, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = overlay("routing: {people: {repeat_interval: 30d}}")
    assert main(["check", "--root", str(root), "--config", str(file)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert any("repeat_interval 30d is longer than the 120h" in line for line in said)
    assert "problem" in said[-1]


def test_wrong_input_is_exit_code_2(
    overlay: Overlay, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = overlay("alerting: {enabled: perhaps}")
    assert main(["check", "--root", str(root), "--config", str(file)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"{file}:1: alerting.enabled: must be true or false")


def test_without_alerts_there_is_nothing_to_find(
    overlay: Overlay, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = overlay("alerting: {enabled: false}")
    assert main(["check", "--root", str(root), "--config", str(file)]) == 0
    assert "featurewatch check: 0 alerts" in capsys.readouterr().out


# --- promtool and amtool --------------------------------------------------------------------


@pytest.fixture
def files(root: Path, config: Config) -> dict[str, str]:
    return generate.generate(config, root)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (generate.ALERTS, "vector(1)", "vector(1"),
        (generate.RULES, "expr: ", "expr: 1 +* "),
        (generate.ALERTMANAGER, "receiver: default-level-1", "receiver: gone"),
    ],
)
def test_what_a_tool_refuses_is_one_line(
    file: str, old: str, new: str, files: dict[str, str], root: Path
) -> None:
    assert list(check_with_tools(files, root)) == []
    assert old in files[file]
    (found,) = check_with_tools({**files, file: files[file].replace(old, new, 1)}, root)
    assert found.place == file
    tool = "amtool" if file == generate.ALERTMANAGER else "promtool"
    assert found.message.startswith(f"{tool} refuses it: ")
    assert "\n" not in str(found)
    assert not found.note


def test_a_tool_that_is_not_there_is_a_note(
    files: dict[str, str], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(root / "alertmanager/templates", tmp_path / "alertmanager/templates")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(programs.TOOLS_VARIABLE, raising=False)
    found = list(check_with_tools(files, tmp_path))
    assert [finding.place for finding in found] == [
        generate.RULES,
        generate.ALERTS,
        generate.ALERTMANAGER,
    ]
    assert all(finding.note and "not checked by" in finding.message for finding in found)


# --- Secret files ---------------------------------------------------------------------------


def test_secret_files_are_looked_at_only_when_asked(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["check", "--root", str(root)])
    assert "/etc/alertmanager/secrets" not in capsys.readouterr().out
    main(["check", "--root", str(root), "--secrets"])
    assert "/etc/alertmanager/secrets" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (0o600, None),
        (0o640, None),
        (0o644, "everyone on this host can read {file}; run `chmod o-r {file}`"),
        (None, "{file} can't be read (No such file or directory); put the secret there"),
    ],
)
def test_a_secret_file_is_there_and_not_for_everyone(
    mode: int | None, said: str | None, project: Project, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    if mode is not None:
        file.touch()
        file.chmod(mode)
    config, _ = project(f"receiver: {{token_file: {file}}}")
    found = {finding.place: finding.message for finding in check_secrets(config)}
    assert found.get("receiver.token_file") == (said and said.format(file=file))
    assert "receiver.runbook_file" not in found
    assert "recipients.on_call_engineer.pagerduty_routing_key_file" in found
