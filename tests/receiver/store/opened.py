"""Looks into a database without a receiver."""

from collections.abc import Callable
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from featurewatch_receiver.store import schema
from featurewatch_receiver.store.database import open_for_migration


def with_connection(url: str, work: Callable[[Connection], Any]) -> Any:
    engine = open_for_migration(url)
    try:
        with engine.begin() as connection:
            return work(connection)
    finally:
        engine.dispose()


def differences(connection: Connection) -> list[Any]:
    """What alembic would still change; comments are for readers of schema.py alone."""

    def ours(item: Any, name: str, kind: str, reflected: bool, _: object) -> bool:
        return kind != "table" or not reflected or name in schema.metadata.tables

    options = {"compare_type": True, "compare_server_default": True, "include_object": ours}
    context = MigrationContext.configure(connection, opts=options)
    flat = []
    for change in compare_metadata(context, schema.metadata):
        flat += change if isinstance(change, list) else [change]
    return [change for change in flat if not change[0].endswith("_comment")]
