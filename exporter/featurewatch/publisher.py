"""This process's part in prometheus-client's multiprocess mode.

What was recorded is added, in bulk, to the numbers that prometheus-client keeps for this process
in ``PROMETHEUS_MULTIPROC_DIR``: each second, at each scrape that this process answers, and at its
end. Requests take no part in it. What a killed process had recorded since is lost.
"""

import atexit
import math
import os
from collections.abc import Callable, Iterator
from functools import cache
from threading import Lock, Thread
from time import sleep
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from prometheus_client import values

from featurewatch import names
from featurewatch.distribution import Snapshot
from featurewatch.guard import log_dropped
from featurewatch.worker_files import fold, join, locked, shared_folder

if TYPE_CHECKING:
    from featurewatch.collector import Sample

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

Ask = Callable[[], "list[Sample]"]


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
        self._lock = Lock()
        self._written: list[Written] = []
        self._alive: IO[str] | None = None
        self._held = False

    def add(self, ask: Ask) -> None:
        """Write what *ask* returns, too, from now on.

        Raises ``MultiprocessError`` if the folder is of no use.
        """
        shared_folder()
        self._written.append(Written(ask))
        if len(self._written) == 1:
            _at_exit_and_forks(self)
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

    def _start(self) -> None:
        Thread(target=self._run, name="featurewatch-publisher", daemon=True).start()

    def _run(self) -> None:
        fold_dead()
        while True:
            self.publish()
            sleep(INTERVAL)

    def hold(self) -> None:
        """Before a fork: leave no lock of prometheus-client's in the hands of our thread."""
        self._held = self._lock.acquire(timeout=WAIT)

    def go_on(self) -> None:
        """After it, in the parent."""
        if self._held:
            self._lock.release()

    def begin_anew(self) -> None:
        """After it, in the child."""
        self._lock = Lock()
        if self._alive is not None:
            self._alive.close()
            self._alive = None
        for written in self._written:
            written.begin_anew()
        self._start()


PUBLISHER = Publisher()


def fold_dead(*ended: int) -> None:
    """Fold the files of ended processes; never raises."""
    try:
        with locked(folder := shared_folder()):
            fold(folder, *ended)
    except Exception:
        log_dropped("fold_dead")


def _at_exit_and_forks(publisher: Publisher) -> None:
    from multiprocessing import util

    atexit.register(publisher.publish)
    # Children of multiprocessing end without atexit, and forget what was registered before them.
    util.register_after_fork(publisher, lambda it: util.Finalize(it, it.publish, exitpriority=0))
    os.register_at_fork(
        before=publisher.hold,
        after_in_parent=publisher.go_on,
        after_in_child=publisher.begin_anew,
    )


def _cells(sample: "Sample") -> Iterator[tuple[Cell, float]]:
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
