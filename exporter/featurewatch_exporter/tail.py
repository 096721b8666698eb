"""One open file that grows: its new lines, and the place up to which it was read."""

import os
import stat
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, Self

#: Bytes of one line; what is longer is skipped.
MAX_LINE = 1024 * 1024
#: Bytes of one read: a read without a line's end is then a line that is too long.
_CHUNK = MAX_LINE + 1
#: Bytes by which a file is known again, at its beginning and before the place.
_MARK = 256

#: Lines without their ends; None is one that was too long.
Batch = list[bytes | None]


class TruncatedError(Exception):
    """The file no longer holds what was read of it."""


class Place(NamedTuple):
    """Up to where a file was read, and how to know it again.

    An inode alone does not tell: its number goes to the next file once this one is removed.
    """

    inode: int
    #: Bytes.
    offset: int
    #: Whether the place is inside a line that is not wanted.
    inside: bool
    #: Digests of the first bytes, and of those before the place.
    head: str
    mark: str

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the place that was written; raise ``TypeError`` or ``KeyError`` for no place."""
        place = cls(**data)
        kinds = (int, int, bool, str, str)
        if not all(type(value) is kind for value, kind in zip(place, kinds, strict=True)):
            raise TypeError("no place")
        return place

    def fits(self, descriptor: int) -> bool:
        """Whether a file begins with all that was read up to this place."""
        head, mark = _marks(descriptor, self.offset)
        return (_digest(head), _digest(mark)) == (self.head, self.mark)


class Tail:
    """Reads what is added to an open file."""

    def __init__(self, descriptor: int, offset: int = 0, *, inside: bool = False) -> None:
        self.descriptor = descriptor
        status = os.fstat(descriptor)
        self.inode = status.st_ino
        self.identity = identity(status)
        self.offset = offset
        self._inside = inside
        self._head, self._mark = _marks(descriptor, offset)

    @classmethod
    def at_end(cls, descriptor: int) -> Self:
        """Begin with what comes after the line that is the last one now."""
        end = os.fstat(descriptor).st_size
        inside = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
        return cls(descriptor, end, inside=inside)

    @classmethod
    def at(cls, descriptor: int, place: Place) -> Self:
        """Go on at *place*, which must fit."""
        return cls(descriptor, place.offset, inside=place.inside)

    def batches(self) -> Iterator[Batch]:
        """Yield what is new.

        Raises :class:`TruncatedError` if the bytes before the place are others now.
        """
        while True:
            known = len(self._mark)
            # In one read with them, so that nobody can truncate the file in between.
            data = os.pread(self.descriptor, known + _CHUNK, max(0, self.offset - known))
            if not data.startswith(self._mark):
                raise TruncatedError
            batch = self._cut(data, known)
            if batch is None:
                return
            yield batch

    def last(self) -> Batch:
        """Return a last line without an end: nobody will write more of it."""
        rest = b"" if self._inside else os.pread(self.descriptor, MAX_LINE, self.offset)
        self._advance(rest)
        return [rest] if rest else []

    def rewind(self) -> None:
        """Begin anew, at the first byte that was written.

        Who writes on at its old place leaves a hole before it, which has no lines.
        """
        self._head = self._mark = b""
        self._inside = False
        try:
            self.offset = os.lseek(self.descriptor, 0, os.SEEK_DATA)
        except OSError:  # empty, or a file system that knows no holes
            self.offset = 0

    def place(self) -> Place:
        """Return up to where the file was read."""
        head, mark = _digest(self._head), _digest(self._mark)
        return Place(self.inode, self.offset, self._inside, head, mark)

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)

    def _cut(self, data: bytes, start: int) -> Batch | None:
        end = data.rfind(b"\n", start) + 1
        if end:
            lines: Batch = [*data[start : end - 1].split(b"\n")]
            if self._inside:
                del lines[0]
            self._inside = False
        elif len(data) - start > MAX_LINE or (self._inside and len(data) > start):
            lines = [] if self._inside else [None]
            end, self._inside = len(data), True
        else:
            return None
        self._advance(data[start:end])
        return lines

    def _advance(self, data: bytes) -> None:
        if self.offset == len(self._head) < _MARK:
            self._head += data[: _MARK - len(self._head)]
        self.offset += len(data)
        self._mark = (self._mark + data[-_MARK:])[-_MARK:]


def open_file(path: Path) -> int:
    """Return a descriptor of the regular file at *path*.

    Raises ``OSError`` if there is none.
    """
    # A named pipe would wait here for its writer otherwise.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(None, "is no regular file")
    return descriptor


def identity(status: os.stat_result) -> tuple[int, int]:
    """Return what a file keeps when it is renamed."""
    return status.st_dev, status.st_ino


def _marks(descriptor: int, offset: int) -> tuple[bytes, bytes]:
    length = min(_MARK, offset)
    return os.pread(descriptor, length, 0), os.pread(descriptor, length, offset - length)


def _digest(data: bytes) -> str:
    # The state file is no place for what services log.
    return blake2b(data, digest_size=16).hexdigest()
