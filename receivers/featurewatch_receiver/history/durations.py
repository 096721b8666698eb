"""How long people and episodes take: what MTTA and MTTR are the means of.

Each episode is counted by the process whose transaction ended or first acknowledged it, once that
has been committed. A process that dies in between does not count it; `summary` reads the database,
which has it.
"""

from datetime import datetime

from featurewatch_receiver.core import Core
from featurewatch_receiver.labels import SEVERITIES
from featurewatch_receiver.metrics import OTHER_SEVERITY


def count_acknowledged(core: Core, severity: str | None, seconds: float) -> None:
    """Count an episode that was acknowledged for the first time."""
    core.metrics.time_to_acknowledge.labels(_known(severity)).observe(seconds)


def count_resolved(
    core: Core, severity: str | None, started_at: datetime, resolved_at: datetime
) -> None:
    """Count an episode that has ended."""
    took = max(0.0, (resolved_at - started_at).total_seconds())
    core.metrics.time_to_resolve.labels(_known(severity)).observe(took)


def _known(severity: str | None) -> str:
    return severity if severity in SEVERITIES else OTHER_SEVERITY
