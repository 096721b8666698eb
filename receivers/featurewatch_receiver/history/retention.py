"""Deletes what is older than history.max_days.

An open episode stays, however old: its remediations are what keeps an action from running twice.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, Table, delete, exists, select

from featurewatch_receiver import logs
from featurewatch_receiver.core import Core
from featurewatch_receiver.states import ACTIVE
from featurewatch_receiver.store.queue import Workflows
from featurewatch_receiver.store.schema import audit, episodes, inbox, leases, remediations

# One short transaction each, so that no delivery waits for long.
BATCH = 200


def delete_old(core: Core, workflows: Workflows) -> int:
    """Delete old episodes with all that hangs on them, and return how many.

    The engine's finished workflows of that age go too: what keeps an action from running twice is
    the remediation's row, and not the workflow.
    """
    limit = core.now() - timedelta(days=core.config.history.max_days)
    workflows.delete_finished(limit)
    total = _delete(core, episodes, episodes.c.resolved_at < limit, ~_is_acted_on())
    # What belongs to no episode, or outlives it.
    loose = remediations.c.episode_id.is_(None)
    _delete(core, remediations, loose, remediations.c.finished_at < limit)
    _delete(core, leases, leases.c.ended_at < limit)
    _delete(core, audit, audit.c.at < limit)
    _delete(core, inbox, inbox.c.fault.is_not(None), inbox.c.received_at < limit)
    if total:
        logs.event("old episodes deleted", count=total)
    return total


def _is_acted_on() -> ColumnElement[bool]:
    """Whether an action of the episode has not ended."""
    return exists().where(
        remediations.c.episode_id == episodes.c.id, remediations.c.state.in_(ACTIVE)
    )


def _delete(core: Core, table: Table, *conditions: ColumnElement[bool]) -> int:
    total = 0
    old = select(table.c.id).where(*conditions).limit(BATCH)
    while True:
        with core.writer.begin() as connection:
            deleted = connection.execute(delete(table).where(table.c.id.in_(old))).rowcount
        total += deleted
        if deleted < BATCH:
            return total
