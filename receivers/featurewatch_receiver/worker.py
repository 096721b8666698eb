"""Runs remediations as durable workflows, and keeps database and acknowledgements tidy.

One worker per process: the workflow engine is a global of its process.
"""

import os
import threading
from collections.abc import Callable

from dbos import DBOS
from dbos import error as dbos_error
from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver import logs
from featurewatch_receiver.automation.converge import LOOK_AGAIN_SECONDS
from featurewatch_receiver.automation.remediator import Remediator
from featurewatch_receiver.automation.tender import keep_tending
from featurewatch_receiver.automation.verifier import LOOK_AGAIN_SECONDS as VERIFY_AGAIN_SECONDS
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.core import Core
from featurewatch_receiver.deliveries.processor import Processor
from featurewatch_receiver.engine import (
    APPLICATION,
    QUEUE,
    VERSION,
    WORKFLOW,
    Workflows,
    WorkQueue,
)
from featurewatch_receiver.errors import SlotError
from featurewatch_receiver.people.sweeper import keep_sweeping
from featurewatch_receiver.reconciliation.reconcile import keep_reconciling
from featurewatch_receiver.slots import Slot
from featurewatch_receiver.store.database import is_sqlite
from featurewatch_receiver.store.retention import delete_old
from featurewatch_receiver.watchdog.deadman import keep_watching

# How often the slot is checked, and the slots of the dead are looked for.
SLOT_SECONDS = 2.0
TIDY_SECONDS = 3600
WAITING_STOP_SECONDS = 0.5
# A step that ends no sooner keeps its slot until the process ends.
STEPS_STOP_SECONDS = 2.0
# A step that can't reach the database is tried again each second for a day.
_DATABASE_ATTEMPTS = 86_400


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
        self._away = False
        self.processor = Processor(core, self._queue)
        self._quick = (
            _thread("slot keeper", self._keep_slot),
            _thread("tidier", self._tidy),
            _thread("tender", lambda: keep_tending(core, self._queue, self._stop)),
        )
        # These may wait for another server when it is time to stop.
        self._waiting = (
            _thread("sweeper", lambda: keep_sweeping(core, self._stop)),
            _thread("reconciler", lambda: keep_reconciling(core, self._queue, self._stop)),
            _thread("watcher", lambda: keep_watching(core, self._stop)),
        )

    def start(self) -> None:
        """Start working; unfinished remediations go on where they were.

        While the database is away it keeps trying.
        """
        self._attend()
        for part in (self.processor, *self._quick, *self._waiting):
            part.start()

    def _keep_slot(self) -> None:
        while not self._stop.wait(SLOT_SECONDS):
            self._attend()

    def _attend(self) -> None:
        """Claim a slot if there is none yet, else keep it and look for work of the dead."""
        try:
            if self._slot is None:
                self._launch()
            elif not self._slot.is_held():
                logs.trouble("executor slot lost", slot=self._slot.name)
                self._on_slot_lost()
            elif left := self._slot.take_over():
                logs.event("work taken over", count=len(left))
            self._away = False
        except (SQLAlchemyError, dbos_error.DBOSException, SlotError) as error:
            if not self._away:
                logs.trouble("worker waits", error)
            self._away = True

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
                    "sys_db_pool_size": 2,
                    # Nothing of ours waits for notifications; this only bounds the time to stop.
                    "notification_listener_polling_interval_sec": 0.25,
                }
            )
            self._register()
            DBOS.launch()
        except BaseException:
            DBOS.destroy(destroy_registry=True)
            slot.release()
            raise
        self._slot = slot

    def _register(self) -> None:
        """Declare the workflow; here and not at import, since it needs this worker's parts."""
        prepare = _step("prepare", self._remediator.prepare)
        carry_out = _step("carry_out", self._remediator.carry_out)
        verify = _step("verify", self._remediator.verify)
        conclude = _step("conclude", self._remediator.conclude)

        # However often it is begun again: its own time limits end it, and nothing else would.
        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)
        def remediate(remediation_id: str) -> bool:
            for step in (prepare, carry_out, verify):
                if not step(remediation_id):
                    break
            return conclude(remediation_id)

    def is_working(self) -> bool:
        """Whether the queue is being served."""
        names = {thread.name for thread in threading.enumerate()}
        return not self._stop.is_set() and f"queue-worker-{QUEUE}" in names

    def stop(self) -> None:
        """Leave everything where it is, for the next start or for another process."""
        self._stop.set()
        if self._quick[0].ident:  # it never ran if the start failed
            self.processor.stop()
            for thread in self._quick:
                thread.join()
            deadline = Deadline(WAITING_STOP_SECONDS)
            for thread in self._waiting:
                thread.join(max(0.0, deadline.left()))
        DBOS.destroy(destroy_registry=True)
        if self._slot and _work_ended(STEPS_STOP_SECONDS):
            self._slot.release()
        self._workflows.close()
        self._queue.close()

    def close(self) -> None:
        """Stop, and let go of the database."""
        self.stop()
        self._core.close()

    def _tidy(self) -> None:
        while True:
            try:
                delete_old(self._core, self._workflows)
            except SQLAlchemyError as error:
                logs.trouble("old episodes could not be deleted", error)
            if self._stop.wait(TIDY_SECONDS):
                return


def _work_ended(seconds: float) -> bool:
    """Wait for the engine's threads; False if one still runs after so long."""
    deadline = Deadline(seconds)
    threads = [t for t in threading.enumerate() if t.name.startswith("dbos-executor-")]
    for thread in threads:
        thread.join(max(0.0, deadline.left()))
    return not any(thread.is_alive() for thread in threads)


def _thread(name: str, run: Callable[[], None]) -> threading.Thread:
    return threading.Thread(target=run, name=name, daemon=True)


def _step(name: str, function: Callable[[str], bool]) -> Callable[[str], bool]:
    """A step of the engine; it wants a function to mark, which a method is not."""

    @DBOS.step(
        name=name,
        retries_allowed=True,
        interval_seconds=1,
        backoff_rate=1,
        max_attempts=_DATABASE_ATTEMPTS,
        should_retry=lambda error: isinstance(error, SQLAlchemyError),
    )
    def step(remediation_id: str) -> bool:
        return function(remediation_id)

    return step
