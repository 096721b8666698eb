"""What Alertmanager remembers to have told: it decides whether a group is told again."""

import math
from dataclasses import dataclass, replace

from featurewatch_kit.alertmanager.disk import Disk
from featurewatch_kit.alertmanager.labels import LabelSet

#: Seconds after which an entry is forgotten at the latest (--data.retention).
RETENTION_SECONDS = 120 * 3600.0
_ROUNDING = 1e-6

#: Group, receiver, and which of its integrations.
Key = tuple[str, str, str]
Alerts = frozenset[LabelSet]


@dataclass(frozen=True)
class State:
    """The alerts of a group that can be told of."""

    firing: Alerts
    resolved: Alerts


@dataclass(frozen=True)
class Entry:
    """The last message about a group."""

    time: float
    told: State
    expires: float
    #: The one that it took the place of.
    before: "Entry | None"


class NotificationLog:
    """The last message about each group, by integration."""

    def __init__(self, started: float) -> None:
        self._entries: dict[Key, Entry] = {}
        self._disk = Disk[dict[Key, Entry]](started, {})

    def reason(
        self, key: Key, state: State, now: float, repeat: float, *, ends: bool
    ) -> str | None:
        """Why a group in this state is to be told now, in Alertmanager's words; None: it is not.

        `repeat` is its repeat_interval, `ends` whether the integration is sent ends
        (send_resolved).
        """
        self._look(now)
        entry = self._seen(key, now)
        if entry is None:
            return "first notification" if state.firing else None
        if not state.firing <= entry.told.firing:
            return "new alerts added"
        if not state.firing:
            return "all alerts resolved" if entry.told.firing else None
        if ends and not state.resolved <= entry.told.resolved:
            return "some alerts resolved"
        # The entry is some milliseconds younger than the look at the group that wrote it, so at
        # exactly the repeat_interval it is not old enough yet.
        return "repeat interval elapsed" if entry.time + repeat < now - _ROUNDING else None

    def _seen(self, key: Key, now: float) -> Entry | None:
        """The last message, but for one that is on its way at this very moment."""
        entry = self._entries.get(key)
        return entry.before if entry and entry.time >= now else entry

    def due(self, key: Key, repeat: float) -> float:
        """When something about a group that does not change is told again, or can be."""
        entry = self._entries.get(key)
        return min(entry.time + repeat, entry.expires) if entry else math.inf

    def write(self, key: Key, state: State, now: float, repeat: float) -> None:
        """Note that a group was told."""
        self._look(now)
        expires = now + min(2 * repeat, RETENTION_SECONDS)
        before = self._seen(key, now)
        # Of what was before that nobody asks any more.
        self._entries[key] = Entry(now, state, expires, before and replace(before, before=None))

    def stop(self, now: float, *, killed: bool) -> None:
        """End as the process does: what was told since the last look is lost if it is killed."""
        self._look(now)
        if killed:
            self._entries = dict(self._disk.kept)
        else:
            self._forget(now)

    def start(self, now: float) -> None:
        """Read again what is on the disk."""
        self._disk = Disk(now, dict(self._entries))

    def _look(self, now: float) -> None:
        """Forget what has expired whenever the log is written."""
        if self._disk.keep(self._entries, now):
            self._forget(self._disk.written_at)
            self._disk.kept = dict(self._entries)

    def _forget(self, now: float) -> None:
        self._entries = {k: entry for k, entry in self._entries.items() if entry.expires > now}
