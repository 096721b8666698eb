"""A thread that does something again and again, and stops when told to."""

import _thread
from collections.abc import Callable


class Clock:
    """Does *work* at once and then every *seconds*, until it is stopped.

    Thread and locks are made in one moment, so that both are the operating system's or, where
    gevent or eventlet have taken over, both are theirs: a mixture would stop every greenlet. They
    come from ``_thread``, because ``threading`` waits for a thread's first step, and a forked
    child of gevent's cannot take one yet.
    """

    def __init__(self, work: Callable[[], object], seconds: float) -> None:
        self._work, self._seconds = work, seconds
        self._told_to_stop, self._stopped = _thread.allocate_lock(), _thread.allocate_lock()
        self._told_to_stop.acquire()
        self._stopped.acquire()
        self._thread = 0
        _thread.start_new_thread(self._run, ())

    def stop(self, timeout: float) -> None:
        """Stop, and wait for the end of *work*, but not for ever: *timeout* is in seconds.

        Called once.
        """
        self._told_to_stop.release()
        if _thread.get_ident() != self._thread:  # work itself may fork
            self._stopped.acquire(timeout=timeout)

    def _run(self) -> None:
        self._thread = _thread.get_ident()
        try:
            self._work()
            while not self._told_to_stop.acquire(timeout=self._seconds):
                self._work()
        finally:
            self._stopped.release()
