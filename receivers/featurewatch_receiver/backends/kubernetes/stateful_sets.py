"""What is read of a StatefulSet. It has no conditions: what fails is known when the time is up."""

import math

from featurewatch_receiver.backends.kubernetes.answers import (
    KubernetesAnswer,
    WorkloadAnswer,
    WorkloadSpec,
    WorkloadStatus,
)
from featurewatch_receiver.backends.kubernetes.deployments import FIX, share


class StatefulRollingUpdate(KubernetesAnswer):
    """Pods below `partition` keep their template."""

    partition: int = 0
    max_unavailable: int | str = 1


class UpdateStrategy(KubernetesAnswer):
    """How pods are replaced."""

    type: str = "RollingUpdate"
    rolling_update: StatefulRollingUpdate = StatefulRollingUpdate()


class StatefulSetSpec(WorkloadSpec):
    """What is wanted of a StatefulSet."""

    pod_management_policy: str = "OrderedReady"
    update_strategy: UpdateStrategy = UpdateStrategy()


class StatefulSetStatus(WorkloadStatus):
    """What the controller has seen; the revisions are the same when every pod is new and ready."""

    current_revision: str = ""
    update_revision: str = ""


class StatefulSetAnswer(WorkloadAnswer):
    """A StatefulSet of apps/v1."""

    spec: StatefulSetSpec
    status: StatefulSetStatus = StatefulSetStatus()

    @property
    def half_done(self) -> str | None:
        """That some replicas are of the newest template, and some are not yet."""
        name, status = self.metadata.name, self.status
        if self.paused or self._is_newest or status.updated_replicas >= status.replicas:
            return None
        new = f"{status.updated_replicas} of {status.replicas} pods are new"
        return f"a rollout of {name} is under way, {new}"

    @property
    def fault(self) -> str | None:
        """None: the controller waits without an end."""
        return None

    @property
    def paused(self) -> str | None:
        """Why no pod is replaced, or not all of them; scaling works all the same."""
        name, strategy = self.metadata.name, self.spec.update_strategy
        if strategy.type == "OnDelete":
            return f"{name} replaces a pod when somebody deletes it (OnDelete)"
        if partition := strategy.rolling_update.partition:
            return f"{name} keeps pods below number {partition} as they are (partition)"
        return None

    @property
    def unsafe(self) -> str | None:
        """Why nobody might serve meanwhile, or a failure could not be taken back."""
        name, spec, strategy = self.metadata.name, self.spec, self.spec.update_strategy
        missing = max(1, share(strategy.rolling_update.max_unavailable, spec.replicas, math.floor))
        if not spec.replicas:
            return None
        if missing >= spec.replicas or strategy.type == "Recreate":
            return f"a rollout of {name} stops all of its {spec.replicas} pods at once; {FIX}"
        if spec.pod_management_policy == "OrderedReady":
            stays = "a pod that never gets ready stays until somebody deletes it (OrderedReady)"
            return f"a rollout of {name} could not be taken back, for {stays}; {FIX}"
        return None

    @property
    def rolled_out(self) -> bool:
        """Every replica is ready, and of the newest template where that is not held back."""
        status, wanted = self.status, self.spec.replicas
        counted = status.ready_replicas >= wanted >= status.replicas
        return self.seen and counted and bool(self.paused or self._is_newest)

    @property
    def revision(self) -> int | None:
        """None: a StatefulSet tells no count."""
        return None

    @property
    def _is_newest(self) -> bool:
        return self.status.current_revision == self.status.update_revision
