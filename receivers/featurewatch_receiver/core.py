"""What the web side and the worker share: settings, database, numbers, clock."""

from dataclasses import dataclass

from sqlalchemy import Engine

from featurewatch_receiver.clock import Clock, utc_now
from featurewatch_receiver.config import ReceiverConfig
from featurewatch_receiver.database import open_reader, open_writer
from featurewatch_receiver.metrics import Metrics
from featurewatch_receiver.tokens import Tokens


@dataclass(frozen=True, kw_only=True)
class Core:
    """The parts of one process. Make it after the fork: connections don't survive one."""

    config: ReceiverConfig
    tokens: Tokens
    writer: Engine
    reader: Engine
    metrics: Metrics
    now: Clock

    def close(self) -> None:
        """Close every connection."""
        self.writer.dispose()
        self.reader.dispose()


def open_core(config: ReceiverConfig, tokens: Tokens, now: Clock = utc_now) -> Core:
    """Open the database and start counting; the tables must exist."""
    url = config.receiver.database
    return Core(
        config=config,
        tokens=tokens,
        writer=open_writer(url),
        reader=open_reader(url),
        metrics=Metrics(),
        now=now,
    )
