"""A jsonnet project of somebody else's that has featurewatch in its vendor folder."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _jsonnet
import pytest
import rjsonnet

# What the jsonnet sources are; a vendored copy has no need of the rest.
FOLDERS = ["alertmanager", "dashboards", "lib", "operator", "prometheus", "rules"]
FILES = ["mixin.libsonnet", "config.libsonnet", "config.yaml", "config.schema.json"]

Build = Callable[[str], Any]


@pytest.fixture(scope="module")
def vendor(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vendor folder of that project, as jsonnet-bundler would fill it."""
    folder = tmp_path_factory.mktemp("consumer") / "vendor"
    for name in FOLDERS:
        shutil.copytree(root / name, folder / "featurewatch" / name)
    for name in FILES:
        shutil.copyfile(root / name, folder / "featurewatch" / name)
    return folder


def _builder(evaluate: Callable[..., str], vendor: Path) -> Build:
    def run(program: str) -> Any:
        main = vendor.parent / "main.jsonnet"
        main.write_text(f"local featurewatch = import 'featurewatch/mixin.libsonnet';\n{program}")
        return json.loads(evaluate(str(main), jpathdir=[str(vendor)]))

    return run


@pytest.fixture
def build(vendor: Path) -> Build:
    """Evaluate a program of that project, which knows the mixin as `featurewatch`."""
    return _builder(rjsonnet.evaluate_file, vendor)


@pytest.fixture
def build_in_c(vendor: Path) -> Build:
    """The same with the original engine, which is slow: ask it for little."""
    return _builder(_jsonnet.evaluate_file, vendor)
