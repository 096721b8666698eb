"""Prefect and Dagster, started as their documents say, each in the environment that has it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from waiting import eventually

from featurewatch_kit.demo.processes import free_port

HERE = Path(__file__).parent
HOST = "127.0.0.1"


def folder_of(variable: str) -> Path:
    """The folder of the commands beside a Python that `make test-trainers` names."""
    if variable not in os.environ:
        pytest.skip("Prefect and Dagster (make test-trainers)")
    return Path(os.environ[variable]).absolute().parent


@contextmanager
def running(command: list[str | Path], folder: Path, **environment: str) -> Iterator[None]:
    """A program and whatever it starts; all of it is ended."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def prefect_running(folder: Path) -> Iterator[tuple[str, str]]:
    """A server with a flow that is served: its address, and the id of the deployment."""
    programs, port = folder_of("PREFECT_PYTHON"), free_port()
    url = f"http://{HOST}:{port}"
    environment = {
        "PREFECT_HOME": str(folder / "home"),
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    server = [programs / "prefect", "server", "start", "--host", HOST, "--port", str(port)]
    flow = [programs / "python", HERE / "prefect_flow.py", "features"]
    deployment = f"{url}/api/deployments/name/retrain-features/features"
    with ExitStack() as stack:
        stack.enter_context(running(server, folder, **environment))
        answered(f"{url}/api/health")
        stack.enter_context(running(flow, folder, **environment))
        yield url, answered(deployment)["id"]


@contextmanager
def dagster_running(folder: Path) -> Iterator[tuple[str, str]]:
    """A webserver with its daemon: its address, and the name of the job."""
    programs, port = folder_of("DAGSTER_PYTHON"), free_port()
    url = f"http://{HOST}:{port}"
    (folder / "workspace.yaml").write_text(
        f"load_from: [{{python_file: {{relative_path: {HERE}/dagster_jobs.py, "
        "location_name: training}}]"
    )
    (folder / "home").mkdir()
    (folder / "home/dagster.yaml").write_text("telemetry: {enabled: false}")
    command = [programs / "dagster", "dev", "-h", HOST, "-p", str(port), "-w", "workspace.yaml"]
    # It starts others by their names.
    path = f"{programs}:{os.environ['PATH']}"
    with running(command, folder, DAGSTER_HOME=str(folder / "home"), PATH=path):
        answered(f"{url}/server_info")
        yield url, "retrain_features"


def answered(url: str) -> Any:
    """What is answered to a GET, once it is 200."""

    def get() -> requests.Response:
        answer = requests.get(url, timeout=10)
        answer.raise_for_status()
        return answer

    return eventually(get, despite=(requests.RequestException,), what=url).json()


SYSTEMS = {"prefect": prefect_running, "dagster": dagster_running}
