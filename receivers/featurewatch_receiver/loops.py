"""The loops of a process: duties that are done again and again, until it is time to stop.

An outage is told once for each duty when it begins and once when it ends, whatever is away. What a
duty raises is counted, and never ends its loop.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack

from dbos import error as dbos_error
from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver import logs
from featurewatch_receiver.errors import AlertmanagerError, PrometheusError, SlotError
from featurewatch_receiver.metrics import Metrics

#: Which server is away when one of these is raised.
AWAY: Mapping[type[Exception], str] = {
    SQLAlchemyError: "database",
    dbos_error.DBOSException: "database",
    SlotError: "database",
    AlertmanagerError: "alertmanager",
    PrometheusError: "prometheus",
}


class Duty:
    """One thing that is done again and again."""

    def __init__(self, name: str, do: Callable[[], object], metrics: Metrics):
        self.name = name
        self._do = do
        self._failures = metrics.duty_failures.labels(name)
        self._away: set[str] = set()

    def attempt(self) -> object:
        """Do it once, and return what it returns; None when it could not be done."""
        try:
            done = self._do()
        except tuple(AWAY) as error:
            self._failures.inc()
            self._lost(next(name for kind, name in AWAY.items() if isinstance(error, kind)), error)
        except Exception as error:  # it must go on: nobody else does it
            self._failures.inc()
            logs.trouble("duty broke", error, duty=self.name)
        else:
            self._found()
            return done
        return None

    def _lost(self, server: str, error: Exception) -> None:
        if server not in self._away:
            logs.trouble("duty waits", error, duty=self.name, server=server)
        self._away.add(server)

    def _found(self) -> None:
        for server in sorted(self._away):
            logs.event("duty goes on", duty=self.name, server=server)
        self._away.clear()


class Loop:
    """A thread that attends to its duties, one after the other, and then pauses."""

    def __init__(  # noqa: PLR0913  # all that makes a loop, by name
        self,
        name: str,
        duties: Iterable[Duty],
        pause: float,
        stop: threading.Event,
        *,
        at_once: bool = True,
        wait: Callable[[float], object] | None = None,
        close: Iterable[Callable[[], object]] = (),
    ):
        """Make it; `start` begins.

        Args:
            name: the thread's.
            duties: what is done, in this order. While one of them returns True there is more to
                do, and no pause.
            pause: seconds between two rounds.
            stop: ends it.
            at_once: the first round comes before the first pause.
            wait: pauses for so many seconds, or less; by default until `stop`.
            close: called when it has ended.

        """
        self._duties = tuple(duties)
        self._pause = pause
        self._stop = stop
        self._at_once = at_once
        self._wait = wait or stop.wait
        self._close = tuple(close)
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def join(self, seconds: float | None = None) -> None:
        """Wait until it has ended, for so long at most; at once if it never began."""
        if self._thread.ident:
            self._thread.join(seconds)

    def run(self) -> None:
        """Go round until `stop`; once at least, if it is to begin at once."""
        with ExitStack() as closing:
            for close in self._close:
                closing.callback(close)
            is_due = self._at_once or self._is_due_after_pause()
            while is_due:
                more = self.go_round()
                is_due = not self._stop.is_set() if more else self._is_due_after_pause()

    def go_round(self) -> bool:
        """Attend to each duty once; whether there is more to do."""
        done = [duty.attempt() for duty in self._duties]
        return True in done

    def _is_due_after_pause(self) -> bool:
        self._wait(self._pause)
        return not self._stop.is_set()


# Deliveries that met so long ago say that more are coming.
_CROWDED_SECONDS = 0.25


class Arrivals:
    """Wakes the processor, and tells it whether deliveries wait for one another."""

    def __init__(self) -> None:
        self._came = threading.Event()
        self._crowded_until = 0.0

    def came(self, number: int) -> None:
        """So many were stored at once; 0 only wakes."""
        if number > 1:
            self._crowded_until = time.monotonic() + _CROWDED_SECONDS
        self._came.set()

    def wait(self, seconds: float) -> None:
        """Wait until some came since the last time, and no longer than that."""
        self._came.wait(seconds)
        self._came.clear()

    def are_crowded(self) -> bool:
        """Whether several came at once a moment ago."""
        return time.monotonic() < self._crowded_until
