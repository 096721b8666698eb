"""One worker process: what runs inside it, and the parent's handle on it."""

from __future__ import annotations

import contextlib
import signal
import time
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from feature_server.errors import WorkerDied
from feature_server.features import Array, Model, extract_features


@dataclass(frozen=True, eq=False)
class Forward:
    """Extract features, and take at least `seconds` for it."""

    window: Array
    model: Model
    seconds: float


@dataclass(frozen=True)
class HoldMemory:
    """Hold this much memory for nothing, in place of what was held before."""

    mebibytes: int


@dataclass(frozen=True)
class Ping:
    """Answer as soon as the process is up."""


Message = Forward | HoldMemory | Ping


def work(pipe: Connection) -> None:
    """Serve one parent.

    The parent has the only other end of the pipe, so that this process ends with the parent
    whichever way the parent ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group; the parent decides
    ballast: list[bytes] = []
    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.send(_answer(pipe.recv(), ballast))


def _answer(message: Message, ballast: list[bytes]) -> Any:
    """The result, or the exception as a value."""
    try:
        match message:
            case Forward():
                return _forward(message)
            case HoldMemory(mebibytes):
                ballast.clear()
                ballast.append(b"\x01" * (mebibytes * 2**20))  # not zeros: pages must be touched
        return None
    except Exception as error:  # the parent decides what a failed job means
        return error


def _forward(message: Forward) -> Array:
    """The forward pass, padded to the time that a remote accelerator would take.

    The padding is a stand-in: it makes the example's capacity the same on each machine.
    """
    started = time.monotonic()
    features = extract_features(message.window, message.model)
    time.sleep(max(0.0, message.seconds - (time.monotonic() - started)))
    return features


class WorkerProcess:
    """One worker process and the parent's end of its pipe; close it when done."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs,), daemon=True)
        try:
            self._process.start()
        except OSError as error:
            self._pipe.close()
            raise WorkerDied(f"no worker process could be started: {error}") from error
        finally:
            theirs.close()  # else the end of the process wouldn't end the pipe

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid or 0

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.is_alive()

    def ask(self, message: Message) -> Any:
        """The answer to one message; WorkerDied when none comes any more."""
        try:
            self._pipe.send(message)
            return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise WorkerDied(f"worker {self.pid} died") from error

    def kill(self) -> None:
        """End the process at once, from any thread."""
        self._process.kill()

    def close(self) -> None:
        """End the process, and give it a moment to do so by itself."""
        self._pipe.close()
        self._process.join(timeout=2.0)
        self._process.kill()
        self._process.join()
