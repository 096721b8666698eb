"""What a backend can do: the verbs that actions are made of.

A backend offers the protocols that its installation is good for. Each verb is one exchange with
the target, bounded in time, and raises a TargetError when it fails.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, kw_only=True)
class ResourceAmounts:
    """What each replica is given; None is what the installation does not set."""

    #: Cores.
    cpu: float | None = None
    #: Bytes.
    memory: int | None = None


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A deployment as its backend sees it."""

    #: How many are wanted now, whoever wants them.
    replicas: int
    ready_replicas: int
    #: Changes with each change of the deployment; opaque.
    generation: str
    #: Every replica is of the newest state, and none of an older one is left.
    settled: bool = True
    #: Why the newest state will never be reached, in the platform's words.
    fault: str | None = None
    #: Why the number of replicas is left alone now: a change is half done, so that another number
    #: could cost healthy replicas.
    changing: str | None = None
    #: Why no replica is replaced now: a person has paused that.
    paused: str | None = None
    #: Why fewer replicas might be left when they are replaced, or none meanwhile.
    unsafe: str | None = None
    #: Key of the last restart that was asked for, if the platform keeps it.
    restart_key: str | None = None
    #: Grows by one with each state that replicas are made of, if the platform counts them.
    revision: int | None = None
    #: What sets the number of replicas instead of us: "HorizontalPodAutoscaler fe". Then `scale`
    #: sets its lower bound.
    autoscaler: str | None = None
    #: Bounds of the autoscaler.
    autoscaler_min: int | None = None
    autoscaler_max: int | None = None
    resources: ResourceAmounts = ResourceAmounts()
    #: Why nobody can say what those are, with the fix.
    unsized: str | None = None
    #: Replicas get other resources while they run, and none is replaced.
    in_place: bool = False
    #: Some replicas have yet to be told of `resources`.
    untold: bool = False

    @property
    def setpoint(self) -> int:
        """The number that `scale` sets: of replicas, or the autoscaler's lower bound."""
        return self.replicas if self.autoscaler_min is None else self.autoscaler_min


class TrainingState(StrEnum):
    """How a training run is getting on."""

    #: Accepted, queued or under way.
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Training:
    """A training run."""

    #: Ours where the system takes one, else the system's own.
    run_id: str
    state: TrainingState
    #: One sentence for people, in the system's words.
    detail: str = ""


class Backend(Protocol):
    """A way to one installation, for one step of one remediation."""

    def close(self) -> None:
        """Let go of connections."""


@runtime_checkable
class Deployments(Protocol):
    """Sees and changes deployments."""

    def deployment(self, name: str) -> Deployment:
        """Look at a deployment."""

    def scale(self, name: str, setpoint: int, *, expected: int) -> Deployment:
        """Set the setpoint, provided that it still is `expected`.

        Raises:
            TargetChangedError: it is another one.

        """

    def restart(self, name: str, key: str) -> Deployment:
        """Replace every replica, one after the other, once per key."""

    def undo_restart(self, name: str, previous_key: str | None) -> Deployment:
        """Bring back the replicas of before, as far as they are still there.

        Raises:
            TargetRefusedError: this platform can't.

        """


@runtime_checkable
class Resources(Protocol):
    """Changes what the replicas of a deployment are given."""

    def deployment(self, name: str) -> Deployment:
        """Look at a deployment."""

    def set_resources(
        self, name: str, wanted: ResourceAmounts, *, expected: ResourceAmounts
    ) -> Deployment:
        """Give each replica other amounts, provided that they still are as expected.

        Raises:
            TargetChangedError: they are others.

        """


@runtime_checkable
class Caches(Protocol):
    """Empties caches."""

    def clear_cache(self, name: str, key: str) -> int:
        """Empty a cache, once per key; return the number of entries that were dropped."""


@runtime_checkable
class Trainings(Protocol):
    """Starts training runs."""

    def start_training(self, model: str, run_id: str, facts: dict[str, str]) -> Training:
        """Start a run, or find the one of this id. `facts` is told to the run as data."""

    def training(self, model: str, run_id: str) -> Training | None:
        """Look at a run; None when there is none of this id.

        Raises:
            TargetBlindError: this system can't tell.

        """
