"""Runs remediations as durable workflows, and keeps database and acknowledgements tidy.

One worker per process: the workflow engine is a global of its process.
"""

import threading
from collections.abc import Callable

from dbos import DBOS
from sqlalchemy.exc import SQLAlchemyError

from featurewatch_receiver import logs
from featurewatch_receiver.core import Core
from featurewatch_receiver.engine import APPLICATION, QUEUE, VERSION, WORKFLOW
from featurewatch_receiver.remediator import LOOK_AGAIN_SECONDS, Remediator
from featurewatch_receiver.retention import delete_old
from featurewatch_receiver.sweeper import keep_sweeping

# One process on SQLite always finds its own unfinished work again. Several processes need a name
# each, and a way to take over from the dead.
EXECUTOR = "embedded"
TIDY_SECONDS = 3600
SWEEPER_STOP_SECONDS = 0.5
# A step that can't reach the database is tried again each second for a day.
_DATABASE_ATTEMPTS = 86_400


class Worker:
    """The engine, its workflow, and the threads that tidy up."""

    def __init__(self, core: Core, look_again: float = LOOK_AGAIN_SECONDS):
        self._core = core
        self._stop = threading.Event()
        self._remediator = Remediator(core, self._stop, look_again)
        self._tidier = threading.Thread(target=self._tidy, name="tidier", daemon=True)
        self._sweeper = threading.Thread(
            target=keep_sweeping, args=(core, self._stop), name="sweeper", daemon=True
        )

    def start(self) -> None:
        """Start working; unfinished remediations go on where they were."""
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": self._core.config.receiver.database,
                "executor_id": EXECUTOR,
                "application_version": VERSION,
                "log_level": "WARNING",
                "sys_db_pool_size": 2,
                # Nothing of ours waits for notifications; this only bounds the time to stop.
                "notification_listener_polling_interval_sec": 0.25,
            }
        )
        self._register()
        DBOS.launch()
        self._tidier.start()
        self._sweeper.start()

    def _register(self) -> None:
        """Declare the workflow; here and not at import, since it needs this worker's parts."""
        prepare = _step("prepare", self._remediator.prepare)
        carry_out = _step("carry_out", self._remediator.carry_out)

        @DBOS.workflow(name=WORKFLOW)
        def remediate(remediation_id: str) -> bool:
            return prepare(remediation_id) and carry_out(remediation_id)

    def is_working(self) -> bool:
        """Whether the queue is being served."""
        names = {thread.name for thread in threading.enumerate()}
        return not self._stop.is_set() and f"queue-worker-{QUEUE}" in names

    def stop(self) -> None:
        """Leave everything where it is, for the next start."""
        self._stop.set()
        DBOS.destroy(destroy_registry=True)
        if self._tidier.ident:  # it never ran if the start failed
            self._tidier.join()
            # It may be waiting for Alertmanager, which is no reason to wait for it.
            self._sweeper.join(SWEEPER_STOP_SECONDS)

    def close(self) -> None:
        """Stop, and let go of the database."""
        self.stop()
        self._core.close()

    def _tidy(self) -> None:
        while True:
            try:
                delete_old(self._core, DBOS.delete_workflows)
            except SQLAlchemyError as error:
                logs.trouble("old episodes could not be deleted", error)
            if self._stop.wait(TIDY_SECONDS):
                return


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
