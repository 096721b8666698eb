"""Every count is there, over restarts of workers and after the end of the server."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.exporter_servers.server import eventually

pytestmark = pytest.mark.workers

UWSGI = ("uwsgi", "--http-socket", "HOST:PORT", "--module", "app:app", "--master", "--die-on-term")
RESTARTS = ("--max-requests", "20", "--min-worker-lifetime", "0")
GRANIAN = ("granian", "--host", "HOST", "--port", "PORT", "--interface", "wsgi", "app:app")
OPTIONS = ("--bind", "HOST:PORT", "--max-requests", "20", "app:app")
GUNICORN = ("gunicorn", *OPTIONS)
EVENTLET = (*OPTIONS, "--worker-class", "eventlet")

# name: what is run
SERVERS = {
    "uwsgi": (*UWSGI, *RESTARTS, "--processes", "3"),
    "uwsgi threads": (*UWSGI, *RESTARTS, "--processes", "2", "--threads", "4"),
    "uwsgi one process": (*UWSGI[:-2], "--die-on-term"),
    "granian": (*GRANIAN, "--workers", "2", "--blocking-threads", "1"),
    "granian threads": (*GRANIAN, "--workers", "2", "--blocking-threads", "4"),
    "gunicorn gevent": (*GUNICORN, "--worker-class", "gevent"),
    "gunicorn gthread": (*GUNICORN, "--worker-class", "gthread", "--threads", "4"),
}


@pytest.mark.parametrize("command", SERVERS.values(), ids=SERVERS.keys())
def test_counts_are_exact_under_load_and_after_the_end(serve, command):
    server = serve(*command)
    load(server)
    server.extract(7)  # within the last second
    if command[0] == "gunicorn":
        eventually(True, lambda: server.has_settled(3))
    server.close()
    assert server.left_behind() == 307


def test_counts_are_those_of_the_model_in_workers_of_eventlet_that_come_and_go(
    serve, eventlet, tmp_path
):
    application = tmp_path / "app.py"
    tell = "open('extracted', 'ab').write(b'.')"
    text = application.read_text().replace("return window", f"{tell}; return window", 1)
    application.write_text(text)
    server = serve(eventlet, *EVENTLET)
    for _ in range(100):
        with suppress(ConnectionError):  # gunicorn closes its socket before it takes all
            server.extract()

    def extracted():
        return (tmp_path / "extracted").stat().st_size

    assert extracted() >= 75
    eventually(True, lambda: server.log().count("Booting worker") > 3)
    eventually(True, lambda: server.requests() == extracted())
    eventually(True, lambda: server.has_settled(3))
    server.close()
    assert server.left_behind() == extracted()


def test_eventlet_whose_workers_could_write_nothing_is_refused_at_the_start(serve, eventlet):
    with pytest.raises(AssertionError, match="MultiprocessError") as raised:
        serve(eventlet, *EVENTLET, "--preload")
    assert (
        "gunicorn will fork its workers of eventlet from this process, and they could then write "
        "nothing: start gunicorn without --preload, and measure in the workers alone"
    ) in str(raised.value)


def test_counts_are_exact_in_workers_of_uwsgi_that_load_the_application_themselves(serve):
    server = serve(*UWSGI, *RESTARTS, "--processes", "3", "--lazy-apps")
    load(server)
    # A worker that is told to end while it loads the application never ends, whatever that is.
    eventually(True, lambda: server.log().count("WSGI app 0") == spawned(server.log()))
    server.close()
    assert server.left_behind() == 300


def test_uwsgi_whose_forks_cannot_be_noticed_is_refused_at_the_start(serve):
    with pytest.raises(AssertionError, match="MultiprocessError") as raised:
        serve(*UWSGI[:-2], "--die-on-term", "--need-app", "--processes", "2")
    assert (
        "uWSGI loads the application before it forks its workers, and its module uwsgidecorators "
        "cannot tell of that (you have to enable the uWSGI master process to use this module): "
        "start uWSGI with --master and that module on the Python path, or with --lazy-apps"
    ) in str(raised.value)


def test_killed_worker_of_uwsgi_is_followed_by_one_that_counts(serve):
    server = serve(*SERVERS["uwsgi"])
    server.extract(30)
    eventually(30, server.requests)
    for worker in server.workers():
        os.kill(worker, signal.SIGKILL)
    server.extract(30)
    eventually(60, server.requests)


def load(server):
    """Three hundred requests, four at a time."""
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(server.extract, [75] * 4)) == [None] * 4
    eventually(300, server.requests)


def spawned(log):
    return log.count("pawned uWSGI worker")
