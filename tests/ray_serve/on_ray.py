"""A script that runs on a Ray of its own, which is reached by loopback alone."""

import json
import os
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

PYTHON = Path(".venv-ray/bin/python")
END_SECONDS = 30


def can_run(root):
    """Whether Ray is installed, and nothing but this machine can be reached; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return (root / PYTHON).exists()
    return False


class App:
    """The script, as a process."""

    def __init__(self, process):
        self._process = process

    def ask(self, line):
        """Send a line, unless it is None, and return the answer."""
        if line is not None:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        for said in self._process.stdout:  # Ray writes lines of its own between
            if said.startswith("{"):
                return json.loads(said)
        pytest.fail(f"the application ended with code {self._process.wait()}")


@contextmanager
def running(root, script, folder, port, **environment):
    """The script, given a folder and a port; it is gone afterwards, and Ray with it."""
    with (Path(folder) / "stderr").open("wb") as log:
        process = subprocess.Popen(
            [root / PYTHON, script, folder, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"} | environment,
        )
    with process:
        try:
            yield App(process)
        finally:
            process.stdin.close()  # it ends by itself
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
