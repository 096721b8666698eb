"""How the two commands end: by a signal, after a time, or with their parent."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable


def until_stopped(*, exit_with_parent: bool) -> Callable[[float], bool]:
    """Install SIGTERM and SIGINT; return a wait that says whether it is time to end.

    The parent's end is seen by a change of the parent's id rather than by PR_SET_PDEATHSIG,
    which means the parent's *thread* and would end us with a thread that only started us.
    """
    stop = threading.Event()
    parent = os.getppid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def wait(seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not stop.wait(min(0.5, max(0.0, end - time.monotonic()))):
            if exit_with_parent and os.getppid() != parent:
                return True
            if time.monotonic() >= end:
                return False
        return True

    return wait
