"""Runs remediations as durable workflows, and keeps database and acknowledgements tidy.

One worker per process: the workflow engine is a global of its process.
"""

import os
import threading
from collections.abc import Callable

from dbos import DBOS

from featurewatch_receiver import logs
from featurewatch_receiver.acts.expiry import sweeping
from featurewatch_receiver.automation.converge import LOOK_AGAIN_SECONDS
from featurewatch_receiver.automation.housekeeping import housekeeping
from featurewatch_receiver.automation.remediator import Remediator
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.receiver import VERIFY_AGAIN_SECONDS
from featurewatch_receiver.core import Core
from featurewatch_receiver.deliveries.processor import Processor
from featurewatch_receiver.history.retention import delete_old
from featurewatch_receiver.loops import Duty, Loop
from featurewatch_receiver.reconciliation.reconcile import reconciling
from featurewatch_receiver.store.database import is_sqlite
from featurewatch_receiver.store.engine_values import SERIALIZER
from featurewatch_receiver.store.queue import (
    APPLICATION,
    QUEUE,
    VERSION,
    Workflows,
    WorkQueue,
)
from featurewatch_receiver.store.slots import Slot
from featurewatch_receiver.watchdog.deadman import watching

# How often the slot is checked, and the slots of the dead are looked for.
SLOT_SECONDS = 2.0
TIDY_SECONDS = 3600
WAITING_STOP_SECONDS = 0.5
# A step that ends no sooner keeps its slot until the process ends.
STEPS_STOP_SECONDS = 2.0


def leave() -> None:
    """End the process at once: what it runs may be running elsewhere by now."""
    os._exit(1)


class Worker:
    """The engine, its workflow, its executor slot, and the threads that tidy up."""

    def __init__(
        self,
        core: Core,
        look_again: float = LOOK_AGAIN_SECONDS,
        verify_again: float = VERIFY_AGAIN_SECONDS,
        on_slot_lost: Callable[[], None] = leave,
    ):
        self._core = core
        self._on_slot_lost = on_slot_lost
        self._stop = threading.Event()
        self._workflows = Workflows(core.writer)
        self._queue = WorkQueue(core.writer)
        self._remediator = Remediator(core, self._queue, self._stop, look_again, verify_again)
        self._slot: Slot | None = None
        self.processor = Processor(core, self._queue)
        slots = Duty("executor slot", self._attend, core.metrics)
        tidying = Duty("retention", lambda: delete_old(core, self._workflows), core.metrics)
        self._slots = slots
        self._quick = (
            Loop("slot keeper", [slots], SLOT_SECONDS, self._stop, at_once=False),
            Loop("tidier", [tidying], TIDY_SECONDS, self._stop),
            housekeeping(core, self._queue, self._stop),
        )
        waiting = (
            sweeping(core, self._stop),
            reconciling(core, self._queue, self._stop),
            watching(core, self._stop),
        )
        # These may wait for another server when it is time to stop.
        self._waiting = [loop for loop in waiting if loop]

    def start(self) -> None:
        """Start working; unfinished remediations go on where they were.

        While the database is away it keeps trying.
        """
        self._slots.attempt()
        self.processor.start()
        for loop in (*self._quick, *self._waiting):
            loop.start()

    def _attend(self) -> None:
        """Claim a slot if there is none yet, else keep it and look for work of the dead."""
        if self._slot is None:
            self._launch()
        elif not self._slot.is_held():
            logs.trouble("executor slot lost", slot=self._slot.name)
            self._on_slot_lost()
        elif left := self._slot.take_over():
            logs.event("work taken over", count=len(left))

    def _launch(self) -> None:
        slot = Slot(self._core.config.receiver.database, self._workflows)
        try:
            DBOS(
                config={
                    "name": APPLICATION,
                    "system_database_url": self._core.config.receiver.database,
                    "executor_id": slot.name,
                    "application_version": VERSION,
                    "run_migrations": is_sqlite(self._core.config.receiver.database),
                    "log_level": "WARNING",
                    "serializer": SERIALIZER,
                    "sys_db_pool_size": 2,
                    # Nothing of ours waits for notifications; this only bounds the time to stop.
                    "notification_listener_polling_interval_sec": 0.25,
                }
            )
            self._remediator.register()
            logs.engine_stops(False)
            DBOS.launch()
        except BaseException:
            DBOS.destroy(destroy_registry=True)
            slot.release()
            raise
        self._slot = slot

    def is_working(self) -> bool:
        """Whether the queue is being served."""
        names = {thread.name for thread in threading.enumerate()}
        return not self._stop.is_set() and f"queue-worker-{QUEUE}" in names

    def stop(self) -> None:
        """Leave everything where it is, for the next start or for another process."""
        self._stop.set()
        logs.engine_stops()
        self.processor.stop()
        for loop in self._quick:
            loop.join()
        deadline = Deadline(WAITING_STOP_SECONDS)
        for loop in self._waiting:
            loop.join(max(0.0, deadline.left()))
        DBOS.destroy(destroy_registry=True)
        if self._slot and _work_ended(STEPS_STOP_SECONDS):
            self._slot.release()
        self._workflows.close()
        self._queue.close()

    def close(self) -> None:
        """Stop, and let go of the database."""
        self.stop()
        self._core.close()


def _work_ended(seconds: float) -> bool:
    """Wait for the engine's threads; False if one still runs after so long."""
    deadline = Deadline(seconds)
    threads = [t for t in threading.enumerate() if t.name.startswith("dbos-executor-")]
    for thread in threads:
        thread.join(max(0.0, deadline.left()))
    return not any(thread.is_alive() for thread in threads)
