"""CPU and memory of the pods that run, without a rollout (Kubernetes 1.33 and newer).

The template stays as it is. What its pods are to have instead stands in an annotation of the
Deployment: it is written first, then every pod is told, then the annotation says so. Whoever is
interrupted goes on from there.
"""

import contextlib
from typing import TYPE_CHECKING

import pydantic

from featurewatch_receiver.backends.base import ResourceAmounts
from featurewatch_receiver.backends.kubernetes.answers import (
    Amounts,
    Condition,
    Container,
    Items,
    KubernetesAnswer,
    Metadata,
    PodSpec,
    WorkloadAnswer,
    Written,
)
from featurewatch_receiver.backends.kubernetes.refusals import KubernetesMissingError
from featurewatch_receiver.backends.kubernetes.resources import amounts, scaled
from featurewatch_receiver.errors import TargetRefusedError

if TYPE_CHECKING:
    from featurewatch_receiver.backends.kubernetes.kube_api import Api

#: What the pods are to have, as JSON; without it they have what the template says.
ANNOTATION = "featurewatch/resources"
_RESIZES = ("PodResizePending", "PodResizeInProgress")


class Setpoint(pydantic.BaseModel):
    """The annotation's value."""

    model_config = pydantic.ConfigDict(frozen=True)

    cpu: float | None
    memory: int | None
    #: Every pod that there was has been told.
    told: bool

    @property
    def amounts(self) -> ResourceAmounts:
        """For each pod."""
        return ResourceAmounts(cpu=self.cpu, memory=self.memory)


class ContainerStatus(KubernetesAnswer):
    """What a container has, which the kubelet tells since Kubernetes 1.33."""

    name: str
    resources: Amounts | None = None


class PodStatus(KubernetesAnswer):
    """How the pod is getting on."""

    phase: str = ""
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()


class PodAnswer(KubernetesAnswer):
    """A pod."""

    metadata: Metadata
    spec: PodSpec
    status: PodStatus = PodStatus()

    @property
    def lives(self) -> bool:
        """It is not on its way out."""
        return not self.metadata.deletion_timestamp and self.status.phase in ("Pending", "Running")

    def container(self, name: str) -> Container | None:
        """The one of that name."""
        return next((each for each in self.spec.containers if each.name == name), None)

    @property
    def infeasible(self) -> str | None:
        """Why it will never have what it was told, in the kubelet's words."""
        return next(
            (
                f"{self.metadata.name}: {each.words}"
                for each in self.status.conditions
                if each.type == "PodResizePending" and each.reason == "Infeasible"
            ),
            None,
        )

    @property
    def resizing(self) -> bool:
        """It has yet to get what it was told."""
        if any(each.type in _RESIZES and each.status == "True" for each in self.status.conditions):
            return True
        asked = {each.name: each.resources for each in self.spec.containers}
        return any(
            each.resources is not None and each.resources != asked.get(each.name)
            for each in self.status.container_statuses
        )


def setpoint_of(seen: WorkloadAnswer) -> Setpoint | None:
    """What the pods are to have instead of what the template says.

    Raises:
        TargetRefusedError: somebody else has written the annotation.

    """
    text = seen.metadata.annotations.get(ANNOTATION)
    try:
        return None if text is None else Setpoint.model_validate_json(text)
    except pydantic.ValidationError as error:
        fix = "remove it, and restart the deployment"
        message = f"kubernetes: the annotation {ANNOTATION} is none of the receiver's; {fix}"
        raise TargetRefusedError(message) from error


def pods_of(api: "Api", namespace: str, seen: WorkloadAnswer) -> list[PodAnswer]:
    """The pods that live."""
    labels = seen.spec.selector.match_labels
    selector = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
    verb = api.core.list_namespaced_pod
    found = api.call("list pods", Items[PodAnswer], verb, namespace, label_selector=selector)
    return [pod for pod in found.items if pod.lives]


def resize(
    api: "Api", namespace: str, pods: list[PodAnswer], of: Container, wanted: ResourceAmounts
) -> None:
    """Tell every pod that has other amounts; `of` is the template's container."""
    for pod in pods:
        container = pod.container(of.name)
        if container is None or amounts(container) == wanted:
            continue
        changed = {"name": of.name, "resources": scaled(of, wanted)}
        body = {"spec": {"containers": [changed]}}
        name, verb = pod.metadata.name, api.core.patch_namespaced_pod_resize
        with contextlib.suppress(KubernetesMissingError):  # it went meanwhile
            api.write(f"resize pod {name}", Written, verb, name, namespace, body=body)
