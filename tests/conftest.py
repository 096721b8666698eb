"""Fixtures of all tests: the project's folder, the programs of the chain, generated files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from featurewatch_kit.generate import generate, write
from featurewatch_kit.programs import AMTOOL, PROMTOOL, find
from featurewatch_kit.project import load_config

ROOT = Path(__file__).parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together, for pytest-xdist, what shares servers: a file, or the chain's whole folder."""
    for item in items:
        folder = item.path.parent.name
        if folder != "rules":
            name = folder if folder in ("e2e", "chaos") else str(item.path)
            item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture(scope="session")
def root() -> Path:
    """Folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus's tool; the test fails with the way to get it when there is none."""
    return find(PROMTOOL, ROOT)


@pytest.fixture(scope="session")
def amtool() -> Path:
    """Alertmanager's tool; the test fails with the way to get it when there is none."""
    return find(AMTOOL, ROOT)


@pytest.fixture
def generated(tmp_path: Path) -> Callable[[str], Path]:
    """Write every generated file of an overlay below a folder, and return that folder."""

    def generate_with(overlay: str) -> Path:
        file = tmp_path / "overlay.yaml"
        file.write_text(overlay, encoding="utf-8")
        folder = tmp_path / "project"
        write(generate(load_config(ROOT, [file]), ROOT), folder)
        return folder

    return generate_with
