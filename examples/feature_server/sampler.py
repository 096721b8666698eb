"""This machine's own CPU, memory and I/O, sampled live and cut into numbered windows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from feature_server.errors import SamplerError, WindowUnknown

Array = npt.NDArray[np.float64]
SIGNALS = ("cpu_busy_ratio", "memory_used_ratio", "io_mebibytes_per_second")


@dataclass(frozen=True, kw_only=True)
class Counters:
    """One reading: CPU and I/O count up since boot, memory is the present state."""

    seconds: float
    cpu_busy: float
    cpu_total: float
    memory_used_ratio: float
    io_kibibytes: float


def read_counters(proc: Path = Path("/proc")) -> Counters:
    """Read the counters; SamplerError says which file is missing or odd."""
    try:
        cpu = [float(word) for word in (proc / "stat").read_text().split("\n", 1)[0].split()[1:9]]
        memory = _table(proc / "meminfo")
        paging = _table(proc / "vmstat")
        return Counters(
            seconds=time.monotonic(),
            cpu_busy=sum(cpu) - cpu[3] - cpu[4],  # the fourth is idle, the fifth is iowait
            cpu_total=sum(cpu),
            memory_used_ratio=1.0 - memory["MemAvailable"] / memory["MemTotal"],
            io_kibibytes=paging["pgpgin"] + paging["pgpgout"],
        )
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise SamplerError(
            f"can't sample this machine ({type(error).__name__}: {error}): "
            "the example reads /proc, so run it on Linux"
        ) from error


def _table(path: Path) -> dict[str, float]:
    rows = (line.replace(":", " ").split() for line in path.read_text().splitlines())
    return {row[0]: float(row[1]) for row in rows}


class Sampler:
    """Samples `rate` times a second; each `window_samples` samples become the next window.

    The last `keep_windows` windows never change, so that the same id gives the same features.
    """

    def __init__(
        self,
        *,
        rate: float = 20.0,
        window_samples: int = 32,
        keep_windows: int = 64,
        read: Callable[[], Counters] = read_counters,
    ) -> None:
        self._period = 1.0 / rate
        self._window_samples = window_samples
        self._keep = keep_windows
        self._read = read
        self._last = read()  # here, so that a machine that can't be sampled fails at once
        self._rows: list[tuple[float, float, float]] = []
        self._windows: dict[int, Array] = {}
        self._next_id = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> Self:
        """Start sampling in a thread."""
        self._thread.start()
        return self

    @property
    def alive(self) -> bool:
        """False when sampling ended, be it by `close` or by an error."""
        return self._thread.is_alive()

    def sample(self) -> None:
        """Take one sample now."""
        now, before = self._read(), self._last
        elapsed = max(now.seconds - before.seconds, 1e-6)
        busy = (now.cpu_busy - before.cpu_busy) / max(now.cpu_total - before.cpu_total, 1.0)
        io = (now.io_kibibytes - before.io_kibibytes) / 1024.0 / elapsed
        self._last = now
        self._rows.append((busy, now.memory_used_ratio, io))
        if len(self._rows) == self._window_samples:
            self._cut()

    def windows(self) -> range:
        """The ids that `window` answers for, oldest first."""
        with self._lock:
            return range(self._next_id - len(self._windows), self._next_id)

    def window(self, window_id: int) -> Array:
        """The samples of one window, one row a sample, one column a signal of SIGNALS."""
        with self._lock:
            try:
                return self._windows[window_id]
            except KeyError:
                raise WindowUnknown(f"window {window_id} isn't kept: see /windows") from None

    def kept(self) -> list[Array]:
        """The samples of all windows that are kept, oldest first."""
        with self._lock:
            return list(self._windows.values())

    def close(self) -> None:
        """Stop sampling."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _cut(self) -> None:
        window = np.array(self._rows, dtype=np.float64)
        window.setflags(write=False)
        self._rows.clear()
        with self._lock:
            self._windows[self._next_id] = window
            self._windows.pop(self._next_id - self._keep, None)
            self._next_id += 1

    def _run(self) -> None:
        due = time.monotonic() + self._period
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self.sample()
            due += self._period
