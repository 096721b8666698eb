"""Deletes what is older than history.max_days.

An open episode stays, however old: its remediations are what keeps an action from running twice.
"""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import delete, exists, select

from featurewatch_receiver import logs
from featurewatch_receiver.core import Core
from featurewatch_receiver.remediations import ACTIVE
from featurewatch_receiver.schema import episodes, remediations

# One short transaction each, so that no delivery waits for long.
BATCH = 200


def delete_old(core: Core, forget: Callable[[list[str]], None]) -> int:
    """Delete old episodes with all that hangs on them, and return how many.

    `forget` deletes the workflows of these ids. It comes first: should it fail, the next
    attempt finds the same episodes again.
    """
    total = 0
    while batch := _old_episodes(core):
        with core.reader.begin() as connection:
            mine = select(remediations.c.id).where(remediations.c.episode_id.in_(batch))
            workflows = list(connection.scalars(mine))
        if workflows:
            forget(workflows)
        with core.writer.begin() as connection:
            connection.execute(delete(episodes).where(episodes.c.id.in_(batch)))
        total += len(batch)
    if total:
        logs.event("old episodes deleted", count=total)
    return total


def _old_episodes(core: Core) -> list[str]:
    limit = core.now() - timedelta(days=core.config.history.max_days)
    active = exists().where(
        remediations.c.episode_id == episodes.c.id, remediations.c.state.in_(ACTIVE)
    )
    old = select(episodes.c.id).where(episodes.c.resolved_at < limit, ~active).limit(BATCH)
    with core.reader.begin() as connection:
        return list(connection.scalars(old))
