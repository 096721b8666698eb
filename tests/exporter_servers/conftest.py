"""Fixtures of the tests of servers with several processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from featurewatch_kit.demo.processes import free_port
from tests.exporter_servers.server import HEARS, HOST, MODEL, Server, documented, eventually


@pytest.fixture
def text(root: Path) -> str:
    return (root / "docs/instrument.md").read_text()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a server, and end it after the test."""
    started: list[Server] = []

    def run(command: list[str], port: int, metrics_url: str = "", **variables: str) -> Server:
        server = Server(command, tmp_path, port, **variables)
        started.append(server)
        server.metrics_url = metrics_url or server.metrics_url
        eventually(True, server.is_up)
        return server

    yield run
    for server in started:
        server.close()


@pytest.fixture
def gunicorn(start: Callable[..., Server], text: str, tmp_path: Path) -> Callable[..., Server]:
    """Start gunicorn with the documented application, as a small service would."""
    application, configuration, own_port = documented(text, "gunicorn")

    def run(*options: str, metrics_of_master: bool = False) -> Server:
        port, url = free_port(), ""
        app, conf = MODEL + application, configuration
        if metrics_of_master:
            app = app.split("app.wsgi_app =")[0]
            other = free_port()
            conf = own_port.replace("(9101)", f"({other}, host={HOST!r})")
            url = f"http://{HOST}:{other}/metrics"
        (tmp_path / "app.py").write_text(app)
        (tmp_path / "gunicorn.conf.py").write_text(conf + HEARS)
        return start(["gunicorn", "--bind", f"{HOST}:{port}", *options, "app:app"], port, url)

    return run


@pytest.fixture
def uvicorn(start: Callable[..., Server], text: str, tmp_path: Path) -> Callable[..., Server]:
    """Start uvicorn with the documented application."""
    (application,) = documented(text, "asyncio")
    model = "async def model(window):\n    return window\n"
    (tmp_path / "app.py").write_text(model + application)

    def run(*options: str) -> Server:
        port = free_port()
        return start(["uvicorn", "--host", HOST, "--port", str(port), *options, "app:app"], port)

    return run
