"""How a source does: whether it can be read, when it last told something, what went wrong."""

import logging
import reprlib
import time
from collections.abc import Callable
from threading import Lock

from featurewatch import names
from featurewatch.collector import Sample

logger = logging.getLogger(__name__)

#: The place of faults of the source as a whole.
SOURCE = "source"
#: Seconds without another one after which a fault of lines or datagrams counts as over. One bad
#: line in two would fill the log otherwise.
QUIET_SECONDS = 60.0


class Health:
    """State of one source, written by the thread that reads it.

    The log has one line when a fault begins or becomes another one, and one when it is over.
    Places are the few things that can be at fault (a field, the lines), so both are bounded.
    A reader that has said nothing for *hung_after* seconds hangs.
    """

    def __init__(
        self,
        extractor: str,
        name: str,
        hung_after: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.extractor = extractor
        self.name = name
        self._hung_after = hung_after
        self._clock = clock
        self._lock = Lock()
        self._reached_at: float | None = None
        self._last_sample: float | None = None
        self._failures = 0
        self._faults: dict[str, tuple[str, float]] = {}

    def reached(self) -> None:
        """Note that the source could be read just now."""
        with self._lock:
            self._reached_at = self._clock()
        self.well(SOURCE)

    def still(self) -> None:
        """Note that a source that could be read is being read."""
        with self._lock:
            if self._reached_at is not None:
                self._reached_at = self._clock()

    def lost(self, problem: str, seen: object = None) -> None:
        """Note that the source could not be read."""
        with self._lock:
            self._reached_at = None
        self._note(SOURCE, problem, seen)

    def sampled(self) -> None:
        """Note that the source gave a usable value just now."""
        with self._lock:
            self._last_sample = time.time()

    def failed(self, place: str, problem: str, seen: object = None) -> None:
        """Count something that the source gave and that could not be used."""
        with self._lock:
            self._failures += 1
        self._note(place, problem, seen)

    def well(self, place: str) -> None:
        """Note that nothing is wrong with *place* any more."""
        with self._lock:
            over = self._faults.pop(place, None)
        if over:
            logger.info("%s: well again", self._called(place))

    def settle(self) -> None:
        """Take faults that have not come again for a while as over."""
        now = self._clock()
        for place, (_, seen_at) in list(self._faults.items()):
            if place != SOURCE and now - seen_at >= QUIET_SECONDS:
                self.well(place)

    def forget(self) -> None:
        """Nothing: the exporter never forks."""

    def samples(self) -> list[Sample]:
        """Return what Prometheus is told about the source."""
        labels = (self.extractor, self.name)
        with self._lock:
            up, last, failures = self._up(), self._last_sample, self._failures
        samples: list[Sample] = [
            (names.SOURCE_UP, labels, up),
            (names.SOURCE_FAILURES, labels, failures),
        ]
        return samples + ([(names.SOURCE_LAST_SAMPLE, labels, last)] if last else [])

    def __str__(self) -> str:
        return f"source {self.name} of {self.extractor}"

    def _up(self) -> bool:
        # A reader that hangs says nothing more, and its last word is no news.
        return self._reached_at is not None and (
            self._clock() - self._reached_at < self._hung_after
        )

    def _note(self, place: str, problem: str, seen: object) -> None:
        with self._lock:
            before, _ = self._faults.get(place, ("", 0.0))
            self._faults[place] = (problem, self._clock())
        if problem != before:
            what = "" if seen is None else f" ({reprlib.repr(seen)})"
            logger.warning("%s %s%s", self._called(place), problem, what)

    def _called(self, place: str) -> str:
        return str(self) if place == SOURCE else f"{self}: {place}"
