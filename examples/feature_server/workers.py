"""The model's replicas: worker processes behind one queue, scaled and restarted at run time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from feature_server.errors import ModelError, ModelTimeout, ReplicaConflict, WorkerDied
from feature_server.features import Array, Model
from feature_server.worker import Forward, HoldMemory, Message, Ping, WorkerProcess

MIN_REPLICAS = 1
MAX_REPLICAS = 16
_LOOK_AGAIN = 0.2  # seconds between an idle replica's looks at its process
_RETRY = 0.5  # seconds before a process that didn't come up is tried again


@dataclass(frozen=True, kw_only=True)
class PoolStatus:
    """`ready_replicas` counts those that run the present generation; each restart is one.

    `restart_key` is that of the last restart, None before the first.
    """

    replicas: int
    ready_replicas: int
    generation: int
    restart_key: str | None


def _hand_over(on_late: Callable[[Array], None], late: Future[Any]) -> None:
    if not late.exception():
        on_late(late.result())


@dataclass(eq=False)
class _Job:
    message: Message
    future: Future[Any] = field(default_factory=Future)


class WorkerPool:
    """Runs forward passes on worker processes. Close it when done."""

    def __init__(
        self,
        *,
        replicas: int = 2,
        model_time: float = 0.04,
        on_queue_depth: Callable[[int], None] = lambda depth: None,
    ) -> None:
        self.slowdown = 1.0  # multiplies model_time; the `slow_model` fault sets it
        self._model_time = model_time
        self._on_queue_depth = on_queue_depth
        self._changed = threading.Condition()
        self._queue: deque[_Job] = deque()
        self._replicas: list[_Replica] = []
        self._leaving: list[_Replica] = []
        self._generation = 1
        self._restart_key: str | None = None
        self._held_mebibytes = 0
        self.scale(replicas)

    def forward(
        self,
        window: Array,
        model: Model,
        timeout: float,
        on_late: Callable[[Array], None] = lambda features: None,
    ) -> Array:
        """The features of one window; ModelTimeout after `timeout` seconds, or ModelError.

        What a worker has in hand by then is finished all the same, and given to `on_late`.
        """
        job = _Job(Forward(window, model, self._model_time * self.slowdown))
        with self._changed:
            if not self._replicas:
                raise ModelError("the pool is closed")
            self._queue.append(job)
            self._queue_changed()
        try:
            features: Array = job.future.result(timeout)
            return features
        except TimeoutError:
            self._forget(job)
            job.future.add_done_callback(partial(_hand_over, on_late))
            raise ModelTimeout(f"no answer within {timeout:g} s") from None

    def hold_memory(self, mebibytes: int) -> None:
        """Make each worker hold this much for nothing, until `restart`."""
        with self._changed:
            self._held_mebibytes = mebibytes
            self._changed.notify_all()

    @property
    def held_mebibytes(self) -> int:
        """What `hold_memory` asked for."""
        return self._held_mebibytes

    def scale(self, replicas: int, expected: int | None = None) -> PoolStatus:
        """Have this many replicas. With `expected`, only if the count is still that.

        Raises ValueError out of bounds, ReplicaConflict when the count is neither the expected
        one nor the wanted one already.
        """
        if not MIN_REPLICAS <= replicas <= MAX_REPLICAS:
            raise ValueError(f"replicas must be {MIN_REPLICAS} to {MAX_REPLICAS}, not {replicas}")
        with self._changed:
            present = len(self._replicas)
            if expected is not None and present not in (expected, replicas):
                raise ReplicaConflict(f"{present} replicas are set, not {expected}")
            self._leaving = [leaver for leaver in self._leaving if leaver.is_alive()]
            self._leaving += self._replicas[replicas:]
            del self._replicas[replicas:]
            for _ in range(present, replicas):
                self._replicas.append(_Replica(self))
                self._replicas[-1].start()
            self._changed.notify_all()
        return self.status()

    def restart(self, key: str | None = None) -> int:
        """Replace each process, one after the other; return the new generation.

        It frees what `hold_memory` holds. The key is told by `status`.
        """
        with self._changed:
            self._generation += 1
            self._restart_key = key
            self._held_mebibytes = 0
            self._changed.notify_all()
            return self._generation

    def status(self) -> PoolStatus:
        """Replicas wanted and ready, and the generation."""
        with self._changed:
            current = [r for r in self._replicas if r.generation == self._generation and r.ready]
            return PoolStatus(
                replicas=len(self._replicas),
                ready_replicas=len(current),
                generation=self._generation,
                restart_key=self._restart_key,
            )

    @property
    def serving(self) -> int:
        """Replicas that can take work, whichever their generation."""
        with self._changed:
            return sum(replica.ready for replica in self._replicas)

    @property
    def in_flight(self) -> int:
        """Jobs that workers have in hand."""
        with self._changed:
            return sum(replica.busy for replica in (*self._replicas, *self._leaving))

    def pids(self) -> list[int]:
        """The process ids of the ready workers."""
        with self._changed:
            return [replica.pid for replica in self._replicas if replica.ready]

    def close(self) -> None:
        """End all workers at once; what is waiting fails with ModelError."""
        with self._changed:
            leaving = [*self._leaving, *self._replicas]
            waiting = list(self._queue)
            self._replicas.clear()
            self._queue.clear()
            self._changed.notify_all()
        for job in waiting:
            job.future.set_exception(ModelError("the pool is closed"))
        for replica in leaving:
            replica.kill()
        for replica in leaving:
            replica.join()

    def _forget(self, job: _Job) -> None:
        """Take a job back that nobody waits for, so that no worker spends time on it."""
        with self._changed:
            if job in self._queue:
                self._queue.remove(job)
                self._queue_changed()

    def _queue_changed(self) -> None:
        self._on_queue_depth(len(self._queue))
        self._changed.notify_all()

    # What replicas ask.

    def next_job(self, replica: _Replica) -> _Job | None:
        """The next job, or None after a while and when the replica shall go or restart."""
        with self._changed:
            self._changed.wait_for(lambda: self._calls(replica), timeout=_LOOK_AGAIN)
            if not self.keeps(replica) or self.restarts(replica):
                return None
            if replica.held_mebibytes != self._held_mebibytes:
                replica.held_mebibytes = self._held_mebibytes
                return _Job(HoldMemory(self._held_mebibytes))
            if not self._queue:
                return None
            job = self._queue.popleft()
            replica.busy = True
            self._queue_changed()
            return job

    def _calls(self, replica: _Replica) -> bool:
        holds_other = replica.held_mebibytes != self._held_mebibytes
        return bool(self._queue) or holds_other or not self.keeps(replica) or self.restarts(replica)

    def keeps(self, replica: _Replica) -> bool:
        """Whether the replica is still wanted."""
        return replica in self._replicas

    def restarts(self, replica: _Replica) -> bool:
        """Whether it is the replica's turn: the first outdated one, all renewed ones ready."""
        with self._changed:
            old = [other for other in self._replicas if other.generation != self._generation]
            renewed_ready = all(other.ready for other in self._replicas if other not in old)
            return old[:1] == [replica] and renewed_ready

    def pause(self, replica: _Replica) -> None:
        """Let some time pass before the next try, unless the replica shall go."""
        with self._changed:
            self._changed.wait_for(lambda: not self.keeps(replica), timeout=_RETRY)

    def admit(self, replica: _Replica, pid: int | None) -> None:
        """Note the state of a replica's process: starting while it has no pid, then ready."""
        with self._changed:
            replica.ready, replica.pid = pid is not None, pid or 0
            if pid is None:
                replica.generation, replica.held_mebibytes = self._generation, 0
            self._changed.notify_all()

    def done(self, replica: _Replica) -> None:
        """Note that the replica's hands are free again."""
        with self._changed:
            replica.busy = False


