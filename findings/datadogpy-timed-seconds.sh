#!/bin/sh
# datadogpy's timed() writes seconds with the statsd type of milliseconds (|ms): a statsd server that
# takes the type at its word sees a duration a thousand times too short. timing() takes what it is given.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check datadog==0.56.0
"$folder/venv/bin/python" - <<'PYTHON'
import socket
import sys
import time
from importlib.metadata import version

from datadog import DogStatsd

listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("127.0.0.1", 0))
listener.settimeout(10)
client = DogStatsd("127.0.0.1", listener.getsockname()[1], disable_telemetry=True)
seen = {}
for name, options in (("default", {}), ("use_ms", {"use_ms": True})):
    with client.timed(name, **options):
        time.sleep(0.2)
    seen[name] = listener.recv(1000).decode().strip()
print("datadog", version("datadog"), "timed() around 0.2 s sends", seen)
values = {name: float(line.split(":")[1].split("|")[0]) for name, line in seen.items()}
same = all("|ms" in line for line in seen.values())
sys.exit(not (same and 0.2 <= values["default"] < 20 and values["use_ms"] >= 200))
PYTHON
