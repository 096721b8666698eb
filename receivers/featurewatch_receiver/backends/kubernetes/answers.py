"""What is read of the API server's objects; whatever else they have is left alone."""

from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

import pydantic
from pydantic.alias_generators import to_camel

from featurewatch_receiver.backends.base import TrainingState

#: The restart that a pod is of. Not kubectl's own annotation, whose value is a time.
RESTART = "featurewatch/restart"


def _quantity(text: str) -> Decimal:
    from kubernetes.utils.quantity import parse_quantity

    amount: Decimal = parse_quantity(text)  # type: ignore[no-untyped-call]
    return amount


Quantity = Annotated[Decimal, pydantic.BeforeValidator(_quantity)]


class KubernetesAnswer(pydantic.BaseModel):
    """An object, or a part of one."""

    model_config = pydantic.ConfigDict(alias_generator=to_camel, frozen=True)


Item = TypeVar("Item", bound=pydantic.BaseModel)


class Items(KubernetesAnswer, Generic[Item]):
    """The objects of one kind in one namespace."""

    items: list[Item]


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
    deletion_timestamp: str | None = None
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


class Selector(KubernetesAnswer):
    """Which pods are of it."""

    match_labels: dict[str, str] = {}


class WorkloadSpec(KubernetesAnswer):
    """What is wanted, whatever the kind."""

    replicas: int = 1
    selector: Selector = Selector()
    template: PodTemplate


class WorkloadStatus(KubernetesAnswer):
    """What the controller has seen; zeros are left out on the wire."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0


class WorkloadAnswer(KubernetesAnswer, ABC):
    """Something of apps/v1 that keeps replicas."""

    metadata: Metadata
    spec: WorkloadSpec
    status: WorkloadStatus = WorkloadStatus()

    @property
    def seen(self) -> bool:
        """The controller knows the newest spec; before that its status is of an older one."""
        return self.status.observed_generation >= self.metadata.generation

    @property
    def changing(self) -> str | None:
        """Why another number of replicas could cost healthy ones."""
        if not self.seen:
            return f"the controller has yet to see the last change of {self.metadata.name}"
        return self.half_done

    @property
    def restart_key(self) -> str | None:
        """Key of the last restart that was asked for."""
        return self.spec.template.metadata.annotations.get(RESTART)

    @property
    @abstractmethod
    def half_done(self) -> str | None:
        """That some replicas are of the newest template, and some are not yet."""

    @property
    @abstractmethod
    def fault(self) -> str | None:
        """Why the rollout will not end, in the controller's words."""

    @property
    @abstractmethod
    def paused(self) -> str | None:
        """Why no pod is replaced; scaling works all the same."""

    @property
    @abstractmethod
    def unsafe(self) -> str | None:
        """Why fewer replicas might be left when they are replaced, or none meanwhile."""

    @property
    @abstractmethod
    def rolled_out(self) -> bool:
        """Every replica is ready and of the newest template: as `kubectl rollout status`."""

    @property
    @abstractmethod
    def revision(self) -> int | None:
        """The controller's count of pod templates."""


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