class _Replica(threading.Thread):
    """One place in the pool: keeps a process alive in it and hands it jobs."""

    def __init__(self, pool: WorkerPool) -> None:
        super().__init__(name="replica", daemon=True)
        self._pool = pool
        self._process: WorkerProcess | None = None
        self.generation = 0
        self.ready = False
        self.busy = False
        self.pid = 0
        self.held_mebibytes = 0

    def run(self) -> None:
        """Serve with one process after the other until the pool no longer wants this place."""
        while self._pool.keeps(self):
            self._pool.admit(self, None)
            try:
                with closing(WorkerProcess()) as self._process:
                    self._serve(self._process)
            except WorkerDied:
                if not self.ready:
                    self._pool.pause(self)
        self._pool.admit(self, None)

    def kill(self) -> None:
        """End the process without waiting for the job in its hands."""
        if self._process is not None:
            self._process.kill()

    def _serve(self, process: WorkerProcess) -> None:
        if not self._pool.keeps(self):  # it may be over while the process came up
            return
        process.ask(Ping())
        self._pool.admit(self, process.pid)
        while self._pool.keeps(self) and not self._pool.restarts(self):
            if job := self._pool.next_job(self):
                self._do(job, process)
            elif not process.alive:
                raise WorkerDied("the worker process ended while idle")

    def _do(self, job: _Job, process: WorkerProcess) -> None:
        try:
            answer = process.ask(job.message)
        except WorkerDied as error:
            job.future.set_exception(error)
            raise
        finally:
            self._pool.done(self)
        if isinstance(answer, Exception):
            failure = ModelError(f"the model failed: {answer!r}")
            failure.__cause__ = answer
            job.future.set_exception(failure)
            return
        job.future.set_result(answer)
