"""The files beside a followed one that are known: read already, or a copy."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from featurewatch_exporter.family import Sibling
from featurewatch_exporter.tail import Place, Tail

#: Files that are gone and still known.
_MOST_GONE = 100


@dataclass(frozen=True)
class _Entry:
    #: Bytes, and nanoseconds of Unix time, when it was last looked at.
    size: int
    modified: int
    #: Up to where it was read; None for a copy, of which nothing was.
    place: Place | None
    #: Whether it had the name that is followed; history and the files of others never had.
    had_name: bool = False


class Known:
    """What is known of files, by their inode."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}

    def __contains__(self, inode: int) -> bool:
        return inode in self._entries

    def add_copies(self, siblings: Iterable[Sibling]) -> None:
        """Note copies of what is being read."""
        for sibling in siblings:
            self._entries[sibling.inode] = _Entry(sibling.size, sibling.modified, None)

    def add_read(self, tail: Tail, *, had_name: bool) -> None:
        """Note a file that was read to its end, or is history up to there."""
        status = os.fstat(tail.descriptor)
        entry = _Entry(status.st_size, status.st_mtime_ns, tail.place(), had_name)
        self._entries[tail.inode] = entry

    def had_name(self, sibling: Sibling) -> bool:
        """Whether the file had the name that is followed."""
        entry = self._entries.get(sibling.inode)
        return entry is not None and entry.had_name

    def was_read(self, sibling: Sibling) -> bool:
        """Whether the file was read, and has not changed since."""
        entry = self._entries.get(sibling.inode)
        if entry is None or entry.place is None:
            return False
        return (entry.size, entry.modified) == (sibling.size, sibling.modified)

    def place(self, sibling: Sibling) -> Place | None:
        """Return up to where the file was read, if it was."""
        entry = self._entries.get(sibling.inode)
        return entry.place if entry else None

    def forget_all_but(self, siblings: Sequence[Sibling]) -> None:
        """Forget the oldest of files that are gone, when there are many."""
        too_many = len(self._entries) - 2 * len(siblings) - _MOST_GONE
        there = {sibling.inode for sibling in siblings}
        gone = [inode for inode in self._entries if inode not in there]
        for inode in gone[: max(0, too_many)]:
            del self._entries[inode]

    def state(self) -> list[dict[str, Any]]:
        """Return it as JSON has it."""
        return [
            {
                "inode": inode,
                **asdict(entry),
                "place": entry.place._asdict() if entry.place else None,
            }
            for inode, entry in self._entries.items()
        ]

    def restore(self, state: Iterable[Mapping[str, Any]]) -> None:
        """Take over what `state` returned; raise ``TypeError`` or ``KeyError`` for no state."""
        for data in state:
            place = data["place"] and Place.from_json(data["place"])
            had_name = bool(data["had_name"])
            entry = _Entry(int(data["size"]), int(data["modified"]), place, had_name)
            self._entries[int(data["inode"])] = entry
