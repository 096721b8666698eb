"""The ends of processes: the last moments in which Python code runs.

A process ends through ``atexit``, unless it is a child of multiprocessing's (pools, granian) or of
Celery's, which have ways of their own. What ends otherwise, by a signal that nobody handles, cannot
be told here.
"""

import atexit
import sys
from collections.abc import Callable
from multiprocessing import util


def at_end(last: Callable[[], None]) -> None:
    """Call *last* when this process ends, and when one ends that was forked from it.

    It can be called twice, and must not raise.
    """
    atexit.register(last)
    _finalize(last)
    # Children of multiprocessing forget what was registered before them.
    util.register_after_fork(_finalize, lambda _: _finalize(last))
    if "celery" in sys.modules:
        from celery.signals import worker_process_shutdown

        worker_process_shutdown.connect(lambda **_: last(), weak=False)


def _finalize(last: Callable[[], None]) -> None:
    util.Finalize(None, last, exitpriority=0)
