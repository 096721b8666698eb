"""The server and the load generator as the processes that users start."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
from feature_server.cli import main
from waiting import ANSWER_SECONDS, PATIENCE_SECONDS

pytestmark = pytest.mark.e2e

SERVER = (sys.executable, "-m", "feature_server", "--port", "0", "--metrics-port", "0")
QUICK = ("--sample-rate", "100", "--window-samples", "16", "--keep-windows", "200")
MISSES = 'feature_extraction_cache_lookups_total{extractor="feature_extractor",result="miss"}'
FALLBACKS = "feature_extraction_fallbacks_total"
REQUESTS = "feature_extraction_requests_total"
MEMORY = "feature_extraction_memory_utilization_ratio"
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    """A server to do away with, ready."""
    with running(*SERVER, *QUICK) as process:
        process.stdout.readline()
        yield process


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    """A server to ask; it serves several tests."""
    with running(*SERVER, *QUICK) as process:
        yield json.loads(process.stdout.readline())


def call(url: str, method: str = "GET", body: Any = None) -> Any:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "a"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as reply:  # noqa: S310
        return json.load(reply)


def is_cached(url: str, window: int) -> bool:
    """Whether it answers from its cache; on a busy machine the model may be late at first."""
    return call(f"{url}/features?window={window}")["source"] == "cache"


def burst(url: str, window: int, requests: int = 40) -> Counter[str]:
    """The sources of so many answers to requests that leave together."""
    with ThreadPoolExecutor(requests) as threads:
        ask = f"{url}/features?window={window}"
        return Counter(answer["source"] for answer in threads.map(call, [ask] * requests))


def scraped(metrics_url: str, series: str) -> float:
    with urllib.request.urlopen(metrics_url, timeout=ANSWER_SECONDS) as reply:  # noqa: S310
        lines = reply.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(series))


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_poisoned_cache_overloads_the_model_until_it_is_cleared(urls, eventually):
    url, metrics = urls["url"], urls["metrics_url"]
    window = call(f"{url}/windows")["last"]
    eventually(lambda: is_cached(url, window))
    assert burst(url, window) == {"cache": 40}
    misses, fallbacks = scraped(metrics, MISSES), scraped(metrics, FALLBACKS)

    call(f"{url}/admin/faults/poisoned_cache", "PUT", {"enabled": True})
    poisoned = burst(url, window)
    assert poisoned["cache"] == 0
    assert poisoned["fallback"] > 10  # two workers do about 12 of 40 in 0.25 s
    assert scraped(metrics, MISSES) - misses == 40
    assert scraped(metrics, FALLBACKS) - fallbacks == poisoned["fallback"]

    assert call(f"{url}/admin/caches/feature_cache/clear", "POST")["cleared"] >= 1
    eventually(lambda: is_cached(url, window))
    assert burst(url, window) == {"cache": 40}


def test_a_warm_cache_answers_the_load_generator(urls):
    load = (sys.executable, "-m", "feature_server.load", "--url", urls["url"])
    result = subprocess.run(
        [*load, "--seconds", "1"],
        stdout=subprocess.PIPE, env=ENVIRONMENT, timeout=PATIENCE_SECONDS, check=True,
    )  # fmt: skip
    summary = json.loads(result.stdout)
    assert summary["outcomes"]["cache"] > 0
    # On a busy machine the model is late for some windows that are new.
    assert set(summary["outcomes"]) <= {"cache", "model", "fallback"}


def test_the_load_generator_ends_cleanly_when_terminated(urls, eventually):
    before = scraped(urls["metrics_url"], REQUESTS)
    command = (sys.executable, "-m", "feature_server.load", "--url", urls["url"], "--rate", "200")
    with running(*command) as load:
        eventually(lambda: scraped(urls["metrics_url"], REQUESTS) > before + 5)
        load.terminate()
        assert json.loads(load.stdout.readline())["requests"] > 5
        assert load.wait(timeout=PATIENCE_SECONDS) == 0


def test_the_resources_of_the_service_are_scraped(urls):
    assert 0 < scraped(urls["metrics_url"], MEMORY) < 1


def test_terminating_the_server_leaves_nothing(server):
    children = psutil.Process(server.pid).children(recursive=True)
    server.terminate()
    assert server.wait(timeout=PATIENCE_SECONDS) == 0
    assert psutil.wait_procs(children, timeout=PATIENCE_SECONDS)[1] == []


def test_killing_the_server_leaves_no_worker(server, eventually):
    children = [child.pid for child in psutil.Process(server.pid).children(recursive=True)]
    assert len(children) >= 2
    os.kill(server.pid, signal.SIGKILL)
    eventually(lambda: all(gone(pid) for pid in children))


def test_the_server_ends_with_its_parent_when_asked(eventually):
    command = [*SERVER, *QUICK, "--exit-with-parent"]
    parent = (
        "import subprocess, sys, time;"
        f"child = subprocess.Popen({command!r});"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with running(sys.executable, "-c", parent) as process:
        pid = int(process.stdout.readline())
        json.loads(process.stdout.readline())  # the child writes to the same pipe
        process.kill()
        eventually(lambda: gone(pid))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--host", "0.0.0.0"), "--host 0.0.0.0 is open to others: give --admin-token-file"),  # noqa: S104
        (("--admin-token-file", "/nowhere/token"), "No such file or directory: '/nowhere/token'"),
    ],
)
def test_wrong_options_get_one_line(options, error, capsys):
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        assert main(options) == 2
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert error in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--port", "99999"), "argument --port: '99999' isn't a whole number from 0 to 65535"),
        (("--replicas", "0"), "argument --replicas: '0' isn't a whole number from 1 to 16"),
        (("--model-time", "nan"), "argument --model-time: 'nan' isn't a number above 0"),
    ],
)
def test_a_wrong_value_names_its_option(options, error, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(options)
    assert capsys.readouterr().err == f"feature_server: {error} (see --help)\n"


@pytest.mark.parametrize("option", ["--port", "--metrics-port"])
def test_a_taken_port_is_refused_and_leaves_nothing(urls, option):
    port = urls["url"].rsplit(":", 1)[1]
    result = subprocess.run(
        [*SERVER, *QUICK, option, port],
        capture_output=True, env=ENVIRONMENT, text=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("feature_server: ")
    assert result.stderr.count("\n") == 1
