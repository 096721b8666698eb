"""The exporters that `sidecar` compares: each a real process, on one and the same core."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import requests
import yaml

from bench.figures import BenchError
from bench.intakes import TOOLS
from bench.targets import HOST
from featurewatch import DURATION_BUCKETS
from featurewatch_kit.demo.processes import Processes, free_port

#: What is compared with, as `go install` names it.
STATSD_EXPORTER = "github.com/prometheus/statsd_exporter@v0.31.0"
BUFFER_BYTES = 16 * 1024 * 1024
_FETCH_SECONDS, _COUNT_SECONDS, _LOOK_SECONDS = 600, 120.0, 0.1
#: Processor seconds that a process takes at most, in so many looks, when it rests.
_AT_REST, _RESTS = 0.002, 6
#: CPUCLOCK_SCHED of the kernel.
_ALL_THREADS = 2
#: Bytes of the kernel for a full datagram, with what it needs to keep it.
_FULL_DATAGRAM = 4608

OUR_MAP = {
    "features.time": {"metric": "duration_seconds"},
    "features.cache.hit": {"metric": "cache_lookups_total", "labels": {"result": "hit"}},
    "features.cache.miss": {"metric": "cache_lookups_total", "labels": {"result": "miss"}},
    "features.errors.*": {"metric": "errors_total", "label": "error_type"},
    "features.queue": {"metric": "queue_depth"},
}
_LOOKUPS = {"name": "lookups_total"}
_THEIR_MAP: dict[str, Any] = {
    "mappings": [
        {
            "match": "features.time",
            "name": "duration_seconds",
            "observer_type": "histogram",
            "histogram_options": {"buckets": list(DURATION_BUCKETS)},
        },
        {"match": "features.cache.hit", **_LOOKUPS, "labels": {"result": "hit"}},
        {"match": "features.cache.miss", **_LOOKUPS, "labels": {"result": "miss"}},
        {"match": "features.errors.*", "name": "errors_total", "labels": {"error_type": "$1"}},
        {"match": "features.queue", "name": "queue_depth"},
        {"match": ".", "match_type": "regex", "name": "other", "action": "drop"},
    ]
}


@dataclass(frozen=True)
class Sidecar:
    """A running exporter."""

    process: int
    page: str
    #: Of statsd.
    port: int

    def processor_seconds(self) -> float:
        """Seconds that all of its threads have run, in the kernel too."""
        # clock_getcpuclockid(3) gives this number; psutil knows no less than hundredths of seconds.
        return time.clock_gettime((~self.process << 3) | _ALL_THREADS)

    def durations(self) -> float:
        """Durations that it has counted, whatever their labels."""
        text = requests.get(self.page, timeout=60).text
        counts = re.findall(
            r"^(?:feature_extraction_)?duration_seconds_count\S* (\S+)$", text, re.M
        )
        return sum(map(float, counts))

    def settled(self, before: float) -> float:
        """Return its processor seconds when it has worked since *before* and rests again.

        Raises:
            BenchError: it never does.

        """
        deadline, looks = time.monotonic() + _COUNT_SECONDS, [before] * _RESTS
        while looks[-1] - before < _AT_REST or looks[-1] - looks[-_RESTS] > _AT_REST:
            if time.monotonic() > deadline:
                raise BenchError(f"what serves {self.page} does not come to rest")
            time.sleep(_LOOK_SECONDS)
            looks.append(self.processor_seconds())
        return looks[-1]


def start_ours(processes: Processes, folder: Path, source: dict[str, Any] | None = None) -> Sidecar:
    """`featurewatch-exporter` with one source, of statsd if it is not given."""
    page, port = free_port(), free_port()
    statsd = {
        "type": "statsd",
        "listen": f"{HOST}:{port}",
        "receive_buffer_bytes": BUFFER_BYTES,
        "map": OUR_MAP,
    }
    file = folder / f"ours-{page}.json"
    file.write_text(json.dumps({"sources": [source or statsd]}), encoding="utf-8")
    command = [sys.executable, "-m", "featurewatch_exporter", "--config", str(file)]
    return _started(processes, [*command, "--listen", f"{HOST}:{page}"], page, port)


def start_theirs(processes: Processes, root: Path, folder: Path) -> Sidecar:
    """Prometheus's statsd_exporter with a map that says the same.

    Raises:
        BenchError: it can't be built.

    """
    program, page, port = _statsd_exporter(root), free_port(), free_port()
    mapping = folder / "mapping.yaml"
    mapping.write_text(yaml.safe_dump(_THEIR_MAP), encoding="utf-8")
    command = [
        str(program),
        f"--statsd.mapping-config={mapping}",
        f"--statsd.listen-udp={HOST}:{port}",
        "--statsd.listen-tcp=",
        f"--statsd.read-buffer={BUFFER_BYTES}",
        f"--web.listen-address={HOST}:{page}",
        "--log.level=error",
    ]
    return _started(processes, command, page, port)


def send(sidecar: Sidecar, datagrams: Sequence[bytes]) -> None:
    """Send *datagrams*, no more at once than the kernel keeps for a reader that is slow."""
    most = int(Path("/proc/sys/net/core/rmem_max").read_text())
    burst = max(16, min(2 * most, BUFFER_BYTES) // _FULL_DATAGRAM)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect((HOST, sidecar.port))
        for start in range(0, len(datagrams), burst):
            for datagram in datagrams[start : start + burst]:
                sender.send(datagram)
            _wait_until_read(sidecar.port)


def _wait_until_read(port: int) -> None:
    deadline = time.monotonic() + _COUNT_SECONDS
    while True:
        waiting, drops = _queue(port)
        if drops:
            raise BenchError(f"the kernel dropped {drops} datagrams")
        if not waiting:
            return
        if time.monotonic() > deadline:
            raise BenchError(f"nobody reads port {port}")
        time.sleep(0.001)


def _queue(port: int) -> tuple[int, int]:
    """Return the bytes that wait at a port of 127.0.0.1, and how many datagrams were dropped."""
    here, anybody = f"0100007F:{port:04X}", "00000000:0000"
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_, drops = line.split()
        if (local, remote) == (here, anybody):
            return int(queues.partition(":")[2], 16), int(drops)
    raise BenchError(f"nobody listens on port {port}")


def _started(processes: Processes, command: list[str], page: int, port: int) -> Sidecar:
    core = max(os.sched_getaffinity(0))
    name = f"sidecar-{page}"
    pinned = ["taskset", "--cpu-list", str(core), *command]
    processes.start(name, pinned, GOMAXPROCS="1")
    url = f"http://{HOST}:{page}/metrics"
    processes.wait_until(f"{command[0]} at {url}", lambda: _answers(url))
    [process] = [
        child for child in psutil.Process().children() if str(page) in " ".join(child.cmdline())
    ]
    return Sidecar(process.pid, url, port)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


def _statsd_exporter(root: Path) -> Path:
    program = root / TOOLS / "statsd_exporter"
    if program.is_file():
        return program
    go = shutil.which("go")
    if go is None:
        raise BenchError("statsd_exporter can't be built: there is no Go here")
    environment = {**os.environ, "GOBIN": str(program.parent)}
    try:
        subprocess.run(
            [go, "install", STATSD_EXPORTER],
            check=True,
            capture_output=True,
            timeout=_FETCH_SECONDS,
            env=environment,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BenchError(f"{STATSD_EXPORTER} can't be built here") from error
    return program
