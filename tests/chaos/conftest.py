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
from receiver.payloads import Json
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


#: How often receivers are killed, on both databases together.
KILLS = int(os.environ.get("CHAOS_KILLS", "12"))
#: What takes long is left to `make chaos`.
long_run = pytest.mark.skipif(KILLS < 100, reason="is left to `make chaos`")


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


def let_act(settings: Json, database: str, names: list[str]) -> None:
    """One action for each alert of each extractor; there is time enough to be killed often."""
    settings["receiver"]["database"] = database
    settings["responses"] |= {"timeout": "10m", "storm": {"episodes": 100_000, "window": "5m"}}
    default = settings["targets"]["feature_extractor"]
    settings["targets"] = {name: default | {"deployment": name, "cache": name} for name in names}
