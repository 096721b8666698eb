"""Receivers under attack: their settings, their targets, and what may be attacked."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from receiver.conftest import (
    blank_database,
    make_receiver,
    postgresql,
    settings,
    write_config,
)
from receiver.flow_fixtures import make_flow, platform, prometheus
from receiver.postgres import Server
from receiver.target import TargetServer

from chaos.services import Moody, MoodyHandler
from featurewatch_receiver.store.migrate import migrate

__all__ = [
    "blank_database",
    "make_flow",
    "make_receiver",
    "platform",
    "postgresql",
    "prometheus",
    "settings",
    "write_config",
]


@pytest.fixture
def target(seed: int) -> Moody:
    """Often it takes its time between a change and its answer."""
    return Moody(chance=random.Random(seed))  # noqa: S311


@pytest.fixture
def target_server(target: Moody) -> Iterator[TargetServer]:
    """It outlives every receiver."""
    server = TargetServer(target, handler=MoodyHandler)
    yield server
    target.gone.set()
    server.close()


@pytest.fixture(scope="session")
def seed() -> int:
    """What chance begins with; `CHAOS_SEED` names another."""
    return int(os.environ.get("CHAOS_SEED", "20260102"))


@pytest.fixture
def postgresql_url(postgresql: Server) -> Iterator[str]:
    """A database that is up to date."""
    url = postgresql.create()
    migrate(url)
    yield url
    postgresql.drop(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Where there is no database yet."""
    return f"sqlite:///{tmp_path}/receiver.db"
