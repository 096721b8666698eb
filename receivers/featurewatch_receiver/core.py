"""What the web side and the worker share: settings, database, numbers, clock."""

from dataclasses import dataclass, field

from sqlalchemy import Engine

from featurewatch_receiver.access.token_files import Tokens
from featurewatch_receiver.clock import Clock, DatabaseClock, utc_now
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.loops import Arrivals
from featurewatch_receiver.metrics import Metrics
from featurewatch_receiver.store.database import is_sqlite, open_reader, open_writer


@dataclass(frozen=True, kw_only=True)
class Core:
    """The parts of one process. Make it after the fork: connections don't survive one."""

    config: ReceiverConfig
    tokens: Tokens
    writer: Engine
    reader: Engine
    metrics: Metrics
    now: Clock
    arrivals: Arrivals = field(default_factory=Arrivals)

    def close(self) -> None:
        """Close every connection."""
        self.writer.dispose()
        self.reader.dispose()


def open_core(config: ReceiverConfig, tokens: Tokens, now: Clock | None = None) -> Core:
    """Open the database and start counting; the tables must exist.

    Without `now` the time is this machine's on SQLite, and the server's on PostgreSQL.
    """
    url = config.receiver.database
    reader = open_reader(url)
    return Core(
        config=config,
        tokens=tokens,
        writer=open_writer(url),
        reader=reader,
        metrics=Metrics(config.targets),
        now=now or (utc_now if is_sqlite(url) else DatabaseClock(reader)),
    )
