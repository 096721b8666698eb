"""Databases to be migrated."""

from pathlib import Path
from typing import Any

import pytest

from receiver.postgres import Server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """An empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/receiver.db"
        return
    server: Server = request.getfixturevalue("postgresql")
    url = server.create()
    yield url
    server.drop(url)
