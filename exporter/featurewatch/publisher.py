"""This process's part in prometheus-client's multiprocess mode.

What was recorded is added, in bulk, to the numbers that prometheus-client keeps for this process
in ``PROMETHEUS_MULTIPROC_DIR``: each second, at each scrape that this process answers, and at its
end. Requests take no part in it. What a killed process had recorded since is lost.
"""

import math
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import IO, Any, NamedTuple

from prometheus_client import values

from featurewatch import ends, forks, names
from featurewatch.clock import Clock
from featurewatch.distribution import Sample, Snapshot
from featurewatch.guard import log_dropped
from featurewatch.worker_files import fold, join, living, locked, shared_folder

#: Seconds between two writes.
INTERVAL = 1.0
#: Seconds. A signal handler that scrapes must not wait for ever for the thread it interrupted.
WAIT = 1.0

#: How one number is made of the living processes' gauges; for others, the largest counts.
GAUGES = {
    names.QUEUE_DEPTH.name: "livesum",
    names.IN_PROGRESS.name: "livesum",
    names.SNAPSHOT_CACHE_HIT.name: "livemin",
}
LARGEST = "livemax"
#: What a gauge is set to when it has no value any more: it then changes nothing for the others.
NEUTRAL = {"livesum": 0.0, "livemin": math.inf, "livemax": -math.inf}

Ask = Callable[[], list[Sample]]


class Cell(NamedTuple):
    """One number of prometheus-client's, as the arguments that make it."""

    type: str
    family: str
    name: str
    label_names: tuple[str, ...]
    label_values: tuple[str, ...]
    help: str
    mode: str = ""


def multiprocess_mode() -> bool:
    """Tell whether prometheus-client is in multiprocess mode."""
    return bool(getattr(values.ValueClass, "_multiprocess", False))


class Written:
    """What one registry has written so far."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._counted: dict[Cell, float] = {}
        self._gauges: set[Cell] = set()

    def begin_anew(self) -> None:
        """Start at nothing in a forked child, whose files are new. Its gauges are 0 there."""
        self._counted.clear()

    def update(self) -> None:
        """Write what has changed."""
        numbers = dict(cell for sample in self._ask() for cell in _cells(sample))
        gone = self._gauges - numbers.keys()
        for cell in gone:
            _value(cell).set(NEUTRAL[cell.mode])
        for cell, number in numbers.items():
            if cell.mode:
                self._gauges.add(cell)
                _value(cell).set(number)
            elif number != self._counted.get(cell):
                _value(cell).inc(number - self._counted.get(cell, 0))
                self._counted[cell] = number


class Publisher:
    """Writes for all registries of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._written: list[Written] = []
        self._alive: IO[str] | None = None
        self._clock: Clock | None = None
        self._holders: set[int] = set()

    def add(self, ask: Ask) -> None:
        """Write what *ask* returns, too, from now on.

        Raises ``MultiprocessError`` if the folder is of no use, or if this server's forks could
        not be noticed.
        """
        shared_folder()
        forks.listen_to_uwsgi()
        forks.refuse_eventlet_before_forks()
        self._written.append(Written(ask))
        if len(self._written) == 1:
            ends.at_end(self.publish)
            forks.at_fork(before=self.hold, in_parent=self.go_on, in_child=self.begin_anew)
            self._lock = threading.Lock()  # gevent's, if that has taken over since the import
            self._start()

    def publish(self) -> None:
        """Write what was recorded until now; never raises."""
        if not self._written or not self._lock.acquire(timeout=WAIT):
            return
        try:
            self._join()
            for written in self._written:
                written.update()
        except Exception:
            log_dropped("Publisher.publish")
        finally:
            self._lock.release()

    def _join(self) -> None:
        if self._alive is None:
            self._alive = join(shared_folder())
            fold_dead()

    def _start(self) -> None:
        if self._clock is None and forks.threads_may_run():
            self._clock = Clock(self.publish, INTERVAL)

    def hold(self) -> None:
        """Before a fork: no thread of ours runs, or holds a lock of prometheus-client's."""
        clock, self._clock = self._clock, None
        if clock is not None:
            clock.stop(WAIT)
        if self._lock.acquire(timeout=WAIT):
            self._holders.add(threading.get_ident())

    def go_on(self) -> None:
        """After it, in the parent."""
        if threading.get_ident() in self._holders:
            self._holders.remove(threading.get_ident())
            self._lock.release()
        self._start()

    def begin_anew(self) -> None:
        """After it, in the child."""
        self._lock = threading.Lock()
        self._holders.clear()
        if self._alive is not None:
            self._alive.close()
            self._alive = None
        for written in self._written:
            written.begin_anew()
        self._start()


PUBLISHER = Publisher()


def processes_of_server() -> list[int]:
    """Return the ids of the processes that share the folder; none without multiprocess mode."""
    if not multiprocess_mode():
        return []
    with locked(folder := shared_folder()):
        return living(folder)


def fold_dead(*ended: int) -> None:
    """Fold the files of ended processes; never raises."""
    try:
        with locked(folder := shared_folder()):
            fold(folder, *ended)
    except Exception:
        log_dropped("fold_dead")


def _cells(sample: Sample) -> Iterator[tuple[Cell, float]]:
    metric, labels, value = sample
    family = metric.name.removesuffix("_total")

    def cell(suffix: str = "", le: tuple[str, ...] = (), mode: str = "") -> Cell:
        own = (*metric.labels, *(("le",) if le else ()))
        name = metric.name + suffix
        return Cell(metric.type, family, name, own, (*labels, *le), metric.help, mode)

    if isinstance(value, Snapshot):
        below = 0.0
        for bound, count, *_ in value.buckets:  # prometheus-client has no exemplars here
            yield cell("_bucket", (bound,)), count - below
            below = count
        yield cell("_sum"), value.sum
    else:
        mode = GAUGES.get(metric.name, LARGEST) if metric.type == "gauge" else ""
        yield cell(mode=mode), value


@cache
def _value(cell: Cell) -> Any:
    *arguments, mode = cell
    return values.ValueClass(*arguments, multiprocess_mode=mode)
