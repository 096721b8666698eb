"""A service that logs a line of JSON for each extraction, and reopens its log when it is told.

usage: service.py HOW FILE LINES PER_SECOND REOPENS_AFTER
"""

import json
import logging
import logging.handlers
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path


class Reopened:
    """A file that is opened again some seconds after SIGUSR1, as services do when they can."""

    def __init__(self, path: Path, after: float) -> None:
        self._path = path
        self._after = after
        self._due: float | None = None
        self._stream = path.open("a", buffering=1)
        signal.signal(signal.SIGUSR1, self._told)

    def write(self, line: str) -> None:
        if self._due is not None and time.monotonic() >= self._due:
            self._stream.close()
            self._stream = self._path.open("a", buffering=1)
            self._due = None
        self._stream.write(line + "\n")

    def _told(self, *_: object) -> None:
        self._due = time.monotonic() + self._after


def rotating(path: Path) -> Callable[[str], None]:
    """Python's RotatingFileHandler, with files of some ninety lines."""
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=2000, backupCount=500)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("service")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    return logger.info


def loguru(path: Path) -> Callable[[str], None]:
    """Loguru, which renames with a time."""
    from loguru import logger

    logger.remove()
    logger.add(path, format="{message}", rotation="2 KB", retention=500)
    return logger.info


def main() -> None:
    how, file, lines, per_second, after = sys.argv[1:]
    path = Path(file)
    ways = {"rotating": rotating, "loguru": loguru}
    write = ways[how](path) if how in ways else Reopened(path, float(after)).write
    print("begins", flush=True)
    begun = time.monotonic()
    for number in range(1, int(lines) + 1):
        time.sleep(max(0.0, begun + number / float(per_second) - time.monotonic()))
        write(json.dumps({"latency_ms": number}))
    print("ends", flush=True)
    sys.stdin.read()  # a signal may still come


if __name__ == "__main__":
    main()
