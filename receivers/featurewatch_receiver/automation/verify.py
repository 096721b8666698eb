"""Sees whether an action helped: the alert's own values, measured after it and nothing before it.

The alert goes on firing for its whole window and cooldown, whatever was done. So the values are
read over the later half of the time since the action: a cache that was just cleared misses at
first, and a cure shows the more surely the longer it lasts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from featurewatch_receiver.automation.converge import Patience
from featurewatch_receiver.automation.source import Readings, words
from featurewatch_receiver.config.receiver import GOOD_READINGS, AlertResponse
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.errors import DeadlineError
from featurewatch_receiver.states import State


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of the alert's values."""

    state: State
    detail: str
    readings: Readings


@dataclass
class Verification:
    """Reads again and again until the values are well, or the time for that is up."""

    alert: AlertResponse
    done_at: datetime
    now: Callable[[], datetime]
    read: Callable[[timedelta], Readings]
    patience: Patience

    def run(self) -> Verdict:
        """Return what the values say."""
        good = 0
        readings: Readings = {}
        while True:
            since = self.now() - self.done_at
            if since >= timedelta(seconds=seconds(self.alert.min_window)):
                readings = self.read(since / 2)
                well = bool(readings) and not any(r.violated for r in readings.values())
                good = good + 1 if well else 0
            if good == GOOD_READINGS:
                return Verdict(state=State.EFFECTIVE, detail=words(readings), readings=readings)
            try:
                self.patience.require_time("")
            except DeadlineError:
                return _too_late(readings)
            self.patience.wait()


def _too_late(readings: Readings) -> Verdict:
    if not readings:
        detail = "no value was measured after the action"
        return Verdict(state=State.INCONCLUSIVE, detail=detail, readings=readings)
    if any(reading.violated for reading in readings.values()):
        return Verdict(state=State.INEFFECTIVE, detail=words(readings), readings=readings)
    detail = f"too late to be sure: {words(readings)}"
    return Verdict(state=State.INCONCLUSIVE, detail=detail, readings=readings)
