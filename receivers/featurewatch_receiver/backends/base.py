"""What a backend can do: the verbs that actions are made of."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A deployment as its backend sees it."""

    replicas: int
    ready_replicas: int
    generation: int


class Backend(Protocol):
    """A way to one installation. Every verb raises a TargetError when it fails."""

    def deployment(self, name: str) -> Deployment:
        """Look at a deployment."""

    def scale(self, name: str, replicas: int, *, expected: int) -> Deployment:
        """Set the number of replicas, provided that it still is `expected`."""

    def clear_cache(self, name: str, key: str) -> int:
        """Empty a cache, once per key; return the number of entries that were dropped."""

    def close(self) -> None:
        """Let go of connections."""
