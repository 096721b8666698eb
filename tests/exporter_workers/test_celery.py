"""Tasks of a prefork pool of Celery's, with Redis between, are counted over restarts and ends."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

import featurewatch
from featurewatch_kit.demo.processes import free_port
from tests.exporter_servers.server import HOST, documented, eventually
from tests.receiver.backends.redis.servers import Server as Redis

pytestmark = pytest.mark.workers

MODEL = "def model(window):\n    return window\n"
EXPORTER = Path(featurewatch.__file__).parents[1]
WORKER = ("celery", "--app", "tasks", "worker", "--pool", "prefork", "--concurrency", "3")


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path / "redis")
    yield server
    server.process.terminate()
    server.process.wait(30)


@pytest.fixture
def worker(run, redis, text, tmp_path, programs):
    """Start the documented worker, and return it with the way to send it tasks."""
    (tasks,) = documented(text, "Celery")
    metrics = free_port()
    tasks = tasks.replace("6379", str(redis.port)).replace("(9101)", f"({metrics}, host={HOST!r})")
    (tmp_path / "tasks.py").write_text(MODEL + tasks)
    url = f"http://{HOST}:{metrics}/metrics"
    # Two tasks for each process, so that processes end and begin all the time.
    server = run([*WORKER, "--max-tasks-per-child", "2"], metrics, url)

    def send(times):
        code = f"import tasks\nfor window in range({times}): tasks.extract.delay(window)"
        environment = {**os.environ, "PYTHONPATH": f"{EXPORTER}:{tmp_path}"}
        command = [programs / "python", "-c", code]
        subprocess.run(command, cwd=tmp_path, check=True, env=environment)

    return server, send


def test_tasks_are_counted_exactly_over_many_generations_of_processes(worker):
    server, send = worker
    send(60)
    eventually(60, server.requests)
    assert server.value("duration_seconds_count") == 60
    server.close(signal.SIGTERM)
    assert server.left_behind() == 60
