"""Is told by Linux when something happens in folders. Needs the extra ``inotify``."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Event as Flag

from inotify_simple import INotify, flags

#: Milliseconds in which more may happen, so that a look is not for one line.
_GATHER_MILLISECONDS = 10


class Inotify:
    """Waits for something to happen, at most for *seconds*.

    Raises ``OSError`` if the user has too many of them.
    """

    def __init__(self, seconds: float) -> None:
        self._milliseconds = int(seconds * 1000)
        self._inotify = INotify()
        self._folders: dict[Path, int] = {}
        self._mask = flags.MODIFY | flags.CREATE | flags.MOVED_FROM | flags.MOVED_TO | flags.DELETE

    def wait(self, stop: Flag, folders: Iterable[Path]) -> None:
        """Return when something happened, or it is time to look all the same."""
        if not stop.is_set() and not self._watch(set(folders)):
            events = self._inotify.read(self._milliseconds, read_delay=_GATHER_MILLISECONDS)
            gone = {event.wd for event in events if event.mask & flags.IGNORED}
            # A folder that is gone may come again.
            self._folders = {f: d for f, d in self._folders.items() if d not in gone}

    def close(self) -> None:
        """Close what Linux tells it by."""
        self._inotify.close()

    def _watch(self, folders: set[Path]) -> bool:
        """Watch these folders, and return whether one is new, so that something may be missed."""
        for folder in self._folders.keys() - folders:
            with suppress(OSError):
                self._inotify.rm_watch(self._folders.pop(folder))
        before = len(self._folders)
        for folder in folders - self._folders.keys():
            with suppress(OSError):  # it is not there yet
                self._folders[folder] = self._inotify.add_watch(folder, self._mask)
        return len(self._folders) > before
