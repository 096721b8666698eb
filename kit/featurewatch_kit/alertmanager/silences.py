"""Silences: alerts with these labels are told to nobody for a while."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from featurewatch_kit.alertmanager.disk import Disk
from featurewatch_kit.alertmanager.labels import LabelSet
from featurewatch_kit.alertmanager.matchers import Matcher, match


@dataclass(frozen=True)
class Silence:
    """One silence."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: float
    ends_at: float

    def active(self, now: float) -> bool:
        """Whether it mutes now; to the very moment of its end."""
        return self.starts_at <= now <= self.ends_at


class Silences:
    """Every silence; those that are on disk outlast a restart."""

    def __init__(self, started: float) -> None:
        self._all: dict[str, Silence] = {}
        self._of: dict[LabelSet, list[Silence]] = {}
        self._number = 0
        self._disk = Disk[dict[str, Silence]](started, {})

    def add(self, matchers: Iterable[Matcher], now: float, ends_at: float) -> str:
        """Add a silence from now on and return its id."""
        self._number += 1
        silence = Silence(str(self._number), tuple(matchers), now, ends_at)
        self._set(silence, now)
        return silence.id

    def expire(self, silence_id: str, now: float) -> None:
        """End a silence now."""
        silence = self._all.get(silence_id)
        if silence and now <= silence.ends_at:
            self._set(replace(silence, ends_at=now), now)

    def _set(self, silence: Silence, now: float) -> None:
        self._disk.keep(self._all, now)
        self._all = self._all | {silence.id: silence}
        self._of.clear()

    def stop(self, now: float, *, killed: bool) -> None:
        """End as the process does: killed, it forgets what was not on disk yet."""
        self._disk.keep(self._all, now)
        if killed:
            self._all = self._disk.kept
        self._of.clear()

    def start(self, now: float) -> None:
        """Read again what is on the disk."""
        self._disk = Disk(now, self._all)

    def muting(self, labels: LabelSet, now: float) -> list[Silence]:
        """Those that mute an alert with these labels now."""
        return [one for one in self._matching(labels) if one.active(now)]

    def unchanged_until(self, labels: LabelSet, now: float) -> float:
        """The next moment at which a silence of an alert with these labels begins or ends."""
        edges = [edge for one in self._matching(labels) for edge in (one.starts_at, one.ends_at)]
        return min((edge for edge in edges if edge >= now), default=math.inf)

    def _matching(self, labels: LabelSet) -> list[Silence]:
        if not self._all:
            return []
        found = self._of.get(labels)
        if found is None:
            those = dict(labels)
            found = [one for one in self._all.values() if match(one.matchers, those)]
            self._of[labels] = found
        return found
