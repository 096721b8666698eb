"""What rotation leaves beside a file: files with its name and a number or a date."""

import errno
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from featurewatch_exporter.tail import open_file

#: What rotators put into a name: .1, -20261130, .2026-11-30_12-00-00, .old.
_VARIES = r"[0-9TZ:._+-]*"
#: Seconds; a directory that changed this recently may change again within one tick of its clock.
_TICK = 0.1
#: Looks until two of them agree, or one finds a file that is there.
_TRIES = 10


class Sibling(NamedTuple):
    """A file of the family, as a look found it."""

    path: Path
    inode: int
    identity: tuple[int, int]
    #: Bytes, and nanoseconds of Unix time.
    size: int
    modified: int


class Family:
    """The files beside *path* that may have had its name.

    If *path* is a symbolic link that moves on, these are the files beside the one it leads to.
    What is of the family of one of *others* is not of this one.
    """

    def __init__(self, path: Path, others: Iterable[Path] = ()) -> None:
        self._path = path
        self._others = tuple(others)
        self._changed: tuple[int, ...] = ()

    def siblings(self) -> list[Sibling]:
        """Return them as they are now, the one that was written last as the last.

        While they are renamed one after the other, a look may miss one: two looks must agree.
        """
        found = self._look()
        for _ in range(_TRIES):
            before, found = found, self._look()
            if {one.identity: one.path for one in before} == {o.identity: o.path for o in found}:
                break
        return sorted(found, key=lambda sibling: sibling.modified)

    def open(self, inode: int) -> int:
        """Return a descriptor of one of them, whatever it is called by now.

        Raises ``OSError`` if it is not there.
        """
        for _ in range(_TRIES):
            for sibling in self._look():
                with suppress(FileNotFoundError):
                    if sibling.inode == inode:
                        descriptor = open_file(sibling.path)
                        if os.fstat(descriptor).st_ino == inode:
                            return descriptor
                        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def folders(self) -> set[Path]:
        """Return where they are."""
        return {self._path.parent, self._target().parent}

    def changed(self) -> bool:
        """Whether a file may have come or gone since the last call."""
        times = []
        for folder in sorted(self.folders()):
            try:
                times.append(folder.stat().st_mtime_ns)
            except OSError:
                times.append(0)
        changed = tuple(times) != self._changed
        settled = time.time() - max(times) / 1e9 > _TICK
        self._changed = tuple(times) if settled else ()
        return changed

    def _look(self) -> list[Sibling]:
        return list({sibling.identity: sibling for sibling in self._siblings()}.values())

    def _target(self) -> Path:
        return Path(os.path.realpath(self._path))

    def _siblings(self) -> Iterator[Sibling]:
        yield from self._beside(self._path, self._path.stem)
        target = self._target()
        if self._path.is_symlink():
            # A link leads to features.1.log today and to features.2.log tomorrow.
            root = re.sub(rf"{_VARIES}$", "", target.stem) or target.stem
            yield from self._beside(target, root)

    def _beside(self, path: Path, root: str) -> Iterator[Sibling]:
        form = _form(path, root)
        others = [other for other in self._others if other.parent == path.parent]
        foreign = [_form(one, one.stem) for one in others if len(one.stem) > len(root)]
        named = {path.name, *(one.name for one in others)}
        try:
            names = os.listdir(path.parent)  # noqa: PTH208 - names alone, of many files
        except OSError:
            return
        for name in names:
            mine = form.fullmatch(name) and name not in named
            if mine and not any(one.fullmatch(name) for one in foreign):
                yield from _sibling(path.parent / name)


def _form(path: Path, root: str) -> re.Pattern[str]:
    """Return what the names of *path* and of its family look like."""
    # worker-1 has nothing to do with worker-10.
    varies = f"(?![0-9]){_VARIES}" if root[-1:].isdigit() else _VARIES
    return re.compile(rf"{re.escape(root)}{varies}(?:{re.escape(path.suffix)})?{_VARIES}(?:\.old)?")


def _sibling(path: Path) -> Iterator[Sibling]:
    try:
        status = path.lstat()
    except OSError:  # renamed or removed since
        return
    identity = status.st_dev, status.st_ino
    if stat.S_ISREG(status.st_mode):
        yield Sibling(path, status.st_ino, identity, status.st_size, status.st_mtime_ns)
