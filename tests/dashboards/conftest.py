"""The generated dashboards as plain data."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest

from dashboards.overlays import OTHERWISE
from dashboards.queries import Json
from featurewatch_kit import generate
from featurewatch_kit.project import load_config

Made = dict[str, Json]


@pytest.fixture(scope="session")
def dashboards_of(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """The dashboards of an overlay, by uid, for each test to change."""

    @cache
    def once(overlay: str) -> Made:
        file = tmp_path_factory.mktemp("overlay") / "overlay.yaml"
        file.write_text(overlay, encoding="utf-8")
        made = generate.evaluate(load_config(root, [file]), root)["dashboards"]
        return {dashboard["uid"]: dashboard for dashboard in made.values()}

    return lambda overlay: deepcopy(once(overlay))


@pytest.fixture(params=["{}", OTHERWISE], ids=["defaults", "otherwise"])
def dashboards(request: pytest.FixtureRequest, dashboards_of: Callable[[str], Made]) -> Made:
    """Those of the defaults, and of settings in which much is otherwise."""
    return dashboards_of(request.param)
