"""What promtool and amtool refuse, told as the checks' own."""

import shutil
from pathlib import Path

import pytest

from featurewatch_kit import generate, programs
from featurewatch_kit.checks.tools import check_with_tools
from featurewatch_kit.config.model import Config


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
