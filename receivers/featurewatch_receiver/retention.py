"""Deletes what is older than history.max_days.

An open episode stays, however old: its remediations are what keeps an action from running twice.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select

from featurewatch_receiver import logs
from featurewatch_receiver.core import Core
from featurewatch_receiver.engine import Workflows
from featurewatch_receiver.remediations import ACTIVE
from featurewatch_receiver.schema import episodes, remediations

# One short transaction each, so that no delivery waits for long.
BATCH = 200


def delete_old(core: Core, workflows: Workflows) -> int:
    """Delete old episodes with all that hangs on them, and return how many.

    The engine's finished workflows of that age go too: what keeps an action from running twice is
    the remediation's row, and not the workflow.
    """
    workflows.delete_finished(_limit(core))
    total = 0
    while batch := _old_episodes(core):
        with core.writer.begin() as connection:
            connection.execute(delete(episodes).where(episodes.c.id.in_(batch)))
        total += len(batch)
    if total:
        logs.event("old episodes deleted", count=total)
    return total


def _old_episodes(core: Core) -> list[str]:
    active = exists().where(
        remediations.c.episode_id == episodes.c.id, remediations.c.state.in_(ACTIVE)
    )
    old = select(episodes.c.id).where(episodes.c.resolved_at < _limit(core), ~active).limit(BATCH)
    with core.reader.begin() as connection:
        return list(connection.scalars(old))


def _limit(core: Core) -> datetime:
    return core.now() - timedelta(days=core.config.history.max_days)
