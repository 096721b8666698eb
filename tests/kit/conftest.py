"""The configuration and its generated files as plain data, fresh for each test to break."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from featurewatch_kit import generate
from featurewatch_kit.checks.tree import Tree, read_tree
from featurewatch_kit.config.model import Config
from featurewatch_kit.project import load_config

# Planned work brings the alert FeaturewatchMaintenance, of one extractor and of all.
PLANNED = """
maintenance:
  - {name: one, from: 2026-01-01T00:00:00Z, to: 2026-01-02T00:00:00Z, extractors: [big_model]}
  - {name: all, from: 2026-01-03T00:00:00Z, to: 2026-01-04T00:00:00Z}
"""

Project = tuple[Config, Tree]


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Callable[[str], Project]:
    """Give the configuration with an overlay and its generated files."""

    def project_with(overlay: str) -> Project:
        file = tmp_path / "overlay.yaml"
        file.write_text(overlay, encoding="utf-8")
        return _project(root, [file])

    return project_with


def _project(root: Path, overlays: list[Path]) -> Project:
    config = load_config(root, overlays)
    mixin = generate.evaluate(config, root)
    return config, read_tree(generate.render(config, mixin), mixin["identities"])


@pytest.fixture(scope="session")
def default_project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Give the defaults with planned work; not for changing."""
    file = tmp_path_factory.mktemp("overlay") / "planned.yaml"
    file.write_text(PLANNED, encoding="utf-8")
    return _project(root, [file])


@pytest.fixture
def config(default_project: Project) -> Config:
    """The defaults, and planned work."""
    return default_project[0]


@pytest.fixture
def tree(default_project: Project) -> Tree:
    """The files generated from `config`, not yet looked at."""
    return deepcopy(default_project[1])


@pytest.fixture
def routes(tree: Tree) -> list[dict[str, Any]]:
    """The routes below the root of `tree`."""
    found: list[dict[str, Any]] = tree.alertmanager["route"]["routes"]
    return found


@pytest.fixture
def inhibit_rules(tree: Tree) -> list[dict[str, Any]]:
    """The inhibit rules of `tree`."""
    found: list[dict[str, Any]] = tree.alertmanager["inhibit_rules"]
    return found
