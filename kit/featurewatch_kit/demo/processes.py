"""Child processes that log to files and never outlive the demo."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from featurewatch_kit.demo.clients import Client
from featurewatch_kit.errors import DemoError
from featurewatch_kit.programs import start_folder

_STOP_SECONDS = 8.0


class Processes:
    """Starts children and ends them all, last started first; a context manager."""

    def __init__(self, logs: Path):
        self._logs = logs
        self._children: list[tuple[str, subprocess.Popen[bytes]]] = []
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(
        self, name: str, command: list[str], *, folder: Path | None = None, **environment: str
    ) -> None:
        """Start one child in `folder`; its output goes to <logs>/<name>.log."""
        with self.log(name).open("wb") as log:
            child = subprocess.Popen(
                _dies_with_parent() + command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        self._children.append((name, child))

    def start_program(
        self, name: str, program: Path, root: Path, options: Mapping[str, object]
    ) -> None:
        """Start a program of the chain with `--option=value` for each option."""
        command = [str(program), *(f"--{option}={value}" for option, value in options.items())]
        self.start(name, command, folder=start_folder(program, root))

    def log(self, name: str) -> Path:
        """Where a child's output goes."""
        return self._logs / f"{name}.log"

    def check(self) -> None:
        """Raise DemoError when a child has ended by itself."""
        for name, child in self._children:
            if child.poll() is not None:
                raise DemoError(f"{name} ended with code {child.returncode}{self._tail(name)}")

    def wait_until(self, what: str, condition: Callable[[], bool], seconds: float = 120.0) -> None:
        """Poll until the condition holds; DemoError when a child ends or the time is over."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                raise DemoError(f"{what}: not within {seconds:.0f} s; see {self._logs}")
            time.sleep(0.05)

    def kill(self, name: str) -> None:
        """End a child at once, as a power failure does."""
        for known, child in self._children:
            if known == name:
                _signal(child, signal.SIGKILL)

    def wait_for(self, name: str, url: str, path: str) -> None:
        """Poll until a child answers there; DemoError as `wait_until`."""
        with contextlib.closing(Client(url)) as client:
            self.wait_until(f"{name} starts", lambda: client.answers(path))

    def close(self) -> None:
        """End every child and everything it started."""
        for _, child in reversed(self._children):
            _signal(child, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for _, child in reversed(self._children):
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))
            _signal(child, signal.SIGKILL)
            child.wait()
        self._children.clear()

    def _tail(self, name: str, lines: int = 5) -> str:
        last = self.log(name).read_text(errors="replace").strip().splitlines()[-lines:]
        return ": " + " | ".join(last) if last else " without a word"


def _dies_with_parent() -> list[str]:
    """Words before a command that let the kernel end it even when we are killed (Linux)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _signal(child: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    # The group may outlive its first process, so it is signalled by its own id.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def end_on_sigterm() -> None:
    """Let SIGTERM end this program as Ctrl-C does, so that it ends its children on the way out."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
