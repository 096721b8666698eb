"""The feature cache: bounded, checksummed, written once."""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass


def cache_key(model_version: int, window_id: int) -> str:
    """The key of one window's features; a new model version never meets old entries."""
    return f"features:v{model_version}:{window_id}"


@dataclass(frozen=True)
class _Entry:
    payload: bytes
    checksum: int


class FeatureCache:
    """A least-recently-used cache of bytes, safe between threads.

    Writes are set-if-absent, as with Redis ``SET key value NX``: the usual way to keep slow
    writers from overwriting fresh entries. The price is that a corrupt entry, which every lookup
    counts as a miss, is not repaired by the next write. It stays until the cache is cleared.
    """

    def __init__(self, max_entries: int = 256) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._poisoned = False
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """The payload, or None when it is missing or doesn't match its checksum."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or zlib.crc32(entry.payload) != entry.checksum:
                return None
            self._entries.move_to_end(key)
            return entry.payload

    def set_if_absent(self, key: str, payload: bytes) -> bool:
        """Store the payload unless the key is taken; say whether it was stored."""
        with self._lock:
            if key in self._entries:
                return False
            entry = _Entry(payload, zlib.crc32(payload))
            self._entries[key] = _corrupt(entry) if self._poisoned else entry
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
            return True

    def clear(self) -> int:
        """Drop all entries, and with them the bad writer; return how many there were."""
        with self._lock:
            count = len(self._entries)
            self._entries.clear()
            self._poisoned = False
            return count

    @property
    def poisoned(self) -> bool:
        """Whether the bad writer of the `poisoned_cache` fault is at work."""
        with self._lock:
            return self._poisoned

    def poison(self, active: bool) -> None:
        """Start a bad writer, which spoils each entry, present and future; or stop it.

        Stopping fixes nothing: what it spoiled stays until `clear`.
        """
        with self._lock:
            self._poisoned = active
            if active:
                spoiled = {key: _corrupt(entry) for key, entry in self._entries.items()}
                self._entries.update(spoiled)

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)


def _corrupt(entry: _Entry) -> _Entry:
    return _Entry(b"\xff" + entry.payload[1:] + b"\xff", entry.checksum)
