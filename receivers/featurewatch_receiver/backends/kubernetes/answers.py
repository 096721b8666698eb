"""What is read of the API server's objects; whatever else they have is left alone."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

import pydantic
from pydantic.alias_generators import to_camel

from featurewatch_receiver.backends.base import TrainingState

#: The restart that a pod is of. Not kubectl's own annotation, whose value is a time.
RESTART = "featurewatch/restart"
_REVISION = "deployment.kubernetes.io/revision"


def _quantity(text: str) -> Decimal:
    from kubernetes.utils.quantity import parse_quantity

    amount: Decimal = parse_quantity(text)  # type: ignore[no-untyped-call]
    return amount


Quantity = Annotated[Decimal, pydantic.BeforeValidator(_quantity)]


class KubernetesAnswer(pydantic.BaseModel):
    """An object, or a part of one."""

    model_config = pydantic.ConfigDict(alias_generator=to_camel, frozen=True)


class Owner(KubernetesAnswer):
    """An entry of ownerReferences."""

    kind: str
    name: str
    controller: bool = False


class Metadata(KubernetesAnswer):
    """Of every object."""

    name: str
    resource_version: str
    uid: str
    generation: int = 0
    annotations: dict[str, str] = {}
    owner_references: list[Owner] = []

    @property
    def controller(self) -> Owner | None:
        """What made the object, and sets it right when somebody else changes it."""
        return next((owner for owner in self.owner_references if owner.controller), None)


class Condition(KubernetesAnswer):
    """An entry of status.conditions."""

    type: str
    status: str
    reason: str = ""
    message: str = ""

    @property
    def words(self) -> str:
        """Reason and message, for people."""
        return ": ".join(filter(None, (self.reason, self.message)))


class Amounts(KubernetesAnswer):
    """What a container asks for, and what it may not exceed."""

    requests: dict[str, Quantity] = {}
    limits: dict[str, Quantity] = {}


class Container(KubernetesAnswer):
    """A container of a pod template."""

    name: str
    resources: Amounts = Amounts()


class PodMetadata(KubernetesAnswer):
    """Metadata of a pod template."""

    annotations: dict[str, str] = {}


class PodSpec(KubernetesAnswer):
    """Spec of a pod template."""

    containers: list[Container]


class PodTemplate(KubernetesAnswer):
    """What the replicas are made from."""

    metadata: PodMetadata = PodMetadata()
    spec: PodSpec


class RollingUpdate(KubernetesAnswer):
    """How many replicas may be missing or too many meanwhile: a number, or percent of all."""

    max_unavailable: int | str = "25%"
    max_surge: int | str = "25%"

    def missing(self, replicas: int) -> int:
        """How many may be missing, as the controller rounds it."""
        missing = _share(self.max_unavailable, replicas, math.floor)
        surge = _share(self.max_surge, replicas, math.ceil)
        return missing if missing or surge else 1


class Strategy(KubernetesAnswer):
    """How replicas are replaced."""

    type: str = "RollingUpdate"
    rolling_update: RollingUpdate = RollingUpdate()


class DeploymentSpec(KubernetesAnswer):
    """What is wanted."""

    replicas: int = 1
    paused: bool = False
    strategy: Strategy = Strategy()
    template: PodTemplate


class DeploymentStatus(KubernetesAnswer):
    """What the controller has seen; zeros are left out on the wire."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    conditions: list[Condition] = []


class DeploymentAnswer(KubernetesAnswer):
    """A Deployment of apps/v1."""

    metadata: Metadata
    spec: DeploymentSpec
    status: DeploymentStatus = DeploymentStatus()

    @property
    def seen(self) -> bool:
        """The controller knows the newest spec; before that its status is of an older one."""
        return self.status.observed_generation >= self.metadata.generation

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
    def changing(self) -> str | None:
        """Why another number of replicas could cost healthy ones."""
        name, status = self.metadata.name, self.status
        if not self.seen:
            return f"the controller has yet to see the last change of {name}"
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
    def outage(self) -> str | None:
        """Why nobody might serve while the pods are replaced."""
        name, strategy, replicas = self.metadata.name, self.spec.strategy, self.spec.replicas
        if not replicas:
            return None
        fix = "change that, or write `allow_outage: true`"
        if strategy.type == "Recreate":
            return f"{name} has the strategy Recreate: no pod serves until new ones start; {fix}"
        if strategy.rolling_update.missing(replicas) >= replicas:
            most = f"maxUnavailable is {strategy.rolling_update.max_unavailable}"
            return f"a rollout of {name} may stop all of its {replicas} pods at once: {most}; {fix}"
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

    @property
    def restart_key(self) -> str | None:
        """Key of the last restart that was asked for."""
        return self.spec.template.metadata.annotations.get(RESTART)


def _share(of: int | str, replicas: int, rounded: Callable[[float], int]) -> int:
    return of if isinstance(of, int) else rounded(replicas * int(of.removesuffix("%")) / 100)


class Written(KubernetesAnswer):
    """The answer to a patch, of whatever kind: that it came is all that counts."""

    metadata: Metadata


class CronJobSpec(KubernetesAnswer):
    """The template is its owner's: passed on as it came, unknown fields included."""

    job_template: dict[str, Any]
    successful_jobs_history_limit: int = 3
    failed_jobs_history_limit: int = 1

    @property
    def keeps_jobs(self) -> bool:
        """A Job that is over stays for a while, however it ended."""
        return bool(self.successful_jobs_history_limit and self.failed_jobs_history_limit)


class CronJobAnswer(KubernetesAnswer):
    """A CronJob of batch/v1."""

    metadata: Metadata
    spec: CronJobSpec


class KubernetesJobStatus(KubernetesAnswer):
    """How the run is getting on."""

    active: int = 0
    conditions: list[Condition] = []


class JobAnswer(KubernetesAnswer):
    """A Job of batch/v1."""

    metadata: Metadata
    status: KubernetesJobStatus = KubernetesJobStatus()

    @property
    def outcome(self) -> tuple[TrainingState, str]:
        """State, and the controller's words for it."""
        states = {"Complete": TrainingState.SUCCEEDED, "Failed": TrainingState.FAILED}
        for condition in self.status.conditions:
            if condition.status == "True" and condition.type in states:
                return states[condition.type], condition.words
        return TrainingState.RUNNING, f"{self.status.active} pods active"
