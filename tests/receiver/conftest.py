"""The receiver's parts, real ones: SQLite in a temporary folder, a target on a free port."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from featurewatch_receiver.access.token_files import read_tokens
from featurewatch_receiver.clients.alertmanager import Alertmanager
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.core import open_core
from featurewatch_receiver.store.migrate import migrate
from receiver.flow_fixtures import flow, make_flow, platform, prometheus
from receiver.in_process import Clock, Receiver, plain_settings
from receiver.live_alertmanager import LiveAlertmanager
from receiver.payloads import Json
from receiver.postgres import Server as PostgreSql
from receiver.postgres import running as postgresql_running
from receiver.target import Target, TargetServer

__all__ = ["flow", "make_flow", "platform", "prometheus"]  # fixtures, for every module here


@pytest.fixture
def target() -> Target:
    return Target()


@pytest.fixture
def target_server(target: Target) -> Iterator[TargetServer]:
    server = TargetServer(target)
    yield server
    server.close()


@pytest.fixture
def settings(tmp_path: Path, target_server: TargetServer) -> Json:
    """What the receiver's own file says; a test changes what it is about."""
    return plain_settings(tmp_path, target_server.url)


@pytest.fixture
def write_config(tmp_path: Path, settings: Json) -> Callable[[], Path]:
    """Write the settings as they are now, and return the file."""

    def write() -> Path:
        file = tmp_path / "receiver.yaml"
        file.write_text(yaml.safe_dump(settings))
        return file

    return write


@pytest.fixture(scope="session")
def blank_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with every table, made once and copied by each test."""
    file = tmp_path_factory.mktemp("blank") / "receiver.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    """A PostgreSQL server; a test makes its own database there."""
    with postgresql_running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database that is up to date, of each kind."""
    server: PostgreSql | None = None
    url = f"sqlite:///{tmp_path}/receiver.db"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        url = server.create()
    migrate(url)
    yield url
    if server:
        server.drop(url)


@pytest.fixture
def make_receiver(settings: Json, blank_database: Path) -> Iterator[Callable[[], Receiver]]:
    """Build a receiver from the settings as they are now."""
    made: list[Receiver] = []

    def make() -> Receiver:
        config = ReceiverConfig.model_validate(settings)
        file = Path(config.receiver.database.removeprefix("sqlite:///"))
        if not file.exists():
            shutil.copy(blank_database, file)
        clock = Clock()
        made.append(Receiver(open_core(config, read_tokens(config), clock), clock))
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()


@pytest.fixture
def receiver(make_receiver: Callable[[], Receiver]) -> Receiver:
    """A receiver whose worker does not run: decisions stay where they are."""
    return make_receiver()


@pytest.fixture
def working(make_receiver: Callable[[], Receiver]) -> Receiver:
    """A receiver whose worker runs."""
    receiver = make_receiver()
    receiver.start()
    return receiver


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveAlertmanager]:
    """The real Alertmanager on the project's configuration."""
    with LiveAlertmanager(tmp_path) as live:
        yield live


@pytest.fixture
def client(live: LiveAlertmanager) -> Iterator[Alertmanager]:
    """What acknowledgements are made with."""
    with contextlib.closing(Alertmanager(live.url)) as client:
        yield client
