"""Names shared with the workflow engine, and the way into its queue.

The engine keeps its own tables beside ours, in the same database. That is what lets a delivery
and the work it causes be stored by one transaction.
"""

from datetime import datetime

from dbos import DBOSClient, WorkflowStatus
from sqlalchemy import Connection, Engine

from featurewatch_receiver.store.engine_values import SERIALIZER

APPLICATION = "featurewatch-receiver"
WORKFLOW = "remediate"
QUEUE = "remediations"
# Work in progress is taken up only by the version that began it. Raise this when the steps of a
# workflow change their order or meaning, and not with each release.
VERSION = "1"
POLL_SECONDS = 0.1
MAX_RUNNING = 32
# Finished workflows that one statement deletes.
BATCH = 200


def register_queue(url: str) -> None:
    """Tell the engine of the queue, on which a target has one action at a time."""
    client = DBOSClient(
        system_database_url=url, application_name=APPLICATION, serializer=SERIALIZER
    )
    try:
        client.register_queue(
            QUEUE,
            partition_concurrency=1,
            worker_concurrency=MAX_RUNNING,
            polling_interval_sec=POLL_SECONDS,
        )
    finally:
        client.destroy()


class WorkQueue:
    """Puts remediations into the engine's queue."""

    def __init__(self, writer: Engine):
        self._client = _client(writer)

    def put(
        self, connection: Connection, workflow_id: str, remediation_id: str, target: str
    ) -> None:
        """Queue the remediation; it becomes visible when the caller's transaction commits."""
        self._client.enqueue_in_transaction(
            connection,
            {
                "workflow_name": WORKFLOW,
                "queue_name": QUEUE,
                "workflow_id": workflow_id,
                "queue_partition_key": target,
                "app_version": VERSION,
            },
            remediation_id,
        )

    def close(self) -> None:
        """Let go of the engine's client."""
        self._client.destroy()


class Workflows:
    """What the engine has in progress and what it has finished, in whichever process."""

    def __init__(self, writer: Engine):
        self._client = _client(writer)

    def executors(self) -> list[str]:
        """Under which names work is in progress."""
        return sorted({workflow.executor_id or "" for workflow in self._in_progress()})

    def queue_again(self, executor: str) -> list[str]:
        """Queue what is in progress under a name, and return its ids; nobody may work under it."""
        left = self._in_progress(executor)
        for workflow in left:
            self._client.resume_workflow(
                workflow.workflow_id, queue_name=workflow.queue_name or QUEUE
            )
        return [workflow.workflow_id for workflow in left]

    def delete_finished(self, before: datetime) -> int:
        """Delete workflows that ended before a moment, and return how many."""
        total = 0
        while ids := self._finished(before):
            self._client.delete_workflows(ids)
            total += len(ids)
        return total

    def close(self) -> None:
        """Let go of the engine's client."""
        self._client.destroy()

    def _in_progress(self, executor: str | None = None) -> list[WorkflowStatus]:
        return self._client.list_workflows(
            status="PENDING", executor_id=executor, load_input=False, load_output=False
        )

    def _finished(self, before: datetime) -> list[str]:
        old = self._client.list_workflows(
            completed_before=before.isoformat(), limit=BATCH, load_input=False, load_output=False
        )
        return [workflow.workflow_id for workflow in old]


def _client(writer: Engine) -> DBOSClient:
    return DBOSClient(
        system_database_engine=writer,
        application_name=APPLICATION,
        lazy=True,
        serializer=SERIALIZER,
        retry_connection_errors=False,  # a delivery must fail at once, to be sent again
    )
