"""How a source does: whether it can be read, when it last told something, what went wrong."""

import logging
import reprlib
import time
from collections.abc import Callable
from threading import Lock

from featurewatch import names
from featurewatch.distribution import Sample

logger = logging.getLogger(__name__)

#: The place of faults of the source as a whole.
SOURCE = "source"
#: Seconds without another one after which a fault of lines or datagrams counts as over, and
#: between two lines of the log about a kind of fault that goes on. One bad line in two would fill
#: the log otherwise.
QUIET_SECONDS = 60.0


class Fault:
    """One kind of fault, from the first time that it came."""

    def __init__(self, now: float) -> None:
        self.logged_at = now
        self.seen_at = now
        #: How often it has come since it was logged.
        self.again = 0


class Health:
    """State of one source, written by the thread that reads it.

    The log has one line when a kind of fault begins, one a minute while events of it go on to come
    (*repeats*), and one when nothing is wrong with its place any more. Kinds are the few things
    that can be at fault (a field, the lines), each with the few things that can be wrong with it,
    so both are bounded. A reader that has said nothing for *hung_after* seconds hangs.
    """

    def __init__(
        self,
        extractor: str,
        name: str,
        hung_after: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        repeats: bool = False,
    ) -> None:
        self.extractor = extractor
        self.name = name
        self._hung_after = hung_after
        self._clock = clock
        self._repeats = repeats
        self._lock = Lock()
        self._reached_at: float | None = None
        self._last_sample: float | None = None
        self._failures = 0
        self._dropped: int | None = None
        #: By place and by what is wrong there.
        self._faults: dict[str, dict[str, Fault]] = {}

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

    def failed(self, place: str, problem: str, seen: object = None, *, times: int = 1) -> None:
        """Count something that the source gave and that could not be used."""
        with self._lock:
            self._failures += times
        self._note(place, problem, seen, times)

    def dropped(self, datagrams: int, place: str, problem: str) -> None:
        """Count datagrams that the kernel dropped; 0 says that it is known to have dropped none."""
        with self._lock:
            self._dropped = (self._dropped or 0) + datagrams
        if datagrams:
            self._note(place, problem, datagrams, datagrams)

    def well(self, place: str) -> None:
        """Note that nothing is wrong with *place* any more."""
        with self._lock:
            over = self._faults.pop(place, None)
        if over:
            logger.info("%s: well again", self._called(place))

    def settle(self) -> None:
        """Take faults that have not come again for a while as over."""
        now = self._clock()
        for place, kinds in list(self._faults.items()):
            last = max(fault.seen_at for fault in kinds.values())
            if place != SOURCE and now - last >= QUIET_SECONDS:
                self.well(place)

    def forget(self) -> None:
        """Nothing: the exporter never forks."""

    def samples(self) -> list[Sample]:
        """Return what Prometheus is told about the source."""
        labels = (self.extractor, self.name)
        with self._lock:
            told: tuple[tuple[names.Metric, float | None], ...] = (
                (names.SOURCE_UP, self._up()),
                (names.SOURCE_FAILURES, self._failures),
                (names.SOURCE_DROPPED, self._dropped),
                (names.SOURCE_LAST_SAMPLE, self._last_sample),
            )
        return [(metric, labels, value) for metric, value in told if value is not None]

    def __str__(self) -> str:
        return f"source {self.name} of {self.extractor}"

    def _up(self) -> bool:
        # A reader that hangs says nothing more, and its last word is no news.
        return self._reached_at is not None and (
            self._clock() - self._reached_at < self._hung_after
        )

    def _note(self, place: str, problem: str, seen: object, times: int = 1) -> None:
        now = self._clock()
        with self._lock:
            kinds = self._faults.setdefault(place, {})
            first = problem not in kinds
            fault = kinds.setdefault(problem, Fault(now))
            fault.seen_at = now
            fault.again += times
            again = fault.again
            old = now - fault.logged_at >= QUIET_SECONDS and place != SOURCE
            due = first or (self._repeats and old)
            if due:
                fault.logged_at, fault.again = now, 0
        if due:
            what = "" if seen is None else f" ({reprlib.repr(seen)})"
            often = "" if first else f", {again} times since this was last told"
            logger.warning("%s %s%s%s", self._called(place), problem, what, often)

    def _called(self, place: str) -> str:
        return str(self) if place == SOURCE else f"{self}: {place}"
