"""gunicorn and uvicorn with several workers: every count is there, of whichever worker it was."""

import os
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.exporter_servers.server import eventually

#: Kinds of files that one worker has: counter, histogram, and gauges as sum and as maximum.
KINDS = 4
#: Files of the ended ones: counter, histogram.
ARCHIVES = 2


def numbers(server):
    return len(list(server.folder.glob("*.db")))


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_counts_are_exact_and_files_few_over_many_generations_of_workers(gunicorn, kind):
    server = gunicorn("--max-requests", "5", "--worker-class", kind)
    seen = []
    for _ in range(12):
        server.extract(5)
        seen.append(server.requests())
    assert seen == sorted(seen)  # a scrape amid the adding up neither loses nor doubles
    eventually(60, server.requests)
    assert server.value("duration_seconds_count") == 60
    assert server.value("duration_seconds_bucket", le="10.0") == 60
    assert server.log().count("Booting worker") > 9
    eventually(True, lambda: numbers(server) <= 3 * KINDS + ARCHIVES)
    eventually(3, lambda: len(list(server.folder.glob("*.alive"))))


def test_worker_that_is_told_to_end_loses_nothing(gunicorn):
    server = gunicorn()
    eventually(3, lambda: len(server.workers()))
    for _ in range(2):
        before = server.workers()
        server.extract(10)
        for worker in before:
            os.kill(worker, signal.SIGTERM)
        eventually(3, lambda old=before: len(set(server.workers()) - set(old)))
    eventually(20, server.requests)


def test_killed_worker_keeps_what_it_had_written_and_its_gauges_go(gunicorn, tmp_path):
    server = gunicorn()
    eventually(3, lambda: len(server.workers()))
    server.extract(10)
    eventually(10, server.requests)
    (tmp_path / "hold").touch()
    with ThreadPoolExecutor(2) as pool:
        stuck = [pool.submit(server.extract) for _ in range(2)]
        eventually(2, lambda: server.value("in_progress"))  # the third worker answers for both
        for worker in server.workers():
            os.kill(worker, signal.SIGKILL)
        for request in stuck:
            assert request.exception() is not None
    (tmp_path / "hold").unlink()
    eventually(0, lambda: server.value("in_progress"))
    server.extract(7)
    eventually(17, server.requests)


@pytest.mark.parametrize("options", [(), ("--preload",)])
def test_workers_of_gevent_answer_and_are_counted_over_restarts(gunicorn, options):
    server = gunicorn("--max-requests", "5", "--worker-class", "gevent", *options)
    extracted = 0

    def restarted():
        nonlocal extracted
        server.extract(10)
        extracted += 10
        return server.log().count("Booting worker") > 5

    eventually(True, restarted)
    eventually(extracted, server.requests)
    eventually(True, lambda: server.has_settled(3))


@pytest.mark.parametrize("options", [(), ("--preload",)])
def test_process_of_gunicorn_answers_for_all_on_a_port_of_its_own(gunicorn, options):
    server = gunicorn("--max-requests", "5", *options, metrics_of_master=True)
    server.extract(50)
    eventually(50, server.requests)
    assert server.value("memory_utilization_ratio") > 0
    text = server.metrics()
    assert len(re.findall("^feature_extraction_memory_utilization_ratio", text, re.M)) == 1
    eventually(True, lambda: server.has_settled(3))


def test_what_is_served_is_sound(gunicorn, promtool):
    server = gunicorn()
    server.extract(3)
    text = server.metrics()
    done = subprocess.run(
        [promtool, "check", "metrics"], check=False, capture_output=True, text=True, input=text
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    names = re.findall(r"^# TYPE (\w+)", text, re.M)
    assert len(names) == len(set(names)) > 10
    assert server.value("info", version="0.1.0") == 1


def test_workers_of_uvicorn_are_one(uvicorn):
    server = uvicorn("--workers", "2")
    eventually(2, lambda: len(server.workers()))
    server.extract(20)
    eventually(20, server.requests)
    for _ in range(3):
        before = server.workers()
        server.extract(10)
        os.kill(before[0], signal.SIGTERM)
        eventually(1, lambda old=before: len(set(server.workers()) - set(old)))
    eventually(50, server.requests)
    eventually(True, lambda: numbers(server) <= 2 * KINDS + ARCHIVES)
