"""Real receiver processes: started, asked, killed. Each has a process group of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import requests
from waiting import ANSWER_SECONDS, eventually

from receiver.in_process import AUTHORIZED
from receiver.payloads import Json
from receiver.people import VIEWER

ROOT = Path(__file__).parents[2]


class Replica:
    """`featurewatch-receiver NAME...` on a configuration file, on the port that the file says."""

    def __init__(self, file: Path, log: Path, *words: str) -> None:
        self.url = ""
        self.log = log
        command = [sys.executable, "-m", "featurewatch_receiver", *(words or ("serve",))]
        path = {"PYTHONPATH": str(ROOT / "receivers")}
        with log.open("a") as stream:
            self.process = subprocess.Popen(
                [*command, "--config", str(file)],
                stderr=stream,
                env=os.environ | path,
                cwd=ROOT,
                start_new_session=True,
            )

    def ready(self) -> None:
        """Wait until it serves, and works if that is its part."""
        self.url = eventually(self._listening)["url"]
        eventually(lambda: self.answers("/readyz"))

    def answers(self, path: str) -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.url}{path}", timeout=ANSWER_SECONDS).status_code == 200
        return False

    def lines(self, event: str | None = None) -> list[Json]:
        """What it logged; a line that is being written is left out."""
        whole = self.log.read_text().rpartition("\n")[0].splitlines()
        lines: list[Json] = [json.loads(line) for line in whole]
        return [line for line in lines if event in (None, line["event"])]

    def post(self, body: Any) -> int:
        path = f"{self.url}/api/v1/webhook/alertmanager"
        return requests.post(
            path, json=body, headers=AUTHORIZED, timeout=ANSWER_SECONDS
        ).status_code

    def remediations(self) -> list[Json]:
        path = f"{self.url}/api/v1/episodes?hours=8784"
        episodes = requests.get(path, headers=VIEWER, timeout=ANSWER_SECONDS).json()["episodes"]
        return [r for episode in episodes for r in episode["remediations"]]

    def child(self) -> psutil.Process:
        """The process that answers and works; the one started looks after it."""
        return psutil.Process(self.process.pid).children()[0]

    def kill(self) -> None:
        """kill -9, parent and child."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _listening(self) -> Json | None:
        assert self.process.poll() is None, self.log.read_text()
        return next(iter(self.lines("listening")), None)


class Replicas:
    """Several receivers on one configuration, and all gone at the end."""

    def __init__(self, file: Path, folder: Path) -> None:
        self._file = file
        self._folder = folder
        self.all: list[Replica] = []

    def start(self, *words: str) -> Replica:
        log = self._folder / f"replica-{len(self.all)}.log"
        self.all.append(Replica(self._file, log, *words))
        return self.all[-1]

    def close(self) -> None:
        for replica in self.all:
            replica.kill()
