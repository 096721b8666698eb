"""Names shared with the workflow engine, and the way into its queue.

The engine keeps its own tables beside ours, in the same database. That is what lets a delivery
and the work it causes be stored by one transaction.
"""

from dbos import DBOS, DBOSClient
from sqlalchemy import Connection, Engine

APPLICATION = "featurewatch-receiver"
WORKFLOW = "remediate"
QUEUE = "remediations"
# Work in progress is taken up only by the version that began it. Raise this when the steps of a
# workflow change their order or meaning, and not with each release.
VERSION = "1"
POLL_SECONDS = 0.2
MAX_RUNNING = 32


def prepare_engine(url: str) -> None:
    """Create the engine's tables and its queue, on which a target has one action at a time."""
    DBOS.migrate(url)
    client = DBOSClient(system_database_url=url, application_name=APPLICATION)
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
        self._client = DBOSClient(
            system_database_engine=writer,
            application_name=APPLICATION,
            lazy=True,
            retry_connection_errors=False,  # a delivery must fail at once, to be sent again
        )

    def put(self, connection: Connection, remediation_id: str, target: str) -> None:
        """Queue the remediation; it becomes visible when the caller's transaction commits."""
        self._client.enqueue_in_transaction(
            connection,
            {
                "workflow_name": WORKFLOW,
                "queue_name": QUEUE,
                "workflow_id": remediation_id,
                "queue_partition_key": target,
                "app_version": VERSION,
            },
            remediation_id,
        )

    def close(self) -> None:
        """Let go of the engine's client."""
        self._client.destroy()
