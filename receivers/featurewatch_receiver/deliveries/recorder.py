"""Writes accepted deliveries down, for `featurewatch-receiver replay`."""

import threading
from pathlib import Path

from featurewatch_receiver import logs


class Recorder:
    """Appends accepted deliveries to a file, one on a line; the file may be moved away."""

    def __init__(self, file: str):
        self._file = Path(file)
        self._lock = threading.Lock()

    def write(self, body: bytes) -> None:
        """Record a delivery; it is stored already, so a fault here is only told."""
        line = b" ".join(body.split(b"\n")) + b"\n"  # in JSON a line break is only ever space
        try:
            with self._lock, self._file.open("ab") as file:
                file.write(line)
        except OSError as error:
            logs.trouble("delivery could not be recorded", error)
