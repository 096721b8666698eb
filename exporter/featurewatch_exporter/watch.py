"""Waits until there is something to read: by inotify where it is to be had, else by time."""

import logging
from collections.abc import Iterable
from pathlib import Path
from threading import Event as Flag
from typing import Protocol

logger = logging.getLogger(__name__)

#: Seconds between two looks at a file when nothing tells that there is something to read.
LOOK_SECONDS = 0.5


class Watch(Protocol):
    """Waits for the next look."""

    def wait(self, stop: Flag, folders: Iterable[Path]) -> None:
        """Return when something happened in *folders*, *stop* is set, or it is time to look."""

    def close(self) -> None:
        """Give back what is open."""


class Clock:
    """Looks from time to time."""

    def wait(self, stop: Flag, folders: Iterable[Path]) -> None:
        """Return when it is time to look."""
        stop.wait(LOOK_SECONDS)

    def close(self) -> None:
        """Nothing is open."""


def watch() -> Watch:
    """Return the best way to wait that is to be had."""
    try:
        from featurewatch_exporter.inotify import Inotify
    except ImportError:  # the extra is not installed
        return Clock()
    try:
        return Inotify(LOOK_SECONDS)
    except OSError as error:
        logger.warning("no inotify (%s): looks every %g s", error.strerror, LOOK_SECONDS)
        return Clock()
