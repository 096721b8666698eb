"""What a real Prometheus, as it was started, will do to alerts when it restarts."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from waiting import PATIENCE_SECONDS

from featurewatch_kit import programs
from featurewatch_kit.checks.prometheus import Prometheus
from featurewatch_kit.checks.restarts import FLAG, check_restarts
from featurewatch_kit.checks.tree import Tree
from featurewatch_kit.demo.processes import Processes, free_port
from featurewatch_kit.errors import ServerError

HOST = "127.0.0.1"


@pytest.fixture(autouse=True)
def past_any_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's own servers are asked directly, whatever the environment says."""
    monkeypatch.setenv("NO_PROXY", HOST)
    monkeypatch.setenv("no_proxy", HOST)


@pytest.fixture
def started(root: Path, tmp_path: Path) -> Callable[..., AbstractContextManager[Prometheus]]:
    """Start a Prometheus with these flags."""

    @contextmanager
    def start(**flags: str) -> Iterator[Prometheus]:
        address = f"{HOST}:{free_port()}"
        (tmp_path / "prometheus.yaml").write_text("{}", encoding="utf-8")
        options = {
            "config.file": tmp_path / "prometheus.yaml",
            "storage.tsdb.path": tmp_path / "data",
            "web.listen-address": address,
            **flags,
        }
        with Processes(tmp_path / "logs") as processes:
            program = programs.find(programs.PROMETHEUS, root)
            processes.start_program("prometheus", program, root, options)
            client = Prometheus(f"http://{address}")
            processes.wait_until("an answer", lambda: _answers(client), PATIENCE_SECONDS)
            yield client

    return start


def _answers(client: Prometheus) -> bool:
    try:
        return bool(client.status("flags"))
    except ServerError:  # it is starting
        return False


def _before_3_16(version: str) -> bool:
    major, minor, *_ = version.split(".")
    return (int(major), int(minor)) < (3, 16)


def test_alerts_that_wait_for_less_than_the_grace_period_are_named(
    tree: Tree, started: Callable[..., AbstractContextManager[Prometheus]]
) -> None:
    with started() as prometheus:
        version = prometheus.status("buildinfo")["version"]
        found = list(check_restarts(tree, prometheus))
    expected = [
        f"note: {prometheus.url}: when Prometheus {version} restarts, people are told that"
        " FeatureExtractionExporterDown, FeatureExtractionLatencyUnknown,"
        " FeatureExtractionMetricsAbsent and 2 more ended, since `for` is shorter than"
        " --rules.alert.for-grace-period=10m; start it with --rules.alert.for-grace-period=0s"
    ]
    assert [str(one) for one in found] == (expected if _before_3_16(version) else [])


def test_without_a_grace_period_nothing_is_said(
    tree: Tree, started: Callable[..., AbstractContextManager[Prometheus]]
) -> None:
    with started(**{FLAG: "0s"}) as prometheus:
        assert list(check_restarts(tree, prometheus)) == []


@pytest.fixture
def answers() -> Iterator[Callable[[dict[str, object]], Prometheus]]:
    """Serve these answers by path, and 404 for all else."""
    servers: list[ThreadingHTTPServer] = []

    def serve(pages: dict[str, object]) -> Prometheus:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # as http.server calls it
                page = pages.get(self.path)
                self.send_response(200 if page else 404)
                self.end_headers()
                self.wfile.write(json.dumps({"data": page}).encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer((HOST, 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever).start()
        return Prometheus(f"http://{HOST}:{server.server_port}")

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


# Versions that are not in Debian, and so never the one above.
@pytest.mark.parametrize(
    ("version", "grace", "noted"),
    [
        ("3.15.1", "10m", True),
        ("3.15.1", "1m30s", False),
        ("3.16.0-rc.0", "10m", False),
        ("3.16.0", "10m", False),
        ("4.0.0", "1w", False),
        ("2.42.0+ds", "1w", True),
        ("2.42.0+ds", "500ms", False),
    ],
)
def test_versions_from_3_16_on_go_on_with_every_alert(
    version: str,
    grace: str,
    noted: bool,
    tree: Tree,
    answers: Callable[[dict[str, object]], Prometheus],
) -> None:
    prometheus = answers(
        {
            "/api/v1/status/buildinfo": {"version": version},
            "/api/v1/status/flags": {FLAG: grace},
        }
    )
    assert bool(list(check_restarts(tree, prometheus))) is noted


def test_a_server_that_tells_no_flags_is_not_judged(
    tree: Tree, answers: Callable[[dict[str, object]], Prometheus]
) -> None:
    assert list(check_restarts(tree, answers({}))) == []
