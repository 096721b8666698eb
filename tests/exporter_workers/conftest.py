"""Fixtures of the tests of servers that make test-workers installs."""

from collections.abc import Callable
from os import environ
from pathlib import Path

import pytest
from exporter_servers.conftest import start, text

from featurewatch_kit.demo.processes import free_port
from tests.exporter_servers.server import HEARS, HOST, MODEL, Server, documented

__all__ = ["start", "text"]

#: They name the Python that has the servers of workers.txt, and that of eventlet.txt.
CLIENTS_PYTHON, EVENTLET_PYTHON = "CLIENTS_PYTHON", "EVENTLET_PYTHON"


def programs_of(variable: str) -> Path:
    """The folder of the commands beside a Python."""
    if variable not in environ:
        pytest.skip("uWSGI, granian, eventlet and Celery (make test-workers)")
    return Path(environ[variable]).absolute().parent


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of the servers' commands."""
    return programs_of(CLIENTS_PYTHON)


@pytest.fixture(scope="session")
def eventlet() -> str:
    """The gunicorn that has eventlet."""
    return str(programs_of(EVENTLET_PYTHON) / "gunicorn")


@pytest.fixture
def run(
    start: Callable[..., Server], programs: Path, root: Path, tmp_path: Path
) -> Callable[..., Server]:
    """Start a command of the servers', or another one by its path, with the library."""

    def run_program(command: list[str], port: int, metrics_url: str = "") -> Server:
        program = [str(programs / command[0]), *command[1:]]
        path = f"{root / 'exporter'}:{tmp_path}"
        return start(program, port, metrics_url, PYTHONPATH=path)

    return run_program


@pytest.fixture
def serve(run: Callable[..., Server], text: str, tmp_path: Path) -> Callable[..., Server]:
    """Start a command with the documented application; PORT in it is a free one."""
    application, configuration, _ = documented(text, "gunicorn")
    (tmp_path / "app.py").write_text(MODEL + application)
    (tmp_path / "gunicorn.conf.py").write_text(configuration + HEARS)

    def serve_with(*command: str) -> Server:
        port = free_port()
        words = [word.replace("HOST", HOST).replace("PORT", str(port)) for word in command]
        return run(words, port)

    return serve_with
