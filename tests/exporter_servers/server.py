"""Servers of several processes, made of the code that docs/instrument.md shows."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.request import Request, urlopen

import psutil
import waiting
from prometheus_client.parser import text_string_to_metric_families

HOST = "127.0.0.1"
#: What stands in for the model; it waits while the file `hold` is there.
MODEL = """
import os, time
def model(window):
    while os.path.exists("hold"):
        time.sleep(0.01)
    return window
"""
#: Added to gunicorn's configuration: a worker that is told to end before this is logged does not
#: hear it, because it has the handlers of the process that it was forked from.
HEARS = """
def post_worker_init(worker):
    worker.log.info("Hears (pid: %s)", worker.pid)
"""


def documented(text: str, heading: str) -> list[str]:
    """The Python blocks below a heading of a document."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## )", text, re.DOTALL | re.MULTILINE)
    assert section, f"no section {heading}"
    return re.findall(r"```python\n(.*?)```", section[1], re.DOTALL)


def eventually(wanted: object, ask: Callable[[], object]) -> None:
    """Wait until *ask* returns *wanted*."""
    waiting.eventually(lambda: ask() == wanted, what=f"{wanted!r}")


class Server:
    """A running server; ``folder`` is PROMETHEUS_MULTIPROC_DIR.

    The command is a module and its arguments, or a program by its path.
    """

    def __init__(self, command: list[str], place: Path, port: int, **variables: str) -> None:
        self.folder = place / "shared"
        self.url = f"http://{HOST}:{port}"
        self.metrics_url = f"{self.url}/metrics/"
        self._log = place / "log"
        environment = {**os.environ, **variables, "PROMETHEUS_MULTIPROC_DIR": str(self.folder)}
        program = command if "/" in command[0] else [sys.executable, "-m", *command]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                program,
                cwd=place,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def extract(self, times: int = 1) -> None:
        for number in range(times):
            body = json.dumps({"window": number}).encode()
            request = Request(  # noqa: S310
                f"{self.url}/features", body, {"Content-Type": "application/json"}
            )
            with urlopen(request, timeout=waiting.ANSWER_SECONDS) as answer:  # noqa: S310
                assert json.load(answer) == {"window": number}

    def metrics(self) -> str:
        with urlopen(self.metrics_url, timeout=waiting.ANSWER_SECONDS) as answer:  # noqa: S310
            return answer.read().decode()

    def value(self, name: str, **labels: str) -> float | None:
        """The value of one sample of ours, None without it."""
        wanted = {"extractor": "feature_extractor", **labels}
        for family in text_string_to_metric_families(self.metrics()):
            for sample in family.samples:
                if sample.name == f"feature_extraction_{name}" and sample.labels == wanted:
                    return sample.value
        return None

    def requests(self) -> float | None:
        return self.value("requests_total")

    def workers(self) -> list[int]:
        """Those that have begun to write."""
        alive = {child.pid for child in psutil.Process(self._process.pid).children()}
        written = self.folder.glob("counter_*.db")
        return [pid for file in written if (pid := _number(file)) in alive]

    def has_settled(self, workers: int) -> bool:
        """As many of gunicorn's workers hear that they are to end, and no other begins or ends.

        It stays so until the next request. Needs HEARS.
        """
        begun, hearing, will_end, ended = (
            set(re.findall(pattern, self.log()))
            for pattern in (
                r"Booting worker with pid: (\d+)",
                r"Hears \(pid: (\d+)\)",
                r"\[(\d+)\] \[INFO\] Autorestarting",
                r"Worker exiting \(pid: (\d+)\)",
            )
        )
        return begun == hearing and will_end <= ended and len(begun - ended) == workers

    def log(self) -> str:
        return self._log.read_text()

    def is_up(self) -> bool:
        assert self._process.poll() is None, self.log()
        try:
            return bool(self.metrics())
        except OSError:
            return False

    def left_behind(self) -> float | None:
        """The requests that the folder tells of, to a process that has just begun."""
        code = (
            "from featurewatch import metrics_registry\n"
            "print(metrics_registry().get_sample_value('feature_extraction_requests_total',"
            " {'extractor': 'feature_extractor'}))"
        )
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(self.folder)}
        told = subprocess.run(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, check=True
        )
        return None if told.stdout == b"None\n" else float(told.stdout)

    def close(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the server; a second call does nothing."""
        self._process.send_signal(how)
        try:
            self._process.wait(waiting.PATIENCE_SECONDS)
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()


def _number(file: Path) -> int:
    name = file.stem.rpartition("_")[2]
    return int(name) if name.isdigit() else 0
