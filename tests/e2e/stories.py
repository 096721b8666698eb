"""What the scenarios left behind, for the tests that read it."""

from concurrent.futures import Future
from dataclasses import dataclass

from e2e.journal import Journal


@dataclass(frozen=True, kw_only=True)
class Stories:
    """What the scenarios left behind."""

    #: Unix time at which the maintenance ends.
    maintenance_end: float
    _journals: dict[str, Journal]
    _ends: dict[str, "Future[None]"]

    def of(self, scenario: str) -> Journal:
        """The journal, once that scenario went as it should; else its error is raised."""
        self._ends[scenario].result()
        return self._journals[scenario]
