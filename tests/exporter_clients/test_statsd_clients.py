"""What real clients of statsd send is counted, all of it and nothing else.

`make test-clients` runs all of them and writes the table of docs/exporter.md; those of Python need
no other language and run with the other tests.
"""

import os
import subprocess
from contextlib import suppress

import pytest

from tests.sidecar.conftest import closing, eventually, run  # noqa: F401 - fixtures
from tests.sidecar.servers import HOST

from . import table
from .clients import CLIENTS, ENVIRONMENT
from .workload import WORK, counted, sent

#: Set by make test-clients: the table is to be written.
WRITE = "FEATUREWATCH_CLIENTS_TABLE"
SECONDS = 120


@pytest.fixture(scope="module")
def seen():
    """Rows of the clients that were run."""
    return {}


@pytest.fixture
def listen(tmp_path):
    """Where to listen for each transport."""
    return {
        "udp": f"{HOST}:0",
        "tcp": f"tcp://{HOST}:0",
        "unix": f"unix://{tmp_path}/statsd.sock",
    }


def address_of(endpoint, client):
    """The place as the client wants it."""
    if endpoint.transport == "unix":
        return str(endpoint) if client.language == "Go" else str(endpoint.place)
    return str(endpoint.place)


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(
            one, id=str(one), marks=[] if one.language == "Python" else pytest.mark.clients
        )
        for one in CLIENTS
    ],
)
def test_what_the_client_sends_is_what_is_counted(client, run, listen, eventually, seen):  # noqa: F811
    page = run({"type": "statsd", "listen": listen[client.transport], "map": client.rules})
    [endpoint] = page.exporter.statsd_endpoints
    done = subprocess.run(
        client.command(address_of(endpoint, client)),
        check=False,
        input=WORK,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    wanted = sent(done.stdout)
    with suppress(AssertionError):  # what differs says more than that it was too late
        eventually(lambda: counted(page.series()) == wanted)
    came = counted(page.series())
    assert came == wanted
    assert page("source_failures_total", "statsd") == 0
    assert page("source_dropped_total", "statsd") in (0, None)
    cells = table.row(client, wanted, came)
    seen[str(client)] = cells
    if not os.environ.get(WRITE):
        assert cells in table.rows()


def test_table_of_the_document_has_each_client_with_what_it_sent_and_the_same_counted(seen):
    if os.environ.get(WRITE):
        table.write([seen[str(client)] for client in CLIENTS])
    found = table.rows()
    names = [table.row(client, sent(""), sent(""))[:3] for client in CLIENTS]
    assert [cells[:3] for cells in found] == names
    assert [cells[3] for cells in found] == [cells[4] for cells in found]
