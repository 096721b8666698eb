"""The receiver of tests/receiver, and people who look at its console."""

from receiver.conftest import (  # fixtures
    blank_database,
    client,
    live,
    make_receiver,
    receiver,
    settings,
    target,
    target_server,
)

__all__ = [
    "blank_database",
    "client",
    "live",
    "make_receiver",
    "receiver",
    "settings",
    "target",
    "target_server",
]
