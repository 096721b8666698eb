"""Follows a file that grows, over every way of rotating it."""

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from featurewatch_exporter.family import Family, Sibling
from featurewatch_exporter.known import Known
from featurewatch_exporter.tail import Batch, Place, Tail, TruncatedError, identity, open_file

#: Seconds for which a former file is read on after its last line: its writer may not have been
#: told yet that there is a new one.
KEEP_SECONDS = 60.0
#: Seconds for which the file may be missing while it is rotated.
_GAP_SECONDS = 5.0
#: Former files that are kept open at most.
_MOST_FORMER = 64


class Follower:
    """Reads what is added to the file that is called *path*, and to those that were.

    It begins at the end of a file that is there at the first look, and at the beginning of one
    that comes later; at *kept*, the `state` of a former one, if given. *gone* is called with the
    problem when something can't be read any more; *others* are followed by somebody else.

    Raises ``TypeError`` or ``KeyError`` for what is no state.
    """

    def __init__(
        self,
        path: Path,
        kept: Mapping[str, Any] | None = None,
        gone: Callable[[str], None] = lambda _: None,
        *,
        others: Iterable[Path] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._gone = gone
        self._clock = clock
        self._family = Family(path, others)
        self._known = Known()
        self._tail: Tail | None = None
        #: Files that had the name, and when each had its last line.
        self._former: dict[Tail, float] = {}
        self._missing_since: float | None = None
        self._kept = None if kept is None else self._restored(kept)
        self._begun = False

    def read(self) -> Iterator[Batch]:
        """Yield the lines that are new.

        Raises ``OSError`` if there is no such file (what was still to be read of former ones is
        yielded before).
        """
        if not self._begun:
            self._begin()
        unread = self._tail is not None and self._tail.offset == 0
        yield from self._drain()
        self._follow_name(unread)
        # Again: between the last read and a renaming there may have been more.
        yield from self._drain()
        yield from self._let_go()

    def close(self) -> None:
        """Close the files."""
        for tail in self._tails():
            tail.close()
        self._tail, self._former = None, {}

    def state(self) -> dict[str, Any] | None:
        """Return what another follower needs to go on from here, as JSON has it; None: nothing."""
        if not self._begun:
            if self._kept is None:
                return None
            former, current = self._kept
        else:
            former = [tail.place() for tail in self._former]
            current = self._tail.place() if self._tail else None
        return {
            "former": [place._asdict() for place in former],
            "current": current._asdict() if current else None,
            "known": self._known.state(),
        }

    def folders(self) -> set[Path]:
        """Return the folders in which something happens when there is something to read."""
        return self._family.folders()

    def _restored(self, kept: Mapping[str, Any]) -> tuple[list[Place], Place | None]:
        self._known.restore(kept["known"])
        former = [Place.from_json(place) for place in kept["former"]]
        return former, Place.from_json(kept["current"]) if kept["current"] else None

    def _tails(self) -> list[Tail]:
        return [*self._former, *([self._tail] if self._tail else [])]

    def _begin(self) -> None:
        """Take the files that are there as history, or go on where another follower was."""
        if self._kept is None:
            for sibling in self._family.siblings():
                with suppress(OSError):
                    self._pass_by(self._family.open(sibling.inode))
            with suppress(FileNotFoundError):
                self._tail = Tail.at_end(open_file(self._path))
        else:
            former, current = self._kept
            for place in former:
                self._find(place, was_current=False)
            if current:
                self._find(current, was_current=True)
            self._missing_since = self._clock()
        self._begun = True

    def _find(self, place: Place, *, was_current: bool) -> None:
        """Open the file of another follower again, whatever it is called now."""
        for current in (True, False):
            with suppress(OSError):
                descriptor = open_file(self._path) if current else self._family.open(place.inode)
                tail = Tail(descriptor)
                truncated = was_current and current
                if tail.inode == place.inode and (truncated or place.fits(descriptor)):
                    self._go_on(tail, place, current=current)
                    return
                tail.close()
        self._gone("is gone, perhaps not read to its end; keep rotated files for longer")

    def _go_on(self, tail: Tail, place: Place, *, current: bool) -> None:
        fits = place.fits(tail.descriptor)
        self._add(Tail.at(tail.descriptor, place) if fits else tail, current=current)
        if not fits:
            self._begin_anew(tail, place)

    def _add(self, tail: Tail, *, current: bool = False) -> None:
        if current:
            self._tail = tail
        else:
            self._former[tail] = self._clock()

    def _drain(self) -> Iterator[Batch]:
        for tail in self._tails():
            try:
                for batch in tail.batches():
                    if tail in self._former:
                        self._former[tail] = self._clock()
                    yield batch
            except TruncatedError:
                yield from self._truncated(tail)

    def _truncated(self, tail: Tail) -> Iterator[Batch]:
        if tail in self._former:  # shredded, perhaps
            del self._former[tail]
            self._pass_by(tail.descriptor)
        else:
            self._begin_anew(tail, tail.place())
            yield from self._drain()

    def _begin_anew(self, tail: Tail, place: Place) -> None:
        """Begin a truncated file anew, and find the copy that has what was not read of it."""
        tail.rewind()
        for sibling in self._unread():
            with suppress(OSError):
                self._take_copy(self._family.open(sibling.inode), place, sibling)

    def _take_copy(self, descriptor: int, place: Place, sibling: Sibling) -> None:
        if place.fits(descriptor):
            self._add(Tail.at(descriptor, place))
            return
        if sibling.inode in self._known:  # an older copy
            self._pass_by(descriptor)
            return
        self._take_unless_copy(descriptor)

    def _take_unless_copy(self, descriptor: int) -> None:
        """Read a file of another rotation since the last look, unless it is read already."""
        if self._is_copy_of(self._tail, descriptor):
            os.close(descriptor)
        else:
            self._add(Tail(descriptor))

    def _pass_by(self, descriptor: int) -> None:
        """Take a file as read, up to where it ends now."""
        tail = Tail.at_end(descriptor)
        self._known.add_read(tail, had_name=False)
        tail.close()

    def _is_copy_of(self, tail: Tail | None, descriptor: int) -> bool:
        """Whether a file holds what that of *tail* begins with."""
        size = os.fstat(descriptor).st_size
        return tail is not None and Tail(descriptor, size).place().fits(tail.descriptor)

    def _unread(self) -> list[Sibling]:
        held = {tail.identity for tail in self._tails()}
        siblings = self._family.siblings()
        self._known.forget_all_but(siblings)
        return [s for s in siblings if s.identity not in held and not self._known.was_read(s)]

    def _follow_name(self, unread: bool) -> None:
        """Follow the file that has the name now; *unread*: nothing was read of the last one.

        Raises ``OSError`` if none has it.
        """
        try:
            status = os.stat(self._path)  # noqa: PTH116 - beside fstat, which pathlib has not
            if self._tail and identity(status) == self._tail.identity:
                self._note_copies(self._tail, unread)
                return
            tail = Tail(open_file(self._path))
        except FileNotFoundError:
            self._missing()
            return
        self._missing_since = None
        self._follow(tail)

    def _follow(self, tail: Tail) -> None:
        """Take *tail* for the file that has the name now."""
        before = self._tail
        held = next((one for one in self._tails() if one.identity == tail.identity), None)
        if held:  # it has its name back
            tail.close()
            self._former.pop(held, None)
        self._tail = held or tail
        if before and before is not self._tail:
            self._add(before)
        self._take_missed(before)

    def _missing(self) -> None:
        """Read former files on while there is none of the name."""
        before, self._tail = self._tail, None
        if before:
            self._add(before)
            self._missing_since = self._clock()
        since = self._missing_since
        if before or (since is not None and self._family.changed()):
            self._take_missed(before)
        if since is None or self._clock() - since >= _GAP_SECONDS:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def _note_copies(self, tail: Tail, unread: bool) -> None:
        """Note what came beside a file that has kept its name: no rotation, but copies."""
        if unread:  # it may have been truncated before, which nothing in it tells
            for sibling in self._unread():
                with suppress(OSError):
                    self._take_unless_copy(self._family.open(sibling.inode))
        elif self._family.changed():
            siblings = [one for one in self._unread() if not self._resumes(one)]
            with suppress(OSError):
                status = os.stat(self._path)  # noqa: PTH116
                if identity(status) == tail.identity:
                    self._known.add_copies(siblings)

    def _resumes(self, sibling: Sibling) -> bool:
        """Whether a file that was read has grown since."""
        place = self._known.place(sibling)
        with suppress(OSError):
            descriptor = self._family.open(sibling.inode)
            try:
                return place is not None and place.fits(descriptor)
            finally:
                os.close(descriptor)
        return False

    def _take_missed(self, before: Tail | None) -> None:
        """Open what had the name and lost it between two looks."""
        for sibling in self._unread():
            with suppress(OSError):
                self._take_former(self._family.open(sibling.inode), sibling, before)

    def _take_former(self, descriptor: int, sibling: Sibling, before: Tail | None) -> None:
        place = self._known.place(sibling)
        if place and place.fits(descriptor):
            if self._known.had_name(sibling):  # it got more after it was let go
                self._add(Tail.at(descriptor, place))
            else:
                self._pass_by(descriptor)
        elif sibling.inode in self._known and self._is_copy_of(before, descriptor):
            self._pass_by(descriptor)
        else:
            self._add(Tail(descriptor))

    def _let_go(self) -> Iterator[Batch]:
        """Close former files that nobody writes to any more."""
        moved_on = self._tail is not None and self._tail.offset > 0
        too_many = len(self._former) - _MOST_FORMER
        for index, (tail, since) in enumerate(list(self._former.items())):
            if (moved_on and self._clock() - since >= KEEP_SECONDS) or index < too_many:
                yield tail.last()
                self._known.add_read(tail, had_name=True)
                del self._former[tail]
                tail.close()
