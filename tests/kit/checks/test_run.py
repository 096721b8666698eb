"""`featurewatch check`: its lines, its exit code, and what the tools and the host say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from featurewatch_kit.checks.tree import Tree
from featurewatch_kit.cli import main
from featurewatch_kit.config.model import Config

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
