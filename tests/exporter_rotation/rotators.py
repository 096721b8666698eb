"""Real rotators, a service that logs through them, and an exporter that follows."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from waiting import ANSWER_SECONDS, eventually

from featurewatch_exporter.address import Address
from featurewatch_exporter.config import load_config
from featurewatch_exporter.exporter import Exporter

ROOT = Path(__file__).parents[2]
UNPACKED = ROOT / ".tools-logrotate/usr"
SERVICE = Path(__file__).with_name("service.py")
MAP = {
    "latency_ms": {"metric": "duration_seconds", "scale": 0.001},
    "cache": {"metric": "cache_lookups_total", "label": "result"},
}


def all_durations(lines: int) -> int:
    """The sum of what the service writes in *lines*, each with a duration of its own."""
    return lines * (lines + 1) // 2


class Service:
    """The service, running."""

    def __init__(
        self, command: list[str], path: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.path = path
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout.readline() == "begins\n"

    def durations(self) -> list[int]:
        """The durations that are on disk, those in packed files too."""
        found = []
        for file in self.path.parent.iterdir():
            data = file.read_bytes()
            text = gzip.decompress(data) if file.suffix == ".gz" else data
            whole = text[: text.rfind(b"\n") + 1].splitlines()  # it may be writing
            found += [json.loads(line)["latency_ms"] for line in whole]
        return found

    def end(self) -> None:
        """Let it write its last line, and end."""
        assert self.process.stdout.readline() == "ends\n"
        self.process.communicate(timeout=ANSWER_SECONDS)


@contextmanager
def ending(running: Service) -> Iterator[Service]:
    """End a service that is running."""
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        running.process.stdin.close()
        running.process.stdout.close()


def service(path: Path, how: str = "plain", *, lines: int, per_second: float, after: float = 0.0):
    """Run the service that writes *lines* to *path*, until the end of a `with`."""
    numbers = [str(lines), str(per_second), str(after)]
    return ending(Service([sys.executable, str(SERVICE), how, str(path), *numbers], path))


class Counted:
    """An exporter that follows a file, and what it and those before it have counted."""

    def __init__(self, path: Path, folder: Path, *, is_there: bool = True) -> None:
        self._is_there = is_there
        self._file = folder / "exporter.json"
        source = {"type": "file", "path": str(path), "map": MAP}
        state = str(folder / "state.json")
        self._file.write_text(json.dumps({"sources": [source], "state_file": state}))
        self._before: list[tuple[float, float]] = []
        self._start()

    def lines(self) -> int:
        """How many lines were counted."""
        return int(sum(lines for lines, _ in [*self._before, self._now()]))

    def milliseconds(self) -> int:
        """The sum of their durations."""
        return round(1000 * sum(seconds for _, seconds in [*self._before, self._now()]))

    def has_looked(self, service: Service) -> None:
        """Wait for what is on disk now, and until the exporter holds the file that has the name.

        What the next rotation packs is read by then, and what is written to it until then can be:
        a file that comes, is written to and is packed between two looks is lost for everybody.
        """
        lines = len(service.durations())
        eventually(lambda: self.lines() >= lines)
        eventually(lambda: not service.path.exists() or _is_open(service.path))

    def assert_each_line_once(self, lines: int) -> None:
        """Fail unless each of the lines that a service wrote is counted, and counted once."""
        eventually(lambda: self.lines() >= lines)
        assert (self.lines(), self.milliseconds()) == (lines, all_durations(lines))
        assert self.failures() == 0

    def failures(self) -> float:
        """How much could not be used."""
        return self._value("source_failures_total", source="file")

    def restart(self) -> None:
        """End the exporter, and start another one that goes on."""
        self.exporter.__exit__(None, None, None)
        self._before.append(self._now())
        self._start()

    def close(self) -> None:
        self.exporter.__exit__(None, None, None)

    def _start(self) -> None:
        self.exporter = Exporter(load_config(self._file), Address("127.0.0.1", 0)).__enter__()
        if self._is_there:
            eventually(lambda: self._value("source_up", source="file"))

    def _now(self) -> tuple[float, float]:
        return self._value("requests_total"), self._value("duration_seconds_sum")

    def _value(self, name: str, **labels: str) -> float:
        labels = {"extractor": "feature_extractor", **labels}
        return self.exporter.registry.get_sample_value(f"feature_extraction_{name}", labels) or 0


def _is_open(path: Path) -> bool:
    """Whether this process, in which the exporter runs, has a file open."""
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed since
            if descriptor.samefile(path):
                return True
    return False


class Logrotate:
    """Debian's logrotate, with one configuration."""

    def __init__(self, folder: Path, service: Service, *options: str) -> None:
        self._conf = folder / "logrotate.conf"
        self._state = folder / "logrotate.status"
        signal = f"postrotate\nkill -USR1 {service.process.pid}\nendscript\n"
        told = "" if "copytruncate" in options else signal
        settings = "\n".join(("rotate 100", "missingok", *options))
        self._conf.write_text(f'"{service.path}" {{\n{settings}\n{told}}}\n')
        self._conf.chmod(0o600)

    def rotate(self) -> None:
        """Rotate once, whatever the size or the time."""
        command, environment = _logrotate()
        done = subprocess.run(
            [command, "--force", "--state", self._state, self._conf],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
            timeout=ANSWER_SECONDS,
        )
        assert done.returncode == 0, done.stderr


def _logrotate() -> tuple[Path, dict[str, str]]:
    unpacked = UNPACKED / "sbin/logrotate"
    if unpacked.exists():
        # Behind the machine's own libraries, which are newer than those of another suite.
        folders = ":".join(str(each.parent) for each in UNPACKED.glob("lib/*/libpopt.so.0"))
        return unpacked, {**os.environ, "LD_LIBRARY_PATH": folders}
    found = shutil.which("logrotate", path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, "no logrotate; run `make servers` (Debian, Ubuntu), or put one on PATH"
    return Path(found), dict(os.environ)
