"""Forks: what is done before and after them, in one order.

A child has the memory of its parent and one thread of it, so a lock that another thread held stays
locked there for ever, and what that thread was at stays half done. Therefore threads of ours stop
before a fork, and scrapes that we answer end (:func:`answers`); both begin again afterwards.

uWSGI forks its workers without telling Python. In its master no thread of ours runs, and its own
hook after a fork does in the worker what Python's would.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any, NamedTuple

from featurewatch.errors import MultiprocessError
from featurewatch.guard import log_dropped

#: Seconds that a fork waits, for a thread or a scrape that does not come to an end.
WAIT = 1.0


class _Hooks(NamedTuple):
    before: Callable[[], None]
    in_parent: Callable[[], None]
    in_child: Callable[[], None]


_hooks: list[_Hooks] = []
#: Held through a fork, so that two threads that fork do not undo each other's.
_turn = threading.Lock()
_turn_of = 0


def _nothing() -> None:
    pass


def at_fork(
    *,
    before: Callable[[], None] = _nothing,
    in_parent: Callable[[], None] = _nothing,
    in_child: Callable[[], None] = _nothing,
) -> None:
    """Call these at every fork from now on, in the order in which they came here.

    What has come last is the first to be called before a fork.
    """
    _listen()
    _hooks.append(_Hooks(before, in_parent, in_child))


def threads_may_run() -> bool:
    """Tell whether a thread may be started here: not where uWSGI will fork."""
    uwsgi = _uwsgi()
    if uwsgi is None or uwsgi.worker_id() or uwsgi.mule_id():
        return True
    return not uwsgi.masterpid() and uwsgi.numproc == 1  # nobody forks there


@cache
def listen_to_uwsgi() -> None:
    """Let uWSGI tell of the forks of its workers; does nothing elsewhere.

    Raises :class:`~featurewatch.errors.MultiprocessError` if it has no way to.
    """
    if threads_may_run():
        return
    try:
        from uwsgidecorators import postfork
    except Exception as error:  # not installed, or of one kind: there is no master
        raise MultiprocessError(
            "uWSGI loads the application before it forks its workers, and its module "
            f"uwsgidecorators cannot tell of that ({error}): start uWSGI with --master and that "
            "module on the Python path, or with --lazy-apps"
        ) from error
    postfork(_in_child)


def refuse_eventlet_before_forks() -> None:
    """Refuse gunicorn's own process, which will fork its workers, where eventlet has taken over.

    What eventlet was to do is forgotten in each worker: no thread of ours would run there. Raises
    :class:`~featurewatch.errors.MultiprocessError`.
    """
    patcher = sys.modules.get("eventlet.patcher")
    if patcher and patcher.is_monkey_patched("thread") and _gunicorn_will_fork():
        raise MultiprocessError(
            "gunicorn will fork its workers of eventlet from this process, and they could then "
            "write nothing: start gunicorn without --preload, and measure in the workers alone"
        )


class Answers:
    """The scrapes that are answered now; a fork waits for their end, and they for a fork's."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget those of the parent."""
        self._changed = threading.Condition(threading.Lock())
        self._running: list[int] = []
        self._forks = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Answer a scrape."""
        with self._changed:
            self._changed.wait_for(lambda: not self._forks, WAIT)
            self._running.append(threading.get_ident())
        try:
            yield
        finally:
            with self._changed:
                self._running.remove(threading.get_ident())
                self._changed.notify_all()

    def hold_back(self) -> None:
        """Before a fork: let none begin, and wait for those of other threads."""
        with self._changed:
            self._forks += 1
            own = threading.get_ident()
            self._changed.wait_for(lambda: set(self._running) <= {own}, WAIT)

    def go_on(self) -> None:
        """After it, in the parent."""
        with self._changed:
            self._forks -= 1
            self._changed.notify_all()


@cache
def answers() -> Answers:
    """Return the one of this process."""
    made = Answers()
    at_fork(before=made.hold_back, in_parent=made.go_on, in_child=made.begin_anew)
    return made


@cache  # the hooks cannot be taken back, and once is enough
def _listen() -> None:
    if hasattr(os, "register_at_fork"):  # not on Windows
        os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)


def _before() -> None:
    global _turn_of  # noqa: PLW0603
    if _turn.acquire(timeout=WAIT):
        _turn_of = threading.get_ident()
    _call(hooks.before for hooks in reversed(_hooks))


def _in_parent() -> None:
    global _turn_of  # noqa: PLW0603
    _call(hooks.in_parent for hooks in _hooks)
    if _turn_of == threading.get_ident():
        _turn_of = 0
        _turn.release()


def _in_child() -> None:
    global _turn, _turn_of
    _turn, _turn_of = threading.Lock(), 0
    _call(hooks.in_child for hooks in _hooks)


def _call(hooks: Iterator[Callable[[], None]]) -> None:
    for hook in hooks:
        try:
            hook()
        except Exception:  # of gevent's, in a place where nothing may wait
            log_dropped("a fork")


def _uwsgi() -> Any:
    """uWSGI's module, which is there in its processes alone."""
    return sys.modules.get("uwsgi")


def _gunicorn_will_fork() -> bool:
    """Tell whether gunicorn's own process calls us, and none of its workers."""
    frame: FrameType | None = sys._getframe()
    modules = set[str]()
    while frame:
        modules.add(frame.f_globals.get("__name__", ""))
        frame = frame.f_back
    workers = any(name.startswith("gunicorn.workers.") for name in modules)
    return "gunicorn.arbiter" in modules and not workers
