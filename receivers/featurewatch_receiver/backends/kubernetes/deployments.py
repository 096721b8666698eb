"""What is read of a Deployment."""

import math
from collections.abc import Callable

from featurewatch_receiver.backends.kubernetes.answers import (
    Condition,
    KubernetesAnswer,
    WorkloadAnswer,
    WorkloadSpec,
    WorkloadStatus,
)

#: What ends every refusal of a rollout that is unsafe.
FIX = "change that, or write `unsafe_rollouts: true`"
_REVISION = "deployment.kubernetes.io/revision"


class RollingUpdate(KubernetesAnswer):
    """How many replicas may be missing or too many meanwhile: a number, or percent of all."""

    max_unavailable: int | str = "25%"
    max_surge: int | str = "25%"

    def missing(self, replicas: int) -> int:
        """How many may be missing, as the controller rounds it."""
        missing = share(self.max_unavailable, replicas, math.floor)
        surge = share(self.max_surge, replicas, math.ceil)
        return missing if missing or surge else 1


class Strategy(KubernetesAnswer):
    """How replicas are replaced."""

    type: str = "RollingUpdate"
    rolling_update: RollingUpdate = RollingUpdate()


class DeploymentSpec(WorkloadSpec):
    """What is wanted of a Deployment."""

    paused: bool = False
    strategy: Strategy = Strategy()


class DeploymentStatus(WorkloadStatus):
    """What the controller of Deployments has seen."""

    conditions: tuple[Condition, ...] = ()


class DeploymentAnswer(WorkloadAnswer):
    """A Deployment of apps/v1."""

    spec: DeploymentSpec
    status: DeploymentStatus = DeploymentStatus()

    @property
    def fault(self) -> str | None:
        """Why the rollout will not end, in the controller's words."""
        if not self.seen:
            return None
        return next((c.words for c in self.status.conditions if self._ends(c)), None)

    def _ends(self, condition: Condition) -> bool:
        if condition.type == "Progressing":
            return condition.reason == "ProgressDeadlineExceeded"
        # It outlives its cause for a moment: then no pod is missing.
        missing = self._current < self.spec.replicas
        return condition.type == "ReplicaFailure" and condition.status == "True" and missing

    @property
    def half_done(self) -> str | None:
        """That some replicas are of the newest template, and some are not yet."""
        name, status = self.metadata.name, self.status
        if self._current < status.replicas:
            new = f"{status.updated_replicas} of {status.replicas} pods are new"
            return f"a rollout of {name} is {'paused' if self.spec.paused else 'under way'}, {new}"
        return None

    @property
    def paused(self) -> str | None:
        """Why no pod is replaced; scaling works all the same."""
        if not self.spec.paused:
            return None
        name = self.metadata.name
        return f"the rollout of {name} is paused; `kubectl rollout resume` ends that"

    @property
    def unsafe(self) -> str | None:
        """Why nobody might serve while the pods are replaced."""
        name, strategy, replicas = self.metadata.name, self.spec.strategy, self.spec.replicas
        if not replicas:
            return None
        if strategy.type == "Recreate":
            return f"{name} has the strategy Recreate: no pod serves until new ones start; {FIX}"
        if strategy.rolling_update.missing(replicas) >= replicas:
            most = f"maxUnavailable is {strategy.rolling_update.max_unavailable}"
            return f"a rollout of {name} may stop all of its {replicas} pods at once: {most}; {FIX}"
        return None

    @property
    def rolled_out(self) -> bool:
        """Every replica is available and of the newest template: as `kubectl rollout status`.

        One of a paused rollout may be of the template before.
        """
        status = self.status
        return (
            self.seen
            and not self.fault
            and self._current >= self.spec.replicas
            and status.replicas <= self._current
            and status.available_replicas >= self._current
        )

    @property
    def _current(self) -> int:
        """How many pods count: where a rollout is paused before its first, those of before."""
        waits = self.spec.paused and not self.status.updated_replicas
        return self.status.replicas if waits else self.status.updated_replicas

    @property
    def revision(self) -> int | None:
        """The controller's count of pod templates."""
        count = self.metadata.annotations.get(_REVISION, "")
        return int(count) if count.isdecimal() else None


def share(of: int | str, replicas: int, rounded: Callable[[float], int]) -> int:
    """A number, or percent of all, as the controller rounds it."""
    return of if isinstance(of, int) else rounded(replicas * int(of.removesuffix("%")) / 100)
