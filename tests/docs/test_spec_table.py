"""What docs/spec.md names is there: each file, test, configuration key and value."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

# The parts of a key, and after a colon its value: a.b.0, a.*.c, a.b: {c: 1}.
KEY = re.compile(r"([\w*]+(?:\.[\w*]+)*)(?:: (.+))?")
# Chapters of the specification that are gone through line by line, and those that one line is for.
IN_DETAIL = {"2.1", "2.2", "3.1", "3.2", "4.1", "5", "6.1", "7", "9.1"}
IN_SHORT = {"8", "10"}


@pytest.fixture
def document(root: Path) -> str:
    return (root / "docs/spec.md").read_text(encoding="utf-8")


@pytest.fixture
def rows(document: str) -> list[list[str]]:
    """The cells of each row, without the heads of the tables."""
    lines = [line for line in document.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[0] != "section" and not row[0].startswith("---")]


@pytest.fixture
def named(document: str) -> list[str]:
    """Whatever stands in backticks."""
    return re.findall(r"`([^`\n]+)`", document)


def test_every_row_has_its_four_cells(rows: list[list[str]]) -> None:
    assert [row for row in rows if len(row) != 4 or not all(row)] == []


def test_every_section_has_its_rows(rows: list[list[str]]) -> None:
    sections = [row[0] for row in rows]
    assert set(sections) == IN_DETAIL | IN_SHORT
    assert [section for section in IN_SHORT if sections.count(section) != 1] == []


def test_every_row_names_a_test(rows: list[list[str]]) -> None:
    a_test = re.compile(r"`tests/\S+(?:\.py::test_\w+|\.yaml)`")
    assert [row for row in rows if not a_test.fullmatch(row[3].split(", ")[0])] == []


def test_every_test_exists(root: Path, named: list[str]) -> None:
    tests = [name.split("::") for name in named if "::" in name]
    assert len(tests) > len(IN_DETAIL)
    missing = [
        f"{file}::{test}"
        for file, test in tests
        if not re.search(rf"^(?:async )?def {test}\(", _text(root / file), re.MULTILINE)
    ]
    assert missing == []


def test_every_file_exists(root: Path, named: list[str]) -> None:
    looks = re.compile(r"[\w./]+/[\w./]*|[\w.]+\.(?:yaml|libsonnet|md)")
    files = [name for name in named if looks.fullmatch(name)]
    assert "tests/rules/FeatureExtractionLatencyCritical.yaml" in files
    assert [file for file in files if not (root / file).exists()] == []


def test_every_configuration_key_exists_and_has_the_value_named(
    root: Path, named: list[str]
) -> None:
    config = yaml.safe_load(_text(root / "config.yaml"))
    keys = [match for name in named if (match := KEY.fullmatch(name))]
    ours = [match for match in keys if match[1].split(".")[0] in config]
    assert len(ours) > len(IN_DETAIL)
    wrong = []
    for match in ours:
        path, value = match.groups()
        found = _at(config, path.split("."))
        if not found or (value and found != [yaml.safe_load(value)]):
            wrong.append(match[0])
    assert wrong == []


def test_nothing_that_reads_like_a_key_is_left_unchecked(root: Path, named: list[str]) -> None:
    """A misspelt first part would otherwise pass as plain words."""
    config = yaml.safe_load(_text(root / "config.yaml"))
    dotted = [name for name in named if re.fullmatch(r"[a-z_]+(\.[\w*]+)+(: .+)?", name)]
    files = [name for name in dotted if (root / name).exists()]
    strange = {name for name in dotted if name.split(".")[0] not in config} - set(files)
    assert strange == {"featurewatch.alerts"}  # the group of the rules


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _at(tree: Any, steps: list[str]) -> list[Any]:
    """What is at the end of the path; a star is every key that has the rest of the path."""
    if not steps:
        return [tree]
    if steps[0] == "*":
        return [end for inner in tree.values() for end in _at(inner, steps[1:])]
    if isinstance(tree, list) and steps[0].isdigit() and int(steps[0]) < len(tree):
        return _at(tree[int(steps[0])], steps[1:])
    if isinstance(tree, dict) and steps[0] in tree:
        return _at(tree[steps[0]], steps[1:])
    return []
