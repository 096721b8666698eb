"""Follows a file that grows, as ``tail -F`` does."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

#: Bytes of one line; what is longer is skipped.
MAX_LINE = 1024 * 1024
_CHUNK = 64 * 1024


class LongLineError(Exception):
    """A line was longer than ``MAX_LINE`` and was skipped."""


class Lines:
    """Cuts bytes into lines, and keeps a last one that has no end yet."""

    def __init__(self, *, inside_line: bool = False) -> None:
        self._rest = b""
        #: In a line that is not wanted, until its end.
        self._skipping = inside_line

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """Yield the lines that *data* ends, and None for one that is too long."""
        *ended, rest = (self._rest + data).split(b"\n")
        for line in ended:
            if self._skipping:
                self._skipping = False
            else:
                yield line if len(line) <= MAX_LINE else None
        self._rest = b"" if self._skipping else rest
        if len(self._rest) > MAX_LINE:
            self._rest, self._skipping = b"", True
            yield None

    def end(self) -> Iterator[bytes | None]:
        """Yield a last line without an end: nobody will write more of it."""
        rest, self._rest = self._rest, b""
        if rest:
            yield rest


class Follower:
    """Reads what is added to a file, over rotation and truncation.

    It begins at the end of a file that is there at the first look, and at the beginning of one
    that comes later.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._lines = Lines()
        self._first = True

    def read(self) -> Iterator[bytes | None]:
        """Yield the lines that are new, and None for each that was too long.

        Raises ``OSError`` if there is no such file (what was still to be read of a former one is
        yielded before).
        """
        if self._descriptor is None:
            self._open()
        yield from self._rest_of_file()
        if self._replaced():
            # Again: between the last read and the renaming there may have been more.
            yield from self._rest_of_file()
            yield from self._lines.end()
            self.close()
            self._open()
            yield from self._rest_of_file()

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        try:
            # A named pipe would wait here for its writer otherwise.
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            self._first = False
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(None, "is no regular file")
        self._descriptor = descriptor
        self._lines = Lines(inside_line=self._first and self._skip_to_end(descriptor))
        self._first = False

    def _skip_to_end(self, descriptor: int) -> bool:
        """Go to the end, and return whether that is inside a line."""
        end = os.lseek(descriptor, 0, os.SEEK_END)
        return end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"

    def _rest_of_file(self) -> Iterator[bytes | None]:
        descriptor = self._descriptor
        if descriptor is None:
            return
        if os.fstat(descriptor).st_size < os.lseek(descriptor, 0, os.SEEK_CUR):
            os.lseek(descriptor, 0, os.SEEK_SET)
            self._lines = Lines()
        while data := os.read(descriptor, _CHUNK):
            yield from self._lines.feed(data)

    def _replaced(self) -> bool:
        """Whether another file has the name now; raises ``OSError`` if none has it."""
        now = os.stat(self._path)  # noqa: PTH116 - beside fstat, which pathlib has not
        own = os.fstat(self._descriptor or 0)
        return (now.st_dev, now.st_ino) != (own.st_dev, own.st_ino)
